"""The pieces of outlines between the vertices where outlines meet, each simplified once.

The outline is drawn through the middles of the edges of pixels where it is a staircase, and through
its corners elsewhere. So it passes every pixel's center at a distance of 0.353 at least. What moves
it by less passes over no center; and it does not cross itself or another one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maskforge.shapes import Points
from maskforge.vector.corners import Corners
from maskforge.vector.rings import Rings, next_in_rings

LOSSLESS = 0.35
"""By how many pixels an arc may move."""

APART = 0.125
"""By how many pixels, across and down, points keep from a vertex where others keep to its other
side. It remains if coordinates are rounded to a tenth of a pixel."""

_ASIDE = APART * np.array(((-1, -1), (1, -1), (1, 1), (-1, 1), (0, 0)))
"""By the number of the pixel to whose side a point keeps; the last is that of -1, for none."""


@dataclass(frozen=True, slots=True, eq=False)
class Arcs:
    """The arcs of a label map, and how rings are made of them.

    Attributes:
        points: (N, 2), those of one arc behind those of the other, both ends included.
        starts: (A,) int64, the first point of every arc.
        ends: (A,) int64, behind the last point.
        pieces: (K,) int64, number of the arc of every piece of a ring, ring after ring.
        backwards: (K,) bool, whether the ring takes it backwards.
        rings: (R,) int64, the first piece of every ring.
    """

    points: Points
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    pieces: NDArray[np.int64]
    backwards: NDArray[np.bool_]
    rings: NDArray[np.int64]

    def simplified(self, tolerance: float | NDArray[np.float64] = LOSSLESS) -> Arcs:
        """Return the arcs with fewer points.

        Args:
            tolerance: By how many pixels they may move: one number, or (A,) of them.
        """
        import shapely

        owner = np.repeat(np.arange(len(self.starts)), self.ends - self.starts)
        lines = shapely.linestrings(self.points, indices=owner)
        fewer = shapely.simplify(lines, tolerance, preserve_topology=False)
        points, owner = shapely.get_coordinates(fewer, return_index=True)
        return self.with_points(points, np.bincount(owner, minlength=len(self.starts)))

    def with_points(self, points: Points, counts: NDArray[np.int64]) -> Arcs:
        """Return the arcs with other points, (N, 2), of which ``counts``, (A,), are of each."""
        ends = np.cumsum(counts)
        return replace(self, points=points, starts=ends - counts, ends=ends)

    def outlines(self) -> list[Points]:
        """Return the points of every ring."""
        counts = (self.ends - self.starts - 1)[self.pieces]  # one end belongs to the next piece
        first = np.where(self.backwards, self.ends[self.pieces] - 1, self.starts[self.pieces])
        places = _counted(first, counts, np.where(self.backwards, -1, 1))
        return split(self.points[places], np.add.reduceat(counts, self.rings))


def find_arcs(rings: Rings) -> Arcs:
    """Divide rings into arcs: at nodes, or at the first vertex of a ring that has none."""
    corners, is_end = rings.corners, rings.corners.is_node.copy()
    is_end[rings.starts[~np.logical_or.reduceat(is_end, rings.starts)]] = True
    # Every ring is turned so that it begins with an end.
    count, lengths = len(is_end), rings.ends - rings.starts
    begin = np.minimum.reduceat(np.where(is_end, np.arange(count), count), rings.starts)
    turned = _counted(begin, lengths)
    turned -= np.where(turned >= np.repeat(rings.ends, lengths), np.repeat(lengths, lengths), 0)
    corners, is_end = corners.take(turned), is_end[turned]

    following = next_in_rings(count, rings.starts, rings.ends)
    points, places = _trace(corners, is_end, following)
    begins = np.flatnonzero(is_end)
    of_ring = np.searchsorted(begins, rings.starts)
    next_begin = begins[next_in_rings(len(begins), of_ring, np.append(of_ring[1:], len(begins)))]
    # The edge along which an arc leaves a vertex tells it from all others, in either direction.
    leaving = corners.vertex[begins] * 4 + (corners.leaves[begins] - 1) % 4
    arriving = corners.vertex[next_begin] * 4 + corners.arrives[next_begin]
    _, chosen, pieces = np.unique(
        np.minimum(leaving, arriving), return_index=True, return_inverse=True
    )
    counts = np.diff(places[begins], append=len(points))[chosen] + 1
    taken = _counted(places[begins[chosen]], counts)
    ends = np.cumsum(counts)
    taken[ends - 1] = places[next_begin[chosen]]
    backwards = leaving != leaving[chosen][pieces]
    return Arcs(points[taken], ends - counts, ends, pieces, backwards, of_ring)


def pixel_edges(rings: Rings) -> list[Points]:
    """Return the points of every ring exactly along the edges of pixels."""
    turning = ~rings.corners.straight
    counts = np.add.reduceat(turning, rings.starts, dtype=np.int64)
    return split(_vertices(rings.corners)[turning], counts)


def split(points: Points, counts: NDArray[np.int64]) -> list[Points]:
    """Return (N, 2) points in parts of so many points, read-only."""
    points.flags.writeable = False
    ends = np.cumsum(counts).tolist()
    return [points[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _trace(
    corners: Corners, is_end: NDArray[np.bool_], following: NDArray[np.int64]
) -> tuple[Points, NDArray[np.int64]]:
    """Return the points along rings, (N, 2), and the place of the first of every corner, (P,).

    A staircase is a corner to one side and one to the other, a pixel apart.
    """
    vertices = np.column_stack((corners.column, corners.row))
    edge = vertices[following] - vertices
    length = np.abs(edge).sum(axis=1)
    half = edge / (2 * length[:, None])
    is_step = (length == 1) & (corners.convex != corners.convex[following])
    is_step &= ~is_end & ~is_end[following]
    cut = is_step.copy()
    cut[following] |= is_step
    cut &= ~is_end
    first = np.where(cut[:, None], vertices + half, _vertices(corners))
    second = cut[following] & ~(cut & (length == 1))
    places = np.arange(len(second)) + np.cumsum(second) - second
    points = np.empty((len(first) + np.count_nonzero(second), 2))
    points[places] = first
    points[places[second] + 1] = (vertices[following] - half)[second]
    return points, places


def _vertices(corners: Corners) -> Points:
    return np.column_stack((corners.column, corners.row)) + _ASIDE[corners.apart]


def _counted(
    first: NDArray[np.int64], counts: NDArray[np.int64], step: NDArray[np.int64] | int = 1
) -> NDArray[np.int64]:
    """Return runs of numbers: so many from each first one on."""
    before = np.cumsum(counts) - counts
    number = np.arange(counts.sum())
    if isinstance(step, int):
        return number + np.repeat(first - before, counts)
    return np.repeat(first - before * step, counts) + np.repeat(step, counts) * number
