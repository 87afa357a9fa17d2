"""Regions of masks that nobody may have meant to draw."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maskforge.checks.base import CheckPlace, Survey

_FEWEST_REGIONS = 5
_TIMES_LARGER = 50


def far_outside(survey: Survey) -> Iterator[CheckPlace]:
    """Yield shapes that lie far outside."""
    for one in survey.images:
        yield from one.outside


def speck(survey: Survey) -> Iterator[CheckPlace]:
    """Yield lone regions of a few pixels, of classes that are usually much larger."""
    usual: dict[int, float] = {}
    for id_ in survey.classes.foreground_ids:
        sizes = [one.regions[id_].sizes for one in survey.masked if id_ in one.regions]
        if sum(map(len, sizes)) >= _FEWEST_REGIONS:
            usual[id_] = float(np.median(np.concatenate(sizes)))
    for one in survey.masked:
        for id_, found in one.regions.items():
            for size, box in found.specks:
                if size * _TIMES_LARGER <= usual.get(id_, 0.0):
                    name = survey.classes.names.get(id_, str(id_))
                    yield one.place.saying(
                        f"{size} px of {name!r}, which usually has {usual[id_]:.0f} px", box=box
                    )
