"""Corners joined to rings, and rings to polygons with holes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.vector.corners import Corners, find_corners


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """The outlines of a label map.

    Attributes:
        corners: Where they turn; ring after ring, each from its first corner in reading order on.
        starts: (R,) int64, the first corner of every ring; rings are in reading order of these.
        ends: (R,) int64, behind the last corner.
        outer: (R,) int64, number of the ring around a hole; of an outer ring its own.
        labels: (R,) value of the region.
    """

    corners: Corners
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    outer: NDArray[np.int64]
    labels: NDArray[Any]

    @property
    def areas(self) -> NDArray[np.int64]:
        """Pixels inside every ring, (R,), negative for those of holes."""
        here = self.corners.points[self.corners.vertex]
        there = here[next_in_rings(len(here), self.starts, self.ends)]
        return np.add.reduceat(here.real * (there.imag - here.imag), self.starts).astype(np.int64)


def find_rings(labels: NDArray[Any], *, join: bool) -> Rings | None:
    """Find the outlines of all regions of a label map; None if there is no region.

    A ring that touches itself at a vertex is divided there.

    Args:
        labels: (H, W) integers; 0 is no region.
        join: As in ``find_corners``.
    """
    corners, successor, label = find_corners(labels, join=join)
    if not len(label):
        return None
    order, starts = _ordered(successor, corners.leaves)
    ring = _rings_of(order, starts)
    if not join and _divide(corners, label, ring, successor):
        order, starts = _ordered(successor, corners.leaves)
        ring = _rings_of(order, starts)
    firsts = order[starts]
    outer = _outer(corners, successor, ring, firsts)
    ends = np.append(starts[1:], len(order))
    return Rings(corners.take(order), starts, ends, outer, label[firsts])


def next_in_rings(
    count: int, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for every one of ``count`` places in rings, one behind the other, the next one."""
    following = np.arange(1, count + 1)
    following[ends - 1] = starts
    return following


def _ordered(
    successor: NDArray[np.int64], leaves: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all passes ring after ring, each from its first on, and where rings start in these.

    The first of a ring in reading order leaves to the right or down. So a search in depth looks at
    such passes one after the other, and follows the ring of each that was not met before.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import depth_first_order

    count = len(successor)
    possible = np.flatnonzero(leaves >= 2)
    nodes = count + len(possible)
    choices = np.stack((possible, np.arange(count + 1, nodes + 1)), axis=1).ravel()[:-1]
    links = np.concatenate((successor, choices), dtype=np.int32)
    begins = np.concatenate(
        (np.arange(count), np.arange(count, len(links), 2), [len(links)]), dtype=np.int32
    )
    graph = csr_array((np.ones(len(links)), links, begins), (nodes, nodes))
    order = depth_first_order(graph, count, return_predecessors=False)
    order = order[order < count].astype(np.int64)
    follows = order[1:] == successor[order[:-1]]
    return order, np.flatnonzero(np.concatenate(([True], ~follows)))


def _rings_of(order: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the ring of every pass."""
    begins = np.zeros(len(order), dtype=np.int64)
    begins[starts] = 1
    ring = np.empty_like(begins)
    ring[order] = np.cumsum(begins) - 1
    return ring


def _inverse(order: NDArray[np.int64]) -> NDArray[np.int64]:
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return inverse


def _divide(
    corners: Corners, label: NDArray[Any], ring: NDArray[np.int64], successor: NDArray[np.int64]
) -> bool:
    """Divide every ring in two where it touches itself, and tell whether one did.

    The touching points of a ring are nested like brackets, so all are divided at once.
    """
    place = corners.vertex << 2 | corners.leaves  # rising
    opposite = corners.vertex << 2 | (corners.leaves + 2) & 3
    other = np.minimum(np.searchsorted(place, opposite), len(place) - 1)
    touches = (place[other] == opposite) & (label[other] == label) & (ring[other] == ring)
    touches &= corners.turn == 0
    here = np.flatnonzero(touches)
    there = other[here]
    corners.arrives[here] = corners.leaves[there]
    corners.turn[here] = 2
    successor[_inverse(successor)[here]] = there
    return len(here) > 0


def _outer(
    corners: Corners,
    successor: NDArray[np.int64],
    ring: NDArray[np.int64],
    firsts: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the outer ring of every ring, (R,).

    The pixel to the left of the first vertex of a hole, in the row below it, belongs to the region.
    Its run of pixels begins at an outer ring, or at another hole that comes earlier, and so on.
    """
    outer = np.arange(len(firsts))
    holes = np.flatnonzero(corners.leaves[firsts] == 3)
    if not len(holes):
        return outer
    first = corners.points[corners.vertex[firsts[holes]]]
    row, column = first.imag.astype(np.int64), first.real.astype(np.int64)
    # Outlines that go up have the region on their right. They cover the rows in between.
    upward = np.flatnonzero(corners.leaves == 1)
    begin = corners.points[corners.vertex[upward]]
    bottom, left = begin.imag.astype(np.int64), begin.real.astype(np.int64)
    top = corners.points[corners.vertex[successor[upward]]].imag.astype(np.int64)
    is_wanted = np.zeros(bottom.max() + 1, dtype=np.int64)
    is_wanted[row] = 1
    rank = np.cumsum(is_wanted) - is_wanted  # of a row among those that are wanted
    width = left.max() + 2
    owners, ranks = counted(rank[top], rank[bottom] - rank[top])
    keys = ranks * width + left[owners]
    order = np.argsort(keys)
    place = np.searchsorted(keys[order], rank[row] * width + column - 1, side="right") - 1
    outer[holes] = ring[upward[owners[order[place]]]]
    while (outer != outer[outer]).any():
        outer = outer[outer]
    return outer


def counted(
    first: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return runs of numbers, so many from each first one on, and whose each is."""
    before = np.cumsum(counts) - counts
    owners = np.repeat(np.arange(len(counts)), counts)
    return owners, np.arange(len(owners)) + (first - before)[owners]
