"""Where the outlines of a label map turn or meet, all of an image at once.

Outlines run along the edges of pixels, with the region to the right of the way: outer ones go
clockwise as seen on the screen, those of holes the other way. A vertex is a corner of pixels where
an outline turns or more than two meet. It has four pixels around it, numbered clockwise: 0 upper
left, 1 upper right, 2 lower right, 3 lower left; and four edges, each with the number of the pixel
before it: 0 up, 1 right, 2 down, 3 left. So an outline leaves along the edge before its pixel, and
arrives along the edge behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 64
"""Rows that are looked at in one go: few enough for the fast memory of a processor."""


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """Every time that an outline passes a vertex, in reading order of the vertices.

    Attributes:
        label: (P,) value of the region.
        row: (P,) int64.
        column: (P,) int64.
        vertex: (P,) int64, number of the vertex.
        leaves: (P,) int64, number of the pixel along which the outline leaves.
        arrives: (P,) int64, number of the pixel along which it arrives.
        convex: (P,) bool, whether it turns around a single pixel of the region.
        straight: (P,) bool, whether it does not turn: others meet it here.
        is_node: (P,) bool, whether more than one outline runs through the vertex.
        apart: (P,) int64, number of the pixel to whose side the outline keeps, for there are two
            points at this vertex; -1 where there is one.
        successor: (P,) int64, which of the corners comes next.
    """

    label: NDArray[Any]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    vertex: NDArray[np.int64]
    leaves: NDArray[np.int64]
    arrives: NDArray[np.int64]
    convex: NDArray[np.bool_]
    straight: NDArray[np.bool_]
    is_node: NDArray[np.bool_]
    apart: NDArray[np.int64]
    successor: NDArray[np.int64]

    def take(self, order: NDArray[np.int64]) -> Corners:
        """Return the corners in another order; successors are numbers of the order before."""
        return Corners(*(getattr(self, one.name)[order] for one in fields(self)))


def find_corners(labels: NDArray[Any], *, join: bool) -> Corners:
    """Find the corners of all regions of a label map.

    Args:
        labels: (H, W) integers; 0 is no region.
        join: Whether pixels of a region that touch at a corner are joined there. Where two pairs
            of pixels cross, the pair that falls to the right is. Otherwise none are.
    """
    row, column, around = _vertices(labels)
    differs = around != np.roll(around, -1, axis=0)  # across the edge of this number
    is_node = differs.all(axis=0) | (differs.sum(axis=0) == 3)
    crosses = differs.all(axis=0)
    falling = crosses & (around[0] == around[2]) & (around[0] != 0)
    rising = crosses & (around[1] == around[3]) & (around[1] != 0) & ~falling

    passes = np.flatnonzero((np.roll(differs, 1, axis=0) & (around != 0)).T)
    vertex, leaves = np.divmod(passes, 4)
    label = around.T.ravel()[passes]
    by_edge = differs.T.ravel()
    convex = by_edge[passes]
    straight = ~convex & by_edge[vertex * 4 + (leaves + 1) % 4]
    arrives = (leaves + 2 - convex - (convex | straight)) % 4
    apart = np.full(len(passes), -1)
    if join:
        met = np.where(leaves % 2 == 0, falling[vertex], rising[vertex])
        arrives[met] = (leaves[met] + 2) % 4
        convex &= ~met
        keeps_to = (leaves + 3 * met) % 4
        apart = np.where(falling[vertex] | rising[vertex], keeps_to, -1)
    return Corners(
        label,
        row[vertex],
        column[vertex],
        vertex,
        leaves,
        arrives,
        convex,
        straight,
        is_node[vertex],
        apart,
        _successors(column, vertex, leaves, arrives),
    )


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
        part = framed[: count + 1]
        across, down = part[:, 1:] != part[:, :-1], part[1:] != part[:-1]
        turns = across[:-1] | across[1:]
        turns &= down[:, :-1] | down[:, 1:]
        found = np.flatnonzero(turns)
        row, column = np.divmod(found, width + 1)
        place = found + row  # a framed row has one pixel more than it has vertices
        flat = part.ravel()
        steps = (0, 1, width + 3, width + 2)
        arounds.append(np.stack([flat[place + step] for step in steps]))
        rows.append(row + top)
        columns.append(column)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(arounds, axis=1)


def _successors(
    column: NDArray[np.int64],
    vertex: NDArray[np.int64],
    leaves: NDArray[np.int64],
    arrives: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the next pass of every pass: at the next vertex of its row or of its column."""
    count = len(column)
    neighbor = np.empty((count, 4), dtype=np.int64)
    neighbor[:, 0] = np.arange(-1, count - 1)
    neighbor[:, 2] = np.arange(1, count + 1)
    # Small numbers of 16 bits are sorted by their digits.
    small = column.astype(np.uint16) if column.max(initial=0) < 2**16 else column
    order = np.argsort(small, kind="stable")
    neighbor[order[1:], 1] = order[:-1]
    neighbor[order[:-1], 3] = order[1:]
    arriving = np.empty((count, 4), dtype=np.int64)
    arriving[vertex, arrives] = np.arange(len(vertex))
    return arriving[neighbor[vertex, leaves], (leaves + 1) % 4]
