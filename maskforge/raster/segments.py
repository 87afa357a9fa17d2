"""Regions that lie on each other: what is on top, what overlaps, and the masks they make.

The pixels of an image, in reading order, are cut wherever a run of any region starts or stops.
Nothing changes within such a segment, so some thousand segments stand for millions of pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.raster.runs import Runs
from maskforge.shapes import Size

_BATCH = 2**20
"""Pairs of a run and a segment that it covers to look at in one go; each takes 24 bytes."""


class Segments:
    """The segments of one image.

    Attributes:
        lengths: (S,) int64, number of pixels of every segment, in reading order. They add up to the
            pixels of the image. Some may be 0.
    """

    def __init__(self, runs: Runs, size: Size) -> None:
        """Cut an image at the runs, which must be clipped to it."""
        self._size = size
        self._region = runs.region
        line = runs.row * size.width
        starts, stops = line + runs.start, line + runs.stop
        bounds = np.sort(np.concatenate((starts, stops, (0, size.width * size.height))))
        self.lengths: NDArray[np.int64] = np.diff(bounds)
        self._first = np.searchsorted(bounds, starts)
        self._count = np.searchsorted(bounds, stops) - self._first

    def paint(self, values: NDArray[Any], order: NDArray[np.integer]) -> NDArray[Any]:
        """Return the values that are seen if regions are painted over each other.

        Args:
            values: (R,) value of every region.
            order: Numbers of the regions to paint, the topmost last. A region that is not among
                them is not painted.

        Returns:
            (S,) value of every segment, of the same dtype; 0 where no region is.
        """
        nothing = np.zeros(1, dtype=values.dtype)  # becomes number -1, the last one
        seen: NDArray[Any] = np.concatenate((values, nothing))[self._topmost(order)]
        return seen

    def overlapped(self, values: NDArray[Any], regions: NDArray[np.integer]) -> int:
        """Return how many pixels are claimed by regions of different values.

        Args:
            values: (R,) value of every region.
            regions: Numbers of the regions that count.
        """
        top = self.paint(values, regions)
        differs = np.zeros(len(top), dtype=np.bool_)
        for places, below in self._pairs(regions):
            differs[places[values[below] != top[places]]] = True
        return int(self.lengths[differs].sum())

    def count(self, values: NDArray[np.integer]) -> dict[int, int]:
        """Return how many pixels have each value.

        Args:
            values: (S,) integers, not large: the value of every segment.
        """
        # bincount adds in float64, which is exact up to 2^53 pixels.
        pixels = np.bincount(values, weights=self.lengths)
        return {int(value): int(pixels[value]) for value in np.flatnonzero(pixels)}

    def fill(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the mask of an image.

        Args:
            values: (S,) value of every segment, or (S, C) with a value for each of C channels.

        Returns:
            (H, W) or (H, W, C) of the same dtype.
        """
        pixels = np.repeat(values, self.lengths, axis=0)
        return pixels.reshape(self._size.height, self._size.width, *values.shape[1:])

    def _topmost(self, order: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the number of the region on top of every segment, -1 where there is none."""
        top = np.full(len(self.lengths), -1, dtype=np.int64)
        for places, regions in self._pairs(order):
            top[places] = regions  # where a place occurs more than once, the last region stays
        return top

    def _pairs(
        self, order: NDArray[np.integer]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield the places of the segments that regions cover, and these regions, in batches."""
        begin = np.searchsorted(self._region, order, side="left")
        runs = _ranges(begin, np.searchsorted(self._region, order, side="right") - begin)
        pairs = np.cumsum(self._count[runs])
        limits = np.arange(_BATCH, pairs.max(initial=0), _BATCH)
        for first, behind in pairwise((0, *np.searchsorted(pairs, limits).tolist(), len(runs))):
            batch = runs[first:behind]
            count = self._count[batch]
            yield _ranges(self._first[batch], count), np.repeat(self._region[batch], count)


def _ranges(first: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``count[0]`` numbers from ``first[0]`` on, then those of the next pair, and so on."""
    offsets = first + count - np.cumsum(count)
    numbers: NDArray[np.int64] = np.arange(count.sum(), dtype=np.int64) + np.repeat(offsets, count)
    return numbers
