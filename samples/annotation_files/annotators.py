"""What several people draw on one image: the first every lesion as it is, the others less exactly.

The others miss some lesions, invent some, and draw the rest a little larger and not quite in its
place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from bitewings.curves import Points, roughened
from bitewings.outlines import TOOTH

from annotation_files.marks import Mark

NAMES = ("anna", "ben", "carl")

_MISSED = 0.15  # of the lesions
_INVENTED = 0.25  # of the images get one
_LARGER, _LARGER_BY = 1.06, 0.08  # how large they are drawn: mean and standard deviation
_ROUGH, _AWAY = 0.03, 0.04  # how rough and how far away, as parts of their size


def lesions_as_drawn(
    marks: Sequence[Mark], lesion: str, annotator: int, rng: np.random.Generator
) -> tuple[Mark, ...]:
    """Return the lesions that somebody draws.

    Args:
        marks: The true outlines, in groups that are the numbers of their teeth.
        lesion: Label of the lesions.
        annotator: 0 draws all of them as they are.
        rng: What the others do depends on it.
    """
    lesions = [one for one in marks if one.labels == (lesion,)]
    if annotator == 0 or not lesions:
        return tuple(lesions)
    drawn = [_redrawn(one, rng) for one in lesions if rng.random() >= _MISSED]
    if rng.random() < _INVENTED:
        drawn += _invented(lesions, marks, rng)
    return tuple(drawn)


def _redrawn(mark: Mark, rng: np.random.Generator) -> Mark:
    center, size = mark.points.mean(axis=0), float(np.ptp(mark.points, axis=0).max())
    ring = center + rng.normal(_LARGER, _LARGER_BY) * (mark.points - center)
    ring = roughened(ring + rng.normal(0, _AWAY * size, 2), rng, _ROUGH * size)
    return replace(mark, points=np.round(ring, 2))


def _invented(
    lesions: Sequence[Mark], marks: Sequence[Mark], rng: np.random.Generator
) -> list[Mark]:
    """Return a lesion as another tooth of the image has it, in a tooth that has none."""
    crowns = {one.group: _box(one) for one in marks if one.labels == ("enamel",)}
    teeth = {one.group: _box(one) for one in marks if one.labels == (TOOTH,)}
    model = lesions[int(rng.integers(len(lesions)))]
    sound = sorted(set(crowns) - {one.group for one in lesions}, key=str)
    for at in rng.permutation(len(sound)):
        tooth = sound[at]
        way = crowns[tooth].mean(axis=0) - crowns[model.group].mean(axis=0)
        ring = np.round(model.points + way, 2)
        low, high = teeth[tooth]
        if ((ring > low) & (ring < high)).all():
            return [replace(model, points=ring, group=tooth, note=f"tooth {tooth}")]
    return []


def _box(mark: Mark) -> Points:
    """Return two opposite corners of what surrounds a mark."""
    return np.stack([mark.points.min(axis=0), mark.points.max(axis=0)])
