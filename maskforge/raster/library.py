"""What the rasterizers that call another library's fill have in common.

They are for people who must reproduce masks that were made with that library. So a polygon is drawn
where it lies, not moved to a smaller canvas: rounding inside the library may depend on its place.
Only rows are left out, which none of the libraries notices.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import MissingDependencyError
from maskforge.limits.allowance import Allowance, Limit
from maskforge.raster.runs import Runs, from_bitmap, united
from maskforge.shapes import Area, Bitmap, Points, Polygon, Size

Mask: TypeAlias = NDArray[np.bool_]

_MARGIN = 2.0**15
"""Distance from the image at which geometry is cut off, in pixels.

Libraries count in 32 bits, some of them for fractions of a pixel; images have up to 65535 pixels.
"""

_RIM = 2
"""Pixels outside the bounding box that a library may draw on."""


@dataclass(frozen=True, slots=True)
class LibraryRasterizer:
    """A rasterizer that draws one polygon at a time by means of another library.

    Attributes:
        name: Name for the command line.
        rule: For people: which pixels belong to a region.
        library: Module that ``fill`` needs.
        install: Command that installs it.
        fill: Draws a polygon on an empty canvas of the given size and returns it, (H, W) bool.
    """

    name: str
    rule: str
    library: str
    install: str
    fill: Callable[[Polygon, Size], Mask]

    def scan(self, areas: Sequence[Area], size: Size) -> Runs:
        """Return the pixels of every area; see ``maskforge.raster.base.Rasterizer``."""
        try:
            importlib.import_module(self.library)
        except ImportError as error:
            raise MissingDependencyError(
                f"the rasterizer {self.name} cannot load {self.library}: {error}", hint=self.install
            ) from error
        canvases, crossings = Allowance(Limit.CANVAS_PIXELS), Allowance(Limit.CROSSINGS)
        found: list[Runs] = []
        for region, area in enumerate(areas):
            for part in area.parts:
                bitmap = self._drawn(part, size, canvases)
                if bitmap is not None:
                    found.append(from_bitmap(bitmap, size, region, crossings))
        return united(found)

    def _drawn(self, polygon: Polygon, size: Size, canvases: Allowance) -> Bitmap | None:
        """Return the pixels of a polygon, or None if it lies outside the image."""
        rings = [_near(ring, size) for ring in polygon.rings]
        points = np.concatenate(rings)
        if len(rings[0]) < 3:
            return None
        bounds = np.array((np.floor(points.min(axis=0)) - _RIM, np.ceil(points.max(axis=0)) + _RIM))
        (left, top), (right, bottom) = np.clip(bounds, 0, size).astype(np.int64).tolist()
        if left == right or top == bottom:
            return None
        exterior, *holes = [ring - (0, top) for ring in rings if len(ring) >= 3]
        canvases.take(size.width * (bottom - top) * (1 + len(holes)))
        mask = self.fill(Polygon(exterior, tuple(holes)), Size(size.width, bottom - top))
        return Bitmap(top, left, mask[:, left:right])


def holes_cleared(fill: Callable[[Points, Size], Mask]) -> Callable[[Polygon, Size], Mask]:
    """Return a fill for polygons that draws the exterior and takes away what it draws for holes.

    Args:
        fill: Draws one ring on an empty canvas of the given size.
    """

    def fill_polygon(polygon: Polygon, size: Size) -> Mask:
        mask = fill(polygon.exterior, size)
        for hole in polygon.holes:
            mask &= ~fill(hole, size)
        return mask

    return fill_polygon


def _near(ring: Points, size: Size) -> Points:
    """Return the part of a ring within the image and a margin around it.

    Sutherland and Hodgman, Reentrant Polygon Clipping, 1974. What is cut off is replaced by edges
    along the margin, so that inside of it every fill rule gives what it gave before.
    """
    for axis, extent in enumerate(size):
        for sign, limit in ((-1.0, -_MARGIN), (1.0, extent + _MARGIN)):
            depth = sign * (limit - ring[:, axis])
            if (depth < 0).any():
                ring = _cut(ring, depth)
    return ring


def _cut(ring: Points, depth: Points) -> Points:
    inside = depth >= 0
    crosses = inside != np.roll(inside, -1)
    change = np.where(crosses, depth - np.roll(depth, -1), 1.0)
    cuts = ring + (depth / change)[:, np.newaxis] * (np.roll(ring, -1, axis=0) - ring)
    kept = np.column_stack((inside, crosses))
    result: Points = np.stack((ring, cuts), axis=1)[kept]
    return result
