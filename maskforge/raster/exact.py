"""The rasterizer that follows the pixel rule to the letter, all edges of an image in one pass.

The center of pixel (r, c) is (c + 0.5, r + 0.5). It is inside a polygon if the number of crossings
of the polygon's edges with the pixel row's center line, at or left of the center, is odd. An edge
counts for a row if top <= r + 0.5 < bottom. So a center exactly on an edge belongs to the region to
its right or below it, and every center belongs to exactly one of two regions that share an edge.

Crossings are computed in float64. Where one comes closer to a pixel center than the error may be,
integers of any length decide, so that the mask is that of exact arithmetic on the vertices as they
are given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maskforge.limits.allowance import Allowance, Limit
from maskforge.raster.keys import Packing
from maskforge.raster.runs import Runs, united
from maskforge.shapes import Area, Points, Polygon, Size

_RELATIVE_ERROR = 2.0**-49
"""Largest error of a crossing, relative to the largest coordinate.

Six roundings of at most 2^-53 each reach the product of slope and height, which is at most twice
the largest coordinate, and two more the sum: 14 x 2^-53, rounded up to 16.
"""

_STEPS = 1024
_LARGEST = 2**32
"""Multiples of 1/1024 up to this are decided in int64.

The products overflow, so they are right but for a multiple of 2^64. Their difference is right,
because it is small where there is doubt: a crossing within 2 x 2^-49 x 2^32 of a center, times a
height of at most 2^33, times 1024^2, is less than 2^38.
"""

_BATCH = 2**18
"""Crossings that are computed at a time; each takes about 100 bytes meanwhile."""


class _Edges(NamedTuple):
    """Edges from top to bottom that cross the center line of a row; columns of (E,) arrays.

    Attributes:
        polygon: int64, number of the polygon.
        first: int64, first row whose center line the edge crosses, clipped to the image.
        behind: int64, row behind the last one.
        top: (E, 2) upper vertex.
        bottom: (E, 2) lower vertex.
    """

    polygon: NDArray[np.int64]
    first: NDArray[np.int64]
    behind: NDArray[np.int64]
    top: Points
    bottom: Points

    def between(self, begin: int, end: int) -> _Edges:
        """Return some of the edges."""
        part = slice(begin, end)
        return _Edges(
            self.polygon[part],
            self.first[part],
            self.behind[part],
            self.top[part],
            self.bottom[part],
        )


class Exact:
    """See the module."""

    name = "exact"
    rule = (
        "pixels whose center is inside, by the even-odd rule; "
        "a center on an edge belongs to the region to its right or below it"
    )

    def scan(self, areas: Sequence[Area], size: Size) -> Runs:
        """Return the pixels of every area; see ``maskforge.raster.base.Rasterizer``."""
        polygons = [polygon for area in areas for polygon in area.parts]
        part_counts = np.array([len(area.parts) for area in areas], dtype=np.int64)
        packing = Packing.of(size, len(polygons))
        # A ring crosses a line as often to one side as to the other: crossings come in pairs.
        keys = _keys(_edges(polygons, size.height), size.width, packing)
        keys.sort()
        wide = keys[1::2] > keys[0::2]
        starts, stops = keys[0::2][wide], keys[1::2][wide]
        del keys, wide  # of many shapes, each takes as much as the runs
        region = np.repeat(np.arange(len(areas), dtype=np.int64), part_counts)[
            packing.region(starts)
        ]
        runs = Runs(region, packing.row(starts), packing.column(starts), packing.column(stops))
        return united([runs]) if part_counts.max(initial=0) > 1 else runs


def _edges(polygons: Sequence[Polygon], height: int) -> _Edges:
    rings = [ring for polygon in polygons for ring in polygon.rings]
    owners = [number for number, polygon in enumerate(polygons) for _ in polygon.rings]
    points = np.concatenate([np.empty((0, 2)), *rings])
    lengths = np.array([len(ring) for ring in rings], dtype=np.int64)
    ends = np.cumsum(lengths)
    successor = np.arange(1, len(points) + 1)
    successor[ends[lengths > 0] - 1] = (ends - lengths)[lengths > 0]
    # The first row whose center is not above the vertex. The subtraction is exact wherever the
    # result is near a whole number that the image has.
    row = np.clip(np.ceil(points[:, 1] - 0.5), 0, height).astype(np.int64)
    next_row = row[successor]
    crossing = np.flatnonzero(row != next_row)
    upward = (row > next_row)[crossing]
    top = np.where(upward, successor[crossing], crossing)
    bottom = np.where(upward, crossing, successor[crossing])
    return _Edges(
        np.repeat(np.array(owners, dtype=np.int64), lengths)[crossing],
        row[top],
        row[bottom],
        points[top],
        points[bottom],
    )


def _keys(edges: _Edges, width: int, packing: Packing) -> NDArray[np.int64]:
    """Return the keys of all crossings.

    Raises:
        LimitError: If there are too many of them.
    """
    count = int((edges.behind - edges.first).sum())
    Allowance(Limit.CROSSINGS).take(count)
    ties = Allowance(Limit.TIES)
    keys = np.empty(count, dtype=np.int64)
    begin = 0
    for batch in _batches(edges):
        some = _crossings(batch, width, packing, ties)
        keys[begin : begin + len(some)] = some
        begin += len(some)
    return keys


def _batches(edges: _Edges) -> Iterator[_Edges]:
    crossings = np.cumsum(edges.behind - edges.first)
    limits = np.arange(_BATCH, crossings.max(initial=0), _BATCH)
    splits = [0, *np.searchsorted(crossings, limits).tolist(), len(crossings)]
    for begin, end in pairwise(splits):
        yield edges.between(begin, end)


def _crossings(edges: _Edges, width: int, packing: Packing, ties: Allowance) -> NDArray[np.int64]:
    """Return a key for each crossing of an edge with a row: the first pixel at or right of it."""
    counts = edges.behind - edges.first
    before = np.cumsum(counts) - counts
    lines = (edges.polygon << packing.row_bits) + edges.first
    line = np.arange(counts.sum()) + np.repeat(lines - before, counts)
    row = line & ((1 << packing.row_bits) - 1)
    (x0, y0), (x1, y1) = edges.top.T, edges.bottom.T
    crossing = (row + 0.5) - np.repeat(y0, counts)
    crossing *= np.repeat((x1 - x0) / (y1 - y0), counts)
    crossing += np.repeat(x0 - 0.5, counts)
    column = np.clip(np.ceil(crossing), 0, width).astype(np.int64)
    nearest = np.rint(crossing)
    error = _RELATIVE_ERROR * max(np.abs(x0).max(initial=0), np.abs(x1).max(initial=0))
    doubtful = np.flatnonzero(np.abs(crossing - nearest) <= error)
    if len(doubtful):
        _settle(column, doubtful, nearest[doubtful], row[doubtful], edges, before, width, ties)
    keys: NDArray[np.int64] = (line << packing.column_bits) | column
    return keys


def _settle(
    column: NDArray[np.int64],
    doubtful: NDArray[np.int64],
    nearest: Points,
    row: NDArray[np.int64],
    edges: _Edges,
    before: NDArray[np.int64],
    width: int,
    ties: Allowance,
) -> None:
    """Decide exactly on which side of the nearest pixel center the doubtful crossings are."""
    edge = np.searchsorted(before, doubtful, side="right") - 1
    # Outside the image the side does not matter, and a vertical edge is where its vertices are.
    open_ = (nearest >= 0) & (nearest < width) & (edges.top[edge, 0] != edges.bottom[edge, 0])
    doubtful, edge, nearest = doubtful[open_], edge[open_], nearest[open_]
    numbers = np.column_stack(
        (edges.top[edge], edges.bottom[edge], nearest + 0.5, row[open_] + 0.5)
    )
    small = ((np.abs(numbers) <= _LARGEST) & (numbers * _STEPS % 1 == 0)).all(axis=1)
    ties.take(int(np.count_nonzero(~small)))
    behind = np.empty(len(numbers), dtype=np.int64)
    behind[small] = _is_behind((numbers[small] * _STEPS).astype(np.int64))
    behind[~small] = _is_behind(_integers(numbers[~small]))
    column[doubtful] = nearest.astype(np.int64) + behind


def _is_behind(numbers: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell whether an edge crosses a row's center line right of a pixel center.

    Args:
        numbers: (N, 6) integers: x and y of the upper and the lower vertex and of the center.
    """
    x0, y0, x1, y1, x, y = numbers.T
    behind: NDArray[np.bool_] = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0) > 0
    return behind


def _integers(numbers: Points) -> NDArray[np.object_]:
    """Return float64 numbers as Python integers, all multiplied by the same power of two."""
    mantissa, exponent = np.frexp(numbers)
    digits = np.ldexp(mantissa, 53).astype(np.int64).astype(object)
    shifted: NDArray[np.object_] = digits << (exponent - exponent.min(initial=0)).astype(object)
    return shifted


RASTERIZER = Exact()
