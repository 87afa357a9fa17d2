"""The pieces of outlines between the vertices where outlines meet, each simplified once.

Every edge of a pixel on an outline has a gate: the way across it, from one pixel's center to the
other's. A line that goes through the same gates in the same order passes between the same centers,
so it draws the same mask. Two gates in a row belong to one square between four centers, through
which no other outline goes, unless it is a node: so lines through gates never cross each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maskforge.shapes import Points
from maskforge.vector.corners import AHEAD, Corners
from maskforge.vector.rings import Rings, counted, next_in_rings

_REACH = 31 / 64
"""How far from the middle of a gate a line may go through it: so far that rounding a point to a
hundredth of a pixel moves no line over a center, and near enough to half a pixel for long lines."""

_LONGEST = 64
"""Most gates that are looked at in one go; there is a point after so many."""

_STEPS = 8
"""Steps after which those that have come to their ends are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Arcs:
    """The arcs of a label map, and how rings are made of them.

    Attributes:
        points: (N,) complex, those of one arc behind those of the other, both ends included.
        gates: (N,) complex, the way to the right across the outline; 0 for points that
            stay where they are.
        starts: (A,) int64, the first point of every arc.
        ends: (A,) int64, behind the last point.
        pieces: (K,) int64, number of the arc of every piece of a ring, ring after ring.
        backwards: (K,) bool, whether the ring takes it backwards.
        rings: (R,) int64, the first piece of every ring.
        loops: (A,) bool, whether the arc is a whole ring, without any node.
    """

    points: NDArray[np.complex128]
    gates: NDArray[np.complex128]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    pieces: NDArray[np.int64]
    backwards: NDArray[np.bool_]
    rings: NDArray[np.int64]
    loops: NDArray[np.bool_]

    def chosen(self, keep: NDArray[np.bool_]) -> Arcs:
        """Return the arcs with some of their points alone, the ends among them."""
        before = np.concatenate(([0], np.cumsum(keep)))
        return replace(
            self,
            points=self.points[keep],
            gates=self.gates[keep],
            starts=before[self.starts],
            ends=before[self.ends],
        )

    def outlines(self) -> list[Points]:
        """Return the points of every ring."""
        counts = (self.ends - self.starts - 1)[self.pieces]  # one end belongs to the next piece
        owners, places = counted(self.starts[self.pieces], counts)
        mirrored = (self.starts + self.ends - 1)[self.pieces][owners] - places
        places = np.where(self.backwards[owners], mirrored, places)
        return split(self.points[places], np.add.reduceat(counts, self.rings))


def find_arcs(rings: Rings) -> Arcs:
    """Divide rings into arcs: at nodes, or at the first point of a ring that has none."""
    is_node = rings.corners.is_node[rings.corners.vertex]
    lengths = rings.ends - rings.starts
    has_nodes = np.logical_or.reduceat(is_node, rings.starts)
    is_end = is_node.copy()
    is_end[rings.starts[~has_nodes]] = True
    count = len(is_end)
    begin = np.minimum.reduceat(np.where(is_end, np.arange(count), count), rings.starts)
    # Every ring is turned so that it begins with an end.
    owners, turned = counted(begin, lengths)
    turned -= np.where(turned >= rings.ends[owners], lengths[owners], 0)
    corners, is_end, is_node = rings.corners.take(turned), is_end[turned], is_node[turned]

    following = next_in_rings(count, rings.starts, rings.ends)
    points, gates, places = _trace(corners, is_node, following)
    begins = np.flatnonzero(is_end)
    of_ring = np.searchsorted(begins, rings.starts)
    next_begin = begins[next_in_rings(len(begins), of_ring, np.append(of_ring[1:], len(begins)))]
    # The edge along which an arc leaves a vertex tells it from all others, in either direction.
    leaving = corners.vertex[begins] * 4 + (corners.leaves[begins] + 3 & 3)
    arriving = corners.vertex[next_begin] * 4 + corners.arrives[next_begin]
    _, first, pieces = np.unique(
        np.minimum(leaving, arriving), return_index=True, return_inverse=True
    )
    counts = np.diff(places[begins], append=len(points))[first] + 1
    _, taken = counted(places[begins[first]], counts)
    ends = np.cumsum(counts)
    taken[ends - 1] = places[next_begin[first]]
    points, gates = points[taken], gates[taken]
    gates[ends - 1] = gates[ends - counts] = 0
    backwards = leaving != leaving[first][pieces]
    loops = np.zeros(len(counts), dtype=np.bool_)
    loops[pieces[of_ring]] = ~has_nodes
    return Arcs(points, gates, ends - counts, ends, pieces, backwards, of_ring, loops)


def pixel_edges(rings: Rings) -> list[Points]:
    """Return the points of every ring exactly along the edges of pixels."""
    turning = rings.corners.turn != 1
    counts = np.add.reduceat(turning, rings.starts, dtype=np.int64)
    return split(rings.corners.at[turning], counts)


def split(points: NDArray[np.complex128], counts: NDArray[np.int64]) -> list[Points]:
    """Return (N,) complex points in parts of so many, each (N, 2) and read-only."""
    pairs = points.view(np.float64).reshape(-1, 2)
    pairs.flags.writeable = False
    ends = np.cumsum(counts).tolist()
    return [pairs[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _trace(
    corners: Corners, is_node: NDArray[np.bool_], following: NDArray[np.int64]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.int64]]:
    """Return points along rings and their gates, and the place of the first of every corner.

    On a staircase, which is an edge of one pixel between a turn to one side and one to the other,
    the points are the middles of edges, elsewhere the corners. Of a long edge, the first and the
    last pixel have gates.
    """
    ahead = AHEAD[corners.leaves]
    there, turns = corners.at[following], corners.turn[following]
    way = there - corners.at
    is_one = way == ahead
    is_step = is_one & (corners.turn != turns) & ~is_node & ~is_node[following]
    cut = is_step.copy()
    cut[following] |= is_step
    again = cut[following] & ~(cut & is_one)
    places = np.arange(len(again)) + np.cumsum(again) - again
    size = len(again) + np.count_nonzero(again)
    points, gates = np.empty(size, np.complex128), np.empty(size, np.complex128)
    points[places] = corners.at + 0.5 * cut * ahead
    gates[places] = cut * (1j * ahead)
    points[places[again] + 1] = (there - 0.5 * ahead)[again]
    gates[places[again] + 1] = 1j * ahead[again]
    return points, gates, places


def straighten(arcs: Arcs) -> Arcs:
    """Return arcs of few points, in the middles of gates, whose lines go through all gates.

    From each point, the line is as long as gates let the middle of a later one be seen.
    """
    place = np.arange(len(arcs.gates))
    begin = np.maximum.accumulate(np.where(arcs.gates == 0, place, 0))
    keep = (place - begin) % _LONGEST == 0
    ends = np.flatnonzero(keep)
    far = np.diff(ends) > 2
    _look(arcs.points, np.where(keep, 0, _REACH * arcs.gates), ends[:-1][far], ends[1:][far], keep)
    return arcs.chosen(keep)


def _look(
    points: NDArray[np.complex128],
    gates: NDArray[np.complex128],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    keep: NDArray[np.bool_],
) -> None:
    """Find the points to keep between others, in all places at once, gate by gate.

    What is seen through the gates so far is what lies between two directions: to the left of it
    and to the right. Cross products tell on which side something is. All numbers are multiples of
    1/64 and small, so they are exact.

    Args:
        points: (N,) middles of gates.
        gates: (N,) way from the middle to the right end of the gate, 0 for points to keep.
        begins: Points from which to look.
        ends: Points up to which to look; there are others in between.
        keep: (N,) whether to keep a point; is changed.
    """
    at = points[begins]
    seen = begins + 1
    left, right = points[seen] - gates[seen] - at, points[seen] + gates[seen] - at
    gate = seen + 1
    step = 0
    while len(gate):
        middle, half = points[gate] - at, gates[gate]
        from_left, from_right = left.conj(), right.conj()
        left_middle, left_half = (from_left * middle).imag, (from_left * half).imag
        right_middle, right_half = (from_right * middle).imag, (from_right * half).imag
        seen = np.where((left_middle >= 0) & (right_middle <= 0), gate, seen)
        is_hidden = (left_middle + left_half < 0) | (right_middle - right_half > 0)
        left = np.where(left_middle > left_half, middle - half, left)
        right = np.where(right_middle + right_half < 0, middle + half, right)
        gate = np.minimum(gate + 1, ends)  # looking at the end again changes nothing
        hidden = np.flatnonzero(is_hidden)
        if len(hidden):
            place = seen[hidden]
            keep[place] = True
            at[hidden] = points[place]
            first = place + 1
            ahead = points[first] - points[place]
            left[hidden], right[hidden] = ahead - gates[first], ahead + gates[first]
            seen[hidden] = first
            gate[hidden] = np.minimum(first + 1, ends[hidden])
        step += 1
        if step % _STEPS == 0:
            open_ = np.flatnonzero(seen < ends)
            at, left, right = at[open_], left[open_], right[open_]
            gate, seen, ends = gate[open_], seen[open_], ends[open_]
