"""Distances between the outlines of regions that come in bands of rows.

They are those of the whole: the border pixels are found with the rows above and below each band,
and the nearest is looked for among those of rows far enough up and down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.outlines import Distances, border

_AT_A_TIME = 2**19
"""Border pixels that are in a tree."""


class BandBorder:
    """The border pixels of one side."""

    def __init__(self) -> None:
        """Begin above the first band."""
        self._known: NDArray[np.bool_] | None = None  # a row that is done, and one that is not
        self._top = 0
        self._found: list[NDArray[np.int32]] = []

    def add(self, region: NDArray[np.bool_]) -> None:
        """Take the next band, (h, W) bool."""
        if self._known is None:
            known, done = region, 0
        else:
            known, done = np.concatenate((self._known, region)), len(self._known) - 1
        self._take(known, done, len(known) - 1)
        kept = min(2, len(known))
        self._top += len(known) - kept
        self._known = known[-kept:].copy()

    def _take(self, known: NDArray[np.bool_], start: int, stop: int) -> None:
        if known[start:stop].any():
            rows, columns = np.nonzero(border(known)[start:stop])
            place = np.stack((rows + (self._top + start), columns), axis=1)
            self._found.append(place.astype(np.int32))

    def points(self) -> NDArray[np.int32]:
        """Return row and column (N, 2) of every border pixel, after the last band."""
        if self._known is not None:
            self._take(self._known, len(self._known) - 1, len(self._known))
            self._known = None
        return np.concatenate([*self._found, np.empty((0, 2), np.int32)])


@dataclass(frozen=True, eq=False)
class BandRegions:
    """Where a class is in an image, as far as measures of outlines look at it.

    Attributes:
        truth: (N, 2) border pixels of the truth.
        predicted: Likewise of the prediction.
        options: How it is measured.
    """

    truth: NDArray[np.int32]
    predicted: NDArray[np.int32]
    options: MeasureOptions

    @cached_property
    def distances(self) -> Distances:
        """The distances between the outlines; on neither side there may be none."""
        corner = np.minimum(self.truth.min(axis=0), self.predicted.min(axis=0))
        spacing = np.array(self.options.spacing)
        truth, predicted = self.truth - corner, self.predicted - corner
        return _nearest(truth, predicted, spacing), _nearest(predicted, truth, spacing)


def _nearest(
    points: NDArray[np.int32], others: NDArray[np.int32], spacing: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the distance of every point to the nearest of the others; both in order of rows."""
    pieces = [others[start : start + _AT_A_TIME] for start in range(0, len(others), _AT_A_TIME)]

    @lru_cache(maxsize=2)
    def tree(number: int) -> KDTree:
        return KDTree(pieces[number] * spacing, compact_nodes=False, balanced_tree=False)

    def piecewise() -> Iterator[NDArray[np.float64]]:
        for start in range(0, len(points), _AT_A_TIME):
            some = points[start : start + _AT_A_TIME]
            places, rows = some * spacing, some[:, 0]
            best = np.full(len(some), np.inf)
            gaps = [max(0, one[0, 0] - rows[-1], rows[0] - one[-1, 0]) for one in pieces]
            for number in np.argsort(gaps, kind="stable").tolist():
                first, last = pieces[number][[0, -1], 0]
                away = np.maximum(0, np.maximum(first - rows, rows - last)) * spacing[0]
                # Nothing in these rows is nearer than they are.
                if (open_ := np.flatnonzero(best > away)).size:
                    found = tree(number).query(places[open_])[0]
                    best[open_] = np.minimum(best[open_], found)
            yield best

    return np.concatenate(list(piecewise()))
