"""Regions of pixels as horizontal runs: compact, and cheap to unite and count."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskforge.limits.allowance import Allowance
from maskforge.raster.keys import Packing, union
from maskforge.shapes import Bitmap, Size


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Horizontal runs of pixels, sorted by region, row and start; disjoint within a region.

    Attributes:
        region: (N,) int64, which region the run belongs to.
        row: (N,) int64, image row.
        start: (N,) int64, first column.
        stop: (N,) int64, column behind the last one; stop > start.
    """

    region: NDArray[np.int64]
    row: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.region)


def from_bitmap(
    bitmap: Bitmap, size: Size, region: int = 0, crossings: Allowance | None = None
) -> Runs:
    """Return the pixels of a bitmap as runs, clipped to the image.

    Args:
        bitmap: May hang over the edges of the image, or lie outside of it.
        size: Size of the image.
        region: Number that the runs get as their region.
        crossings: Counts the starts and stops of runs.

    Raises:
        LimitError: If there are more of them than are left.
    """
    height, width = bitmap.pixels.shape
    top, left = max(0, -bitmap.row), max(0, -bitmap.column)
    bottom = max(top, min(height, size.height - bitmap.row))
    right = max(left, min(width, size.width - bitmap.column))
    pixels = bitmap.pixels[top:bottom, left:right]
    framed = np.zeros((pixels.shape[0], pixels.shape[1] + 2), dtype=np.bool_)
    framed[:, 1:-1] = pixels
    changing = framed[:, 1:] != framed[:, :-1]
    if crossings is not None:
        crossings.take(int(np.count_nonzero(changing)))
    changes = np.flatnonzero(changing)
    row, column = np.divmod(changes, pixels.shape[1] + 1)
    column += left + bitmap.column
    start, stop = column[0::2], column[1::2]
    return Runs(np.full_like(start, region), row[0::2] + (top + bitmap.row), start, stop)


def concatenate(parts: Sequence[Runs]) -> Runs:
    """Return all runs of several collections as one.

    No region may have overlapping runs in different collections; ``united`` takes those.
    """
    region, row, start, stop = _joined(parts)
    order = np.lexsort((start, row, region))
    return Runs(region[order], row[order], start[order], stop[order])


def united(parts: Sequence[Runs]) -> Runs:
    """Return the union of several collections: in each region, runs that meet become one."""
    region, row, start, stop = _joined(parts)
    if not len(region):
        return Runs(region, row, start, stop)
    size = Size(int(stop.max()), int(row.max()))
    packing = Packing.of(size, int(region.max()) + 1)
    starts, stops = union(packing.pack(region, row, start), packing.pack(region, row, stop))
    return Runs(
        packing.region(starts), packing.row(starts), packing.column(starts), packing.column(stops)
    )


def _joined(parts: Sequence[Runs]) -> tuple[NDArray[np.int64], ...]:
    empty = np.empty(0, dtype=np.int64)
    return tuple(
        np.concatenate([empty, *(getattr(part, name) for part in parts)])
        for name in ("region", "row", "start", "stop")
    )


def areas(runs: Runs, count: int) -> NDArray[np.int64]:
    """Return how many pixels each of the regions 0 to ``count`` - 1 has, as (count,) int64."""
    lengths = runs.stop - runs.start
    # bincount adds in float64, which is exact up to 2^53 pixels.
    return np.bincount(runs.region, weights=lengths, minlength=count).astype(np.int64)


def to_bitmaps(runs: Runs, count: int) -> list[Bitmap | None]:
    """Return the pixels of each of the regions 0 to ``count`` - 1; None for one that has none."""
    places = np.searchsorted(runs.region, np.arange(count + 1)).tolist()
    bitmaps: list[Bitmap | None] = []
    for first, last in itertools.pairwise(places):
        if first == last:
            bitmaps.append(None)
            continue
        row, start, stop = (one[first:last] for one in (runs.row, runs.start, runs.stop))
        top, left, right = int(row[0]), int(start.min()), int(stop.max())
        edges = np.zeros((int(row[-1]) - top + 1, right - left + 1), dtype=np.int8)
        edges[row - top, start - left] = 1
        np.subtract.at(edges, (row - top, stop - left), 1)  # runs may touch
        pixels = np.cumsum(edges, axis=1, dtype=np.int8)[:, :-1] > 0
        pixels.flags.writeable = False
        bitmaps.append(Bitmap(top, left, pixels))
    return bitmaps
