"""Regions that lie on each other: what is on top, what overlaps, and the masks they make.

The pixels of an image, in reading order, are cut wherever a run of any region starts or stops.
Nothing changes within such a segment, so some thousand segments stand for millions of pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.display.brief import Brief
from maskforge.raster.runs import Runs
from maskforge.shapes import Size

_COUNTED_PER_KEY = 16
_MOST_COUNTED = 2**26
_RUNS_AT_A_TIME = 2**18
_COUNTED_AT_A_TIME = 2**20


class Segments:
    """The segments of one image.

    Attributes:
        lengths: (S,) int64, number of pixels of every segment, in reading order. They add up to the
            pixels of the image.
    """

    def __init__(self, runs: Runs, size: Size) -> None:
        """Cut an image at the runs, which must be clipped to it."""
        self._size = size
        self._region = runs.region
        line = runs.row * size.width
        starts, stops = line + runs.start, line + runs.stop
        last = size.width * size.height
        bounds, places = _distinct(np.concatenate((starts, stops, (0, last))), last)
        del line, starts, stops
        self.lengths: NDArray[np.int64] = np.diff(bounds)
        self._first, self._behind = places[: len(runs)], places[len(runs) : -2]
        depth = np.bincount(self._first, minlength=len(bounds))
        depth -= np.bincount(self._behind, minlength=len(bounds))
        crowded = np.cumsum(depth[:-1]) > 1
        self._crowded = np.flatnonzero(crowded)
        before = np.zeros(len(bounds), dtype=np.int32)  # how many are crowded
        np.cumsum(crowded, out=before[1:])
        begin, end = before[self._first], before[self._behind]
        self._meeting = np.flatnonzero(begin < end)
        self._begin, self._end = begin[self._meeting], end[self._meeting]

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
        highest = self._highest(np.arange(len(order)), order)
        seen: NDArray[Any] = np.concatenate((values[order], nothing))[highest]
        return seen

    def overlapped(self, values: NDArray[Any], regions: NDArray[np.integer]) -> int:
        """Return how many pixels are claimed by regions of different values.

        Args:
            values: (R,) value of every region.
            regions: Numbers of the regions that count.
        """
        wanted = values[regions].astype(np.int64)
        if not len(wanted) or (wanted == wanted[0]).all():
            return 0
        numbers = self._numbers(wanted, regions)[self._meeting]
        highest = self._highest_of_crowded(numbers)
        most = numbers.max(initial=0)
        opposite = np.where(numbers < 0, -1, most - numbers)
        differs = (highest >= 0) & (highest != most - self._highest_of_crowded(opposite))
        return int(self.lengths[self._crowded[differs]].sum())

    def count(self, values: NDArray[np.integer]) -> dict[int, int]:
        """Return how many pixels have each value.

        Args:
            values: (S,) integers, not large: the value of every segment.
        """
        return _count(values, self.lengths)

    def fill(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the mask of an image.

        Args:
            values: (S,) value of every segment, or (S, C) with a value for each of C channels.

        Returns:
            (H, W) or (H, W, C) of the same dtype.
        """
        pixels = np.repeat(values, self.lengths, axis=0)
        return pixels.reshape(self._size.height, self._size.width, *values.shape[1:])

    def _numbers(
        self, numbers: NDArray[np.int64], regions: NDArray[np.integer]
    ) -> NDArray[np.int64]:
        """Return the number (N,) of the region of every run, -1 for other regions: (R,)."""
        number_of = np.full(self._region.max(initial=-1) + 1, -1, dtype=np.int64)
        seen = regions < len(number_of)  # regions behind the last run show no pixel
        number_of[regions[seen]] = numbers[seen]
        return number_of[self._region]

    def _highest(
        self, numbers: NDArray[np.int64], regions: NDArray[np.integer]
    ) -> NDArray[np.int64]:
        """Return the highest number among the regions that cover a segment.

        Args:
            numbers: (N,) the number of every region, not negative.
            regions: (N,) these regions.

        Returns:
            (S,) numbers, -1 where none of the regions is.
        """
        number = self._numbers(numbers, regions)
        # Where a single run lies, the sum of all numbers is its own.
        change = np.bincount(self._first, number + 1, len(self.lengths) + 1)
        change -= np.bincount(self._behind, number + 1, len(self.lengths) + 1)
        highest: NDArray[np.int64] = np.cumsum(change[:-1]).astype(np.int64) - 1
        highest[self._crowded] = self._highest_of_crowded(number[self._meeting])
        return highest

    def _highest_of_crowded(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the highest number among the runs that cover a segment, of those with several.

        The segments of a run are two blocks of 2^k, which may overlap. Blocks of the same size are
        told the number together and hand it down to their halves, so that the time does not depend
        on how many regions lie on each other.

        Args:
            number: (M,) the number of every run that covers such a segment, or -1.
        """
        size = np.frexp(self._end - self._begin)[1] - 1  # of the blocks: 2^size <= count
        size[number < 0] = -1
        highest = np.full(len(self._crowded), -1, dtype=np.int64)
        for exponent in range(size.max(initial=-1), -1, -1):
            runs = np.flatnonzero(size == exponent)
            block = 1 << exponent
            np.maximum.at(highest, self._begin[runs], number[runs])
            np.maximum.at(highest, self._end[runs] - block, number[runs])
            half = block >> 1
            if half:
                highest[half:] = np.maximum(highest[half:], highest[:-half])
        return highest


class BandSegments:
    """The segments of an image that has many of them, of some rows at a time.

    ``paint``, ``overlapped``, ``count`` and ``banded`` are those of ``Segments``; there is an edge
    of segments between the rows.
    """

    def __init__(self, runs: Runs, size: Size) -> None:
        """Take the runs, which must be clipped to the image."""
        self._runs = runs
        self._size = size
        self._order = np.argsort(runs.row, kind="stable")
        behind = np.cumsum(np.bincount(runs.row, minlength=size.height))  # runs, by row
        steps = np.arange(_RUNS_AT_A_TIME, len(runs), _RUNS_AT_A_TIME)
        self._tops = np.unique((0, *np.searchsorted(behind, steps), size.height)).tolist()
        self._places = [0, *behind[np.array(self._tops[1:]) - 1].tolist()]

    def _parts(self) -> Iterator[Segments]:
        runs = self._runs
        for rows, places in zip(pairwise(self._tops), pairwise(self._places), strict=True):
            some = self._order[slice(*places)]
            row = runs.row[some] - rows[0]
            part = Runs(runs.region[some], row, runs.start[some], runs.stop[some])
            yield Segments(part, Size(self._size.width, rows[1] - rows[0]))

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """(S,) number of pixels of every segment, in reading order."""
        return np.concatenate([one.lengths for one in self._parts()])

    def paint(self, values: NDArray[Any], order: NDArray[np.integer]) -> NDArray[Any]:
        """Return the values (S,) that are seen; see ``Segments.paint``."""
        return np.concatenate([one.paint(values, order) for one in self._parts()])

    def overlapped(self, values: NDArray[Any], regions: NDArray[np.integer]) -> int:
        """Return how many pixels are claimed; see ``Segments.overlapped``."""
        if len(np.unique(values[regions])) < 2:
            return 0
        return sum(one.overlapped(values, regions) for one in self._parts())

    def count(self, values: NDArray[np.integer]) -> dict[int, int]:
        """Return how many pixels have each value; see ``Segments.count``."""
        return _count(values, self.lengths)

    def banded(self, values: NDArray[Any]) -> BandedMask:
        """Return the mask, without making an array of it."""
        return BandedMask(self._size, values, self.lengths)


def _count(values: NDArray[np.integer], lengths: NDArray[np.int64]) -> dict[int, int]:
    pixels = np.zeros(int(values.max(initial=0)) + 1)
    for start in range(0, len(values), _COUNTED_AT_A_TIME):
        part = slice(start, start + _COUNTED_AT_A_TIME)
        # bincount adds in float64, which is exact up to 2^53 pixels.
        pixels += np.bincount(values[part], weights=lengths[part], minlength=len(pixels))
    return {int(value): int(pixels[value]) for value in np.flatnonzero(pixels)}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BandedMask(Brief):
    """A mask that is too large for an array, and comes as bands of rows.

    Attributes:
        size: Width and height in pixels.
        values: (S,) values of segments of pixels in reading order.
        lengths: (S,) int64, number of pixels of every segment.

    Examples:
        >>> image = next(iter(mf.read("samples/labelme")))
        >>> classes = mf.load_class_map("samples/classes.toml")
        >>> banded = mf.draw(image, classes, tiled_above=0).mask
        >>> [band.shape for band in banded.bands(300)]
        [(300, 576), (132, 576)]
    """

    size: Size
    values: NDArray[Any]
    lengths: NDArray[np.int64]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self.values.dtype

    def bands(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield so many rows at a time from top to bottom, (rows, W); the last may be fewer."""
        width, height = self.size
        stops = np.cumsum(self.lengths)
        for top in range(0, height, rows):
            count = min(rows, height - top)
            begin, end = top * width, (top + count) * width
            first, last = np.searchsorted(stops, (begin, end - 1), side="right").tolist()
            edges = np.clip(stops[first : last + 1], begin, end)
            lengths = np.diff(edges, prepend=begin)
            yield np.repeat(self.values[first : last + 1], lengths).reshape(count, width)


def _distinct(keys: NDArray[np.int64], largest: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the distinct keys in order, and the place of each key among them.

    As ``np.unique`` with its inverse, but far quicker. Of many keys the possible ones are counted;
    few are sorted, as integers that have the number of a key in their lower bits.

    Args:
        keys: (N,) not negative.
        largest: The largest that a key can be.
    """
    if largest <= min(_MOST_COUNTED, _COUNTED_PER_KEY * len(keys)):
        is_there = np.zeros(largest + 1, dtype=np.bool_)
        is_there[keys] = True
        places = np.cumsum(is_there, dtype=np.int32)
        places -= 1
        return np.flatnonzero(is_there), places[keys]
    bits = len(keys).bit_length()
    packed = keys << bits
    packed |= np.arange(len(keys))
    packed.sort()
    numbers = packed & ((1 << bits) - 1)
    packed >>= bits
    is_new = np.concatenate(([True], packed[1:] != packed[:-1]))
    places = np.empty(len(keys), dtype=np.int32)
    places[numbers] = np.cumsum(is_new, dtype=np.int32) - np.int32(1)
    return packed[is_new], places
