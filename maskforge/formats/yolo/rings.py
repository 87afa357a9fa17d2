"""What YOLO has: a single ring for each object, inside the image.

A ring that runs to another one and back on the same line covers what both cover: a row of pixels
crosses that line twice, and the even-odd rule does not see it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from maskforge.geometry import by_even_odd
from maskforge.shapes import Area, Points, Size

_STEPS = 10**9
"""Coordinates are read again rounded to as many parts of a pixel."""


def split_at_bridges(ring: Points) -> Area:
    """Return a ring as parts and holes, taken apart where it runs along a line there and back.

    Every pair of edges between the same two points, there and back, is taken out; the even-odd rule
    gives the same pixels with and without it.
    """
    return by_even_odd(_split(ring) or [ring])


def _split(ring: Points) -> list[Points]:
    points = [tuple(one) for one in ring.tolist()]
    path: list[tuple[float, ...]] = []
    edges: dict[tuple[object, object], int] = {}
    rings: list[list[tuple[float, ...]]] = []
    for point in (*points, points[0]):
        if path and (start := edges.get((point, path[-1]))) is not None:
            # Back at the beginning of the bridge: what lies between is a ring of its own.
            rings.append(path[start + 1 : -1])
            for first in range(start, len(path) - 1):
                edges.pop((path[first], path[first + 1]), None)
            del path[start + 1 :]
        else:
            if path:
                edges[path[-1], point] = len(path) - 1
            path.append(point)
    rings.append(path[:-1] if len(path) > 1 and path[0] == path[-1] else path)
    if len(rings) == 1:
        return [ring]
    return [_points(one) for one in rings if len(set(one)) > 2]


def _points(values: Sequence[tuple[float, ...]]) -> Points:
    points = np.array(values, np.float64)
    points.flags.writeable = False
    return points


def joined(parts: Sequence[Points]) -> Points | None:
    """Return one ring that covers what rings cover; None if two of them have pixels in common."""
    import shapely

    if len(parts) == 1:
        return parts[0]
    shapes = shapely.make_valid(shapely.polygons([shapely.linearrings(one) for one in parts]))
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        if a < b and shapely.area(shapely.intersection(shapes[a], shapes[b])) > 0:
            return None
    ring, *rest = parts
    for one in rest:
        line = shapely.shortest_line(shapely.multipoints(ring), shapely.multipoints(one))
        start, end = shapely.get_coordinates(line)
        here = int(np.flatnonzero((ring == start).all(axis=1))[0])
        there = int(np.flatnonzero((one == end).all(axis=1))[0])
        inner = np.roll(one, -there, axis=0)
        ring = np.concatenate((ring[: here + 1], inner, inner[:1], ring[here:]))
    return ring


def clipped(ring: Points, size: Size) -> Points | None:
    """Return the part of a ring inside an image, filled by the even-odd rule; None if none is.

    The four half-planes are taken one after the other. What was outside becomes edges along the
    edge of the image, on which no center of a pixel lies.
    """
    for axis, limit, sign in ((0, 0, 1), (0, size.width, -1), (1, 0, 1), (1, size.height, -1)):
        depth = (ring[:, axis] - limit) * sign
        if (depth >= 0).all():
            continue
        kept: list[Points] = []
        for number in range(len(ring)):
            if depth[number - 1] * depth[number] < 0:
                kept.append(_crossing(ring[number - 1], ring[number], axis, limit))
            if depth[number] >= 0:
                kept.append(ring[number])
        if len(kept) < 3:
            return None
        ring = np.array(kept)
    return ring


def _crossing(start: Points, end: Points, axis: int, limit: int) -> Points:
    """Return where an edge crosses a line, up to two billionths of a pixel to the left.

    A center that the edge goes through belongs to what is right of it, and so it does still.
    """
    (along, across), (next_along, next_across) = (
        (Fraction(point[axis]), Fraction(point[1 - axis])) for point in (start, end)
    )
    slope = (next_across - across) / (next_along - along)
    value = across + (limit - along) * slope
    # To the left means smaller x, or on an edge of the image at the side, the y with that effect.
    up = axis == 0 and slope > 0
    step = math.ceil(value * _STEPS) if up else math.floor(value * _STEPS)
    found = float(Fraction(step, _STEPS))
    if found < value if up else found > value:  # the nearest float is on the other side
        found = float(Fraction(step + (1 if up else -1), _STEPS))
    point = np.full(2, float(limit))
    point[1 - axis] = found
    return point
