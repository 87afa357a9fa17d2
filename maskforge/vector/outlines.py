"""The regions of a label map as polygons with holes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.shapes import Area, Points, Polygon, Size
from maskforge.vector.arcs import find_arcs, pixel_edges, straighten
from maskforge.vector.loose import loosen
from maskforge.vector.rings import Rings, find_rings
from maskforge.vector.vectorize_options import LOSSLESS


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """The polygons of a label map, in reading order of their first pixels.

    Attributes:
        polygons: (G,), each with all of its holes.
        labels: (G,) values of the regions.
        areas: (G,) int64, pixels of the label map in each.
    """

    polygons: tuple[Polygon, ...]
    labels: NDArray[Any]
    areas: NDArray[np.int64]


def areas_of(pixels: NDArray[np.bool_], row: int = 0, column: int = 0) -> Area:
    """Return a region of pixels as polygons, a part for each group of pixels that touch.

    Drawn with the exact rasterizer, it has the same pixels.

    Args:
        pixels: (H, W) bool.
        row: Row of the image that the first row is.
        column: Column of the image that the first column is.
    """
    area = Area(trace(pixels.view(np.uint8)).polygons)
    return _moved(area, row, column) if row or column else area


def trace(
    labels: NDArray[Any], *, join: bool = True, tolerance: float = LOSSLESS, smoothing: int = 0
) -> Outlines:
    """Return the outlines of all regions of a label map.

    Up to a tolerance of 0.5, and without smoothing, they draw exactly the same map.

    Args:
        labels: (H, W) integers; 0 is no region.
        join: Whether pixels of a region that touch at a corner are in one polygon.
        tolerance: By how many pixels outlines may move; 0 leaves them on the edges of pixels.
        smoothing: How often corners are cut.
    """
    rings = find_rings(labels, join=join)
    if rings is None:
        return Outlines((), labels.ravel()[:0], np.empty(0, dtype=np.int64))
    if tolerance > LOSSLESS or smoothing:
        size = Size(labels.shape[1], labels.shape[0])
        return assemble(rings, loosen(rings, find_arcs(rings), tolerance, smoothing, size))
    if tolerance:
        return assemble(rings, straighten(find_arcs(rings)).outlines())
    return assemble(rings, pixel_edges(rings))


def assemble(rings: Rings, lines: list[Points]) -> Outlines:
    """Return the polygons that rings are, given the points of each."""
    outer = rings.outer.tolist()
    holes: dict[int, list[Points]] = {}
    for ring, around in enumerate(outer):
        inner = holes.setdefault(around, [])
        if ring != around:
            inner.append(lines[ring])
    chosen = np.flatnonzero(rings.outer == np.arange(len(outer)))
    areas = np.bincount(rings.outer, weights=rings.areas)[chosen].astype(np.int64)
    polygons = tuple(Polygon(lines[ring], tuple(holes[ring])) for ring in chosen.tolist())
    return Outlines(polygons, rings.labels[chosen], areas)


def _moved(area: Area, row: int, column: int) -> Area:
    def move(points: Points) -> Points:
        result: Points = points + np.array((column, row))
        result.flags.writeable = False
        return result

    return Area(
        tuple(
            Polygon(move(one.exterior), tuple(move(hole) for hole in one.holes))
            for one in area.parts
        )
    )
