"""Lesions that are made to reach a known depth: halves of the enamel, thirds of the dentine.

The depth is told by the curves of the tooth, in millimeters, and not by the pixels of any mask.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from bitewings import caries
from bitewings.curves import Points
from bitewings.findings import Findings, Lesion, in_sight
from bitewings.jaws import Jaw
from bitewings.teeth import Tooth

DEPTHS = ("E1", "E2", "D1", "D2", "D3")
"""Outer and inner half of the enamel; outer, middle and inner third of the dentine."""

_SIZES = {"E1": (0.5, 1.3), "E2": (0.7, 1.6), "D1": (1.3, 2.8), "D2": (1.8, 4.0), "D3": (2.4, 5.0)}
"""Among which those of lesions of this depth are, in millimeters."""

_TRIES = 40
_SHARE = 0.45  # of the sides of teeth have a lesion
_SURE = 0.2  # how far a lesion ends from the limits of its zone, as a part of its width
_EDGE = 14  # pixels to the edge of the image
_STEP = 0.15  # millimeters between the points inside a lesion at which it is measured
_STEP_ALONG = 0.05  # and between those along its outline


def reached(tooth: Tooth, ring: Points) -> float:
    """Return how deep a region of a tooth reaches, in zones: 0 to 2 in the enamel, to 5 in dentine.

    A point of the enamel is as many zones deep as it is halves of the way from the surface to the
    dentine; a point of the dentine as many more as it is thirds of the way from there to the pulp.
    """
    points = _points(ring)
    enamel, dentine, pulp = map(shapely.Polygon, (tooth.enamel, tooth.dentine, tooth.pulp))
    if shapely.contains_xy(pulp, points).any():
        return float(len(DEPTHS))
    is_inner = shapely.contains_xy(dentine, points)
    if is_inner.any():
        return 2 + 3 * _way(points[is_inner], dentine.exterior, pulp)
    is_outer = shapely.contains_xy(enamel, points)
    return 2 * _way(points[is_outer], shapely.LineString(tooth.surface), dentine)


def _way(points: Points, outer: shapely.Geometry, inner: shapely.Geometry) -> float:
    """Return how far from one thing to another the farthest of some points is, 0 to 1."""
    if not len(points):
        return 0.0
    places = shapely.points(points)
    down, left = shapely.distance(places, outer), shapely.distance(places, inner)
    return float((down / (down + left)).max())


def _points(ring: Points) -> Points:
    """Return points all over the inside of a ring and along it."""
    low, high = ring.min(axis=0), ring.max(axis=0)
    x, y = (np.arange(*ends, _STEP) for ends in zip(low, high, strict=True))
    grid: NDArray[np.float64] = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    inside = grid[shapely.contains_xy(shapely.Polygon(ring), grid)]
    along = shapely.segmentize(shapely.LinearRing(ring), _STEP_ALONG)
    return np.vstack((inside, shapely.get_coordinates(along)))


def examine_depths(
    jaws: Sequence[Jaw], rng: np.random.Generator, width: int, height: int
) -> list[list[Findings]]:
    """Return the teeth of every jaw, from left to right, with proximal lesions of known depth."""
    rows = [[Findings(placed) for placed in jaw.teeth] for jaw in jaws]
    for one in itertools.chain.from_iterable(rows):
        for side in (-1, 1):
            # The teeth at the edge, too, so that the other ones depend on nothing but themselves.
            lesion = _lesion(one, rng, side, width, height)
            if lesion is not None and in_sight(one.placed, width, height):
                one.lesions.append(lesion)
    return rows


def _lesion(
    one: Findings, rng: np.random.Generator, side: int, width: int, height: int
) -> Lesion | None:
    """Return a lesion at one side, or None where there is none, or none fits."""
    if rng.random() > _SHARE:
        return None
    number = int(rng.integers(len(DEPTHS)))
    depth = DEPTHS[number]
    loss, softness = rng.uniform(0.2, 0.42), rng.uniform(0.10, 0.24)
    for _ in range(_TRIES):
        ring = caries.proximal(one.placed.tooth, rng, side, rng.uniform(*_SIZES[depth]))
        over = reached(one.placed.tooth, ring) - number
        if _SURE <= over <= 1 - _SURE and _fits(one, ring, width, height):
            site = "back" if side > 0 else "front"
            return Lesion("proximal", site, ring, loss, softness, depth=depth)
    return None


def _fits(one: Findings, ring: Points, width: int, height: int) -> bool:
    placed = one.placed.place(ring)
    low, high = _EDGE, np.array((width, height)) - _EDGE
    alone = all(
        not shapely.Polygon(ring).intersects(shapely.Polygon(other.outline))
        for other in one.lesions
    )
    return alone and bool(
        ((placed > low) & (placed < high)).all() and shapely.Polygon(ring).is_valid
    )
