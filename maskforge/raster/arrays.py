"""Masks from plain arrays, without any file."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskforge.errors import OptionError, check_type, shorten
from maskforge.geometry import ring
from maskforge.issues import Origin
from maskforge.raster.runs import areas
from maskforge.raster.scan import scan
from maskforge.raster.segments import Segments
from maskforge.shapes import MOST_PIXELS, Area, Bitmap, Polygon, Size

Region: TypeAlias = Area | Bitmap | Polygon | ArrayLike
"""An area, a bitmap, a polygon with holes, or the vertices of an outline as (N, 2)."""


def rasterize(
    regions: Sequence[Region],
    size: tuple[int, int],
    values: Sequence[int] | None = None,
    *,
    rasterizer: str = "exact",
    overlap: Literal["order", "area"] = "order",
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Draw regions into an integer mask.

    A pixel belongs to a region exactly if its center (c + 0.5, r + 0.5) is inside, with x to the
    right, y down and the origin at the outer corner of the first pixel. A center on an edge belongs
    to the region to its right or below it. Vertices may lie outside the image.

    Args:
        regions: The regions; see ``Region``.
        size: Width and height of the mask in pixels.
        values: Value of every region, 0 to 65535; None counts them from 1.
        rasterizer: Name of the rasterizer.
        overlap: What is on top: ``order`` the later region, ``area`` the smaller one.

    Returns:
        (height, width) uint8, or uint16 if a value exceeds 255; 0 where no region is.

    Raises:
        GeometryError: If an outline has fewer than three vertices or is not finite.
        OptionError: If ``size`` or ``values`` cannot be used, or the rasterizer is unknown.
        MissingDependencyError: If the library of the rasterizer is not installed.

    Examples:
        >>> mf.rasterize([[(1, 1), (3, 1), (3, 3), (1, 3)]], (4, 4)).tolist()
        [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    if overlap not in ("order", "area"):
        raise OptionError(f"overlap cannot be {shorten(overlap)}, expected order or area")
    check_type("regions", regions, Sequence)
    frame = _frame(size)
    numbers = _numbers(range(1, len(regions) + 1) if values is None else values, len(regions))
    geometries = [_geometry(region, index) for index, region in enumerate(regions)]
    runs = scan(geometries, frame, rasterizer)
    order = np.arange(len(regions))
    if overlap == "area":
        order = np.argsort(-areas(runs, len(regions)), kind="stable")
    segments = Segments(runs, frame)
    wide = numbers.max(initial=0) > np.iinfo(np.uint8).max
    painted = segments.paint(numbers.astype(np.uint16 if wide else np.uint8), order)
    return segments.fill(painted)


def _frame(size: tuple[int, int]) -> Size:
    try:
        width, height = (operator.index(side) for side in size)
    except (TypeError, ValueError):
        raise OptionError(f"size must be (width, height), found {shorten(size)}") from None
    if width < 1 or height < 1 or width * height > MOST_PIXELS:
        raise OptionError(f"size must be 1 to {MOST_PIXELS:,} px, found {width} x {height}")
    return Size(width, height)


def _numbers(values: Sequence[int], count: int) -> NDArray[np.int64]:
    try:
        numbers = [operator.index(value) for value in values]
    except TypeError:
        raise OptionError(f"values must be whole numbers, found {shorten(values)}") from None
    if len(numbers) != count:
        raise OptionError(f"{count} regions, but {len(numbers)} values")
    if numbers and not 0 <= min(numbers) <= max(numbers) <= np.iinfo(np.uint16).max:
        raise OptionError("values must be 0 to 65535")
    return np.array(numbers, dtype=np.int64)


def _geometry(region: Region, index: int) -> Area | Bitmap:
    if isinstance(region, Bitmap):
        return region
    origin = Origin(Path("<array>"), f"regions[{index}]")
    match region:
        case Area(parts):
            polygons = parts
        case Polygon():
            polygons = (region,)
        case _:
            polygons = (Polygon(region),)  # type: ignore[arg-type]  # made an array below
    return Area(
        tuple(
            Polygon(ring(one.exterior, origin), tuple(ring(hole, origin) for hole in one.holes))
            for one in polygons
        )
    )
