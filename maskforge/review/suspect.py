"""What a network says of drawn regions that it has not learned from, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Connectivity, Suspicion
from maskforge.evaluation.measures.lesions import is_judged
from maskforge.evaluation.measures.regions import Regions
from maskforge.review.components import Bools, Box, Components, Region


class Compared(NamedTuple):
    """A region of one image that was drawn or predicted, and how far the other side contradicts.

    Attributes:
        kind: What may be wrong with what was drawn.
        number: Of the class that was drawn, or of the one that is missing, from 1.
        other: Of the class that the network sees there; 0 but for ``class``.
        score: How sure the network is, from 0, where both sides agree, to 1.
        area: Pixels of the region.
        box: Left, top, right and bottom of it in pixels; right and bottom are behind the last.
    """

    kind: Suspicion
    number: int
    other: int
    score: float
    area: int
    box: Box


def compared(
    image: Regions,
    probabilities: NDArray[Any],
    *,
    connectivity: Connectivity = 8,
    min_size: int = 1,
    tolerance: float = 2.0,
) -> Iterator[Compared]:
    """Yield the regions of an image, and how far a network sees something else than is drawn.

    - ``missed``: predicted. Where nothing is drawn, and less than half of it is void, the score is
      the mean probability inside.
    - ``invented``: drawn where nothing is predicted. The score is 1 less the mean probability.
    - ``class``: drawn where another class is predicted in at least half of the pixels. The score is
      the difference of the mean probabilities.
    - ``outline``: drawn and predicted. If some pixels that only one of both has are farther from
      the drawn outline than the tolerance, the score is their number, each weighted by
      ``|2p - 1|``, over that of all pixels that either has.

    Args:
        image: What is drawn, as the truth, and what was predicted.
        probabilities: (H, W, K) of the K classes.
        connectivity: Whether pixels that touch at a corner are connected.
        min_size: Smaller regions, in pixels, say nothing.
        tolerance: Distance between outlines that is no error, in pixels.
    """
    drawn_at_all: Bools = np.logical_or.reduce(image.truth[1:])
    void = image.void
    for number in range(1, len(image.truth)):
        likely = probabilities[..., number - 1]
        drawn = Components.of(image.truth[number], connectivity)
        predicted = Components.of(image.predicted[number], connectivity)
        for region in drawn.regions(min_size):
            if _cut(image.predicted[number], region).any():
                strays = _strays(region, drawn, predicted, likely, tolerance)
                yield Compared("outline", number, 0, strays, region.area, region.box)
                continue
            own = _mean(likely, region)
            other = _other(region, number, image, probabilities)
            if other:
                score = max(0.0, _mean(probabilities[..., other - 1], region) - own)
                yield Compared("class", number, other, score, region.area, region.box)
            else:
                yield Compared("invented", number, 0, 1 - own, region.area, region.box)
        if void is not None:  # which may have cut a region into several
            predicted = Components.of(image.marked[number - 1], connectivity)
        for region in predicted.regions(min_size):
            if void is not None and not is_judged(region.area, _cut(void, region).sum()):
                continue
            alone = not _cut(drawn_at_all, region).any()
            score = _mean(likely, region) if alone else 0.0
            yield Compared("missed", number, 0, score, region.area, region.box)


def _cut(plane: Bools, region: Region) -> Bools:
    """Return which pixels of a plane lie in a region, in its box."""
    cut: Bools = plane[region.part] & region.inside
    return cut


def _mean(likely: NDArray[Any], region: Region) -> float:
    return float(likely[region.part][region.inside].mean(dtype=np.float64))


def _other(region: Region, number: int, image: Regions, probabilities: NDArray[Any]) -> int:
    """Return the class that is predicted in at least half of a region, the likeliest; 0 if none."""
    half = region.area / 2
    fitting = [
        one
        for one in range(1, len(image.predicted))
        if one != number and np.count_nonzero(_cut(image.predicted[one], region)) >= half
    ]
    return max(fitting, key=lambda one: _mean(probabilities[..., one - 1], region), default=0)


def _strays(
    region: Region,
    drawn: Components,
    predicted: Components,
    likely: NDArray[Any],
    tolerance: float,
) -> float:
    """Return how far what was predicted for a drawn region strays from it.

    What was predicted for it is all predicted regions that touch it, without the pixels of other
    drawn regions.
    """
    touched = np.unique(predicted.numbers[region.part][region.inside])
    touched = touched[touched > 0]
    boxes = np.concatenate([predicted.boxes[touched], [region.box]])
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = boxes[:, 2:].max(axis=0)
    part = slice(top, bottom), slice(left, right)
    mine = np.zeros((bottom - top, right - left), np.bool_)
    mine[region.box[1] - top : region.box[3] - top, region.box[0] - left : region.box[2] - left] = (
        region.inside
    )
    theirs = np.isin(predicted.numbers[part], touched) & ~(drawn.plane[part] & ~mine)
    beyond = (mine != theirs) & (_distance(mine) > tolerance)
    sure = np.abs(2 * likely[part][beyond].astype(np.float64) - 1)
    return float(sure.sum() / np.count_nonzero(mine | theirs))


def _distance(mine: Bools) -> NDArray[np.float32]:
    """Return the distance of every pixel's center from the outline of a region, on both sides.

    The outline lies half a pixel from the centers on both sides of it. The region is taken as what
    it is beyond the array: nothing.
    """
    padded = np.pad(mine, 1)
    inside, outside = (
        cv2.distanceTransform(one.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for one in (padded, ~padded)
    )
    distance: NDArray[np.float32] = np.maximum(inside, outside)[1:-1, 1:-1] - np.float32(0.5)
    return distance
