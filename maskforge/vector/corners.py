"""Where the outlines of a label map turn or meet, all of an image at once.

Outlines run along the edges of pixels, with the region to the right of the way: outer ones go
clockwise as seen on the screen, those of holes the other way. A vertex is a corner of pixels where
an outline turns or more than two meet. It has four pixels around it, numbered clockwise: 0 upper
left, 1 upper right, 2 lower right, 3 lower left; and four edges, each with the number of the pixel
before it: 0 up, 1 right, 2 down, 3 left. So an outline leaves along the edge before a pixel of its
region, and arrives along the edge behind one.

Points are complex numbers here, x + iy: a product with i turns to the right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

AHEAD = np.array((-1, -1j, 1, 1j))
"""Where an outline goes that leaves along a pixel of this number."""

APART = 0.125
"""How far, across and down, outlines keep from a vertex where others keep to its other side.

It remains something if coordinates are rounded to a tenth of a pixel.
"""

_ASIDE = APART * np.array((-1 - 1j, 1 - 1j, 1 + 1j, -1 + 1j))

_ROWS = 64
"""Rows that are looked at in one go: few enough for the fast memory of a processor."""

_HAS = np.array([[edges >> edge & 1 for edge in range(4)] for edges in range(16)], np.bool_)
"""Whether an edge is among those of a number that has a bit for each, (16, 4)."""

_MEET = _HAS.sum(axis=1) > 2
_TURNS = np.stack([np.roll(_HAS, -leaves, axis=1).argmax(axis=1) for leaves in range(4)], axis=1)
_TURNS = _TURNS.astype(np.uint8)
"""By the edges of a vertex that are outlines, and the pixel along which one leaves, (16, 4)."""


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """Every time that an outline passes a vertex.

    Attributes:
        points: (V,) complex, the vertices in reading order.
        is_node: (V,) bool, whether more than one outline runs through the vertex.
        vertex: (P,) int64, number of the vertex.
        leaves: (P,) uint8, number of the pixel along which the outline leaves.
        arrives: (P,) uint8, number of the pixel along which it arrives.
        turn: (P,) uint8, 0 around one pixel of the region, 1 straight on, 2 around one of others.
        at: (P,) complex, where the outline passes: the vertex, or beside it.
    """

    points: NDArray[np.complex128]
    is_node: NDArray[np.bool_]
    vertex: NDArray[np.int64]
    leaves: NDArray[np.uint8]
    arrives: NDArray[np.uint8]
    turn: NDArray[np.uint8]
    at: NDArray[np.complex128]

    def take(self, order: NDArray[np.int64]) -> Corners:
        """Return the passes in another order."""
        names = ("vertex", "leaves", "arrives", "turn", "at")
        return replace(self, **{name: getattr(self, name)[order] for name in names})


def find_corners(
    labels: NDArray[Any], *, join: bool
) -> tuple[Corners, NDArray[np.int64], NDArray[Any]]:
    """Find the corners of all regions of a label map, in reading order.

    Args:
        labels: (H, W) integers; 0 is no region.
        join: Whether pixels of a region that touch at a corner are joined there. Where two pairs
            of pixels cross, the pair that falls to the right is. Otherwise none are.

    Returns:
        The corners, which of them follows on each, (P,), and the value of the region of each, (P,).
    """
    row, column, around = _vertices(labels)
    count = len(row)
    edges = np.zeros(count, dtype=np.uint8)
    departs = np.empty((count, 4), dtype=np.bool_)
    for pixel in range(4):
        differs = around[pixel - 1] != around[pixel]
        edges |= differs.view(np.uint8) << (pixel - 1) % 4
        np.logical_and(differs, around[pixel] != 0, out=departs[:, pixel])
    passes = np.flatnonzero(departs)
    vertex, leaves = passes >> 2, (passes & 3).astype(np.uint8)
    turn = _TURNS[edges[vertex], leaves]
    points = column + 1j * row
    corners = Corners(
        points,
        _MEET[edges],
        vertex,
        leaves,
        (leaves + turn) & 3,
        turn,
        points[vertex],
    )
    if join:
        _join(corners, np.flatnonzero(edges[vertex] == 15), around)
    label = around.ravel()[vertex + count * leaves.astype(np.int64)]
    return corners, _successors(corners, column), label


def _join(corners: Corners, crossings: NDArray[np.int64], around: NDArray[Any]) -> None:
    """Join pixels of a region across a vertex; outlines keep to one side or the other of it."""
    vertex, leaves = corners.vertex[crossings], corners.leaves[crossings]
    pixels = around[:, vertex]
    falling = (pixels[0] == pixels[2]) & (pixels[0] != 0)
    rising = (pixels[1] == pixels[3]) & (pixels[1] != 0) & ~falling
    joined = np.where(leaves & 1, rising, falling)
    corners.at[crossings] += (falling | rising) * _ASIDE[(leaves + 3 * joined) & 3]
    corners.arrives[crossings[joined]] = (leaves[joined] + 2) & 3
    corners.turn[crossings[joined]] = 2


def _vertices(
    labels: NDArray[Any],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Return rows (V,) and columns (V,) of the vertices, and the labels around them, (4, V)."""
    height, width = labels.shape
    rows, columns, arounds = [], [], []
    framed = np.zeros((_ROWS + 1, width + 2), labels.dtype)
    for top in range(0, height + 1, _ROWS):
        count = min(_ROWS, height + 1 - top)
        first, behind = max(top - 1, 0), min(top + count, height)
        framed[:] = 0
        framed[first - top + 1 : behind - top + 1, 1:-1] = labels[first:behind]
        flat = framed[: count + 1].ravel()
        across, down = flat[1:] != flat[:-1], flat[width + 2 :] != flat[: -width - 2]
        turns = across[: -width - 2] | across[width + 2 :]
        turns &= down[:-1] | down[1:]
        place = np.flatnonzero(turns)
        row = place // (width + 2)
        column = place - row * (width + 2)
        arounds.append(np.stack([flat[place + step] for step in (0, 1, width + 3, width + 2)]))
        rows.append(row + top)
        columns.append(column)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(arounds, axis=1)


def _successors(corners: Corners, column: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the next pass of every pass: at the next vertex of its row or of its column."""
    count = len(column)
    neighbor = np.empty((count, 4), dtype=np.int64)
    neighbor[:, 0] = np.arange(-1, count - 1)
    neighbor[:, 2] = np.arange(1, count + 1)
    # Numbers of 16 bits are sorted by their digits.
    digits = column.astype(np.uint16) if column.max(initial=0) < 2**16 else column
    order = np.argsort(digits, kind="stable")
    neighbor[order[1:], 1] = order[:-1]
    neighbor[order[:-1], 3] = order[1:]
    arriving = np.empty(4 * count, dtype=np.int64)
    arriving[corners.vertex << 2 | corners.arrives] = np.arange(len(corners.vertex))
    reached = neighbor.ravel()[corners.vertex << 2 | corners.leaves]
    successor: NDArray[np.int64] = arriving[reached << 2 | (corners.leaves + 1) & 3]
    return successor
