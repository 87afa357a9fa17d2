"""Corners joined to rings, and rings to polygons with holes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.vector.corners import Corners


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """The outlines of a label map.

    Attributes:
        corners: Where they turn; ring after ring, each in its order.
        starts: (R,) int64, the first corner of every ring, the first in reading order.
        ends: (R,) int64, behind the last corner.
        outer: (R,) int64, number of the ring around a hole; of an outer ring its own.
    """

    corners: Corners
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    outer: NDArray[np.int64]

    @property
    def areas(self) -> NDArray[np.int64]:
        """Pixels inside every ring, (R,), negative for those of holes."""
        x, y = self.corners.column, self.corners.row
        following = next_in_rings(len(x), self.starts, self.ends)
        return np.add.reduceat(x * y[following] - x[following] * y, self.starts) // 2


def find_rings(corners: Corners, width: int) -> Rings:
    """Join corners to rings; those of a region that touch itself at a corner are divided there.

    Args:
        corners: At least one.
        width: Of the label map.
    """
    ring, firsts = _cycles(corners.successor)
    corners, ring, firsts = _divided(corners, ring, firsts)
    order = _one_path(corners.successor, firsts)
    counts = np.bincount(ring)[ring[firsts]]
    ends = np.cumsum(counts)
    number = np.empty(len(firsts), dtype=np.int64)
    number[ring[firsts]] = np.arange(len(firsts))
    outer = _outer(corners, number[ring], firsts, width)
    return Rings(corners.take(order), ends - counts, ends, outer)


def next_in_rings(
    count: int, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for every one of ``count`` places in rings, one behind the other, the next one."""
    following = np.arange(1, count + 1)
    following[ends - 1] = starts
    return following


def _cycles(successor: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of everybody's cycle, (P,), and the first of every cycle, rising."""
    from scipy.sparse.csgraph import connected_components

    count, cycle = connected_components(_graph(successor), connection="weak")
    first = np.empty(count, dtype=np.int64)
    first[cycle[::-1]] = np.arange(len(cycle))[::-1]  # the last one that is written stays
    return cycle, np.sort(first)


def _one_path(successor: NDArray[np.int64], firsts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return all in the order of their cycles, each beginning with its first."""
    from scipy.sparse.csgraph import depth_first_order

    before = np.empty(len(successor), dtype=np.int64)
    before[successor] = np.arange(len(successor))
    joined = successor.copy()
    joined[before[firsts]] = np.roll(firsts, -1)
    order: NDArray[np.int64] = depth_first_order(
        _graph(joined), firsts[0], return_predecessors=False
    )
    return order


def _graph(successor: NDArray[np.int64]) -> Any:  # noqa: ANN401 - SciPy has no types
    from scipy.sparse import csr_array

    count = len(successor)
    return csr_array((np.ones(count), successor, np.arange(count + 1)), (count, count))


def _divided(
    corners: Corners, cycle: NDArray[np.int64], firsts: NDArray[np.int64]
) -> tuple[Corners, NDArray[np.int64], NDArray[np.int64]]:
    """Return the corners with every ring that touches itself divided in two, and their cycles.

    The touching points of a ring are nested like brackets, so all are divided at once.
    """
    # Both passes of a region at a vertex leave along pixels that lie across from each other.
    place = corners.vertex * 4 + corners.leaves
    opposite = corners.vertex * 4 + (corners.leaves + 2) % 4
    other = np.minimum(np.searchsorted(place, opposite), len(place) - 1)
    touches = (place[other] == opposite) & corners.convex & (corners.apart < 0)
    touches &= cycle[other] == cycle
    touches &= corners.label[other] == corners.label
    if not touches.any():
        return corners, cycle, firsts
    arrives, successor = corners.arrives.copy(), corners.successor.copy()
    arrives[touches] = corners.arrives[other[touches]]
    before = np.empty(len(successor), dtype=np.int64)
    before[successor] = np.arange(len(successor))
    successor[before[touches]] = other[touches]
    corners = replace(
        corners, arrives=arrives, successor=successor, convex=corners.convex & ~touches
    )
    return corners, *_cycles(successor)


def _outer(
    corners: Corners, ring: NDArray[np.int64], firsts: NDArray[np.int64], width: int
) -> NDArray[np.int64]:
    """Return the outer ring of every ring, (R,).

    The pixel to the left of the first vertex of a hole, in the row below it, belongs to the region.
    Its run of pixels begins at an outer ring, or at another hole that comes earlier, and so on.
    """
    outer = np.arange(len(firsts))
    holes = np.flatnonzero(corners.leaves[firsts] == 3)
    if not len(holes):
        return outer
    row, column = corners.row[firsts[holes]], corners.column[firsts[holes]]
    wanted = np.zeros(corners.row.max() + 1, dtype=np.int64)
    wanted[row] = 1
    rank = np.cumsum(wanted) - wanted  # of a row among those that are wanted
    # Outlines that go up have the region on their right. They cover the rows in between.
    upward = np.flatnonzero(corners.leaves == 1)
    top, bottom = corners.row[corners.successor[upward]], corners.row[upward]
    counts = rank[bottom] - rank[top]
    starts = np.cumsum(counts) - counts
    ranks = np.arange(counts.sum()) + np.repeat(rank[top] - starts, counts)
    keys = ranks * (width + 1) + np.repeat(corners.column[upward], counts)
    order = np.argsort(keys)
    left = np.searchsorted(keys[order], rank[row] * (width + 1) + column - 1, side="right") - 1
    outer[holes] = np.repeat(ring[upward], counts)[order[left]]
    while (outer != outer[outer]).any():
        outer = outer[outer]
    return outer
