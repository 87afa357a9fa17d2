"""What lies in the units of one image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.depths import deepest
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.regions import Regions
from maskforge.evaluation.measures.unit_rows import UnitRows
from maskforge.evaluation.measures.units import (
    UnitMap,
    counted_lesions,
    hits,
    holding,
    outside,
    unit_scores,
)
from maskforge.evaluation.units.unit_source import UnitSource
from maskforge.examples.example import Example


def measure_units(
    source: UnitSource,
    example: Example,
    image: Regions,
    probabilities: NDArray[Any] | None,
    options: MeasureOptions,
) -> UnitRows | None:
    """Return what lies in the units of an image; None if nothing is known of them.

    Void pixels of the truth count nowhere. A unit is left out if it has fewer other pixels than a
    lesion needs to be counted, or no lesion and that many void pixels, which may be one: nobody can
    tell whether there is one.

    Raises:
        DatasetError: If the units cannot be read, or are not of the size of the truth.
    """
    planes = [one + 1 for one in source.lesions]  # the first plane is the background
    sides: list[NDArray[np.bool_]] = [
        np.asarray(one[planes].any(axis=0)) for one in (image.truth, image.predicted)
    ]
    found = source.read(example, sides[0])
    if found is None:
        return None
    least, connectivity = source.question.least, options.connectivity
    void = np.bincount(found.map.numbers[~image.valid], minlength=len(found.map) + 1)[1:]
    unknown = (void >= least) & ~hits(found.map, sides[0], least, connectivity)
    judged = image.valid & ~np.isin(found.map.numbers, np.flatnonzero(unknown) + 1)
    units = found.map.within(judged, least)
    counted = [counted_lesions(units, one, least, connectivity) for one in sides]
    truth, predicted = (holding(units, one) for one in counted)
    depths = None
    if found.zones is not None:
        depths = np.stack([deepest(units, found.zones, one) for one in counted])
    return UnitRows(
        names=units.names,
        pixels=np.bincount(units.numbers.ravel(), minlength=len(units) + 1)[1:],
        truth=truth,
        predicted=predicted,
        scores=_scores(units, probabilities, source, options),
        depths=depths,
        lost=found.lost,
        outside=(
            *outside(found.map, sides[0], connectivity),
            *outside(found.map, sides[1], connectivity),
        ),
    )


def _scores(
    units: UnitMap,
    probabilities: NDArray[Any] | None,
    source: UnitSource,
    options: MeasureOptions,
) -> NDArray[np.float64]:
    if probabilities is None:
        return np.full(len(units), np.nan)
    likely = probabilities[..., list(source.lesions)].max(axis=-1)
    return unit_scores(units, likely, options.top_pixels)
