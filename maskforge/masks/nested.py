"""Shapes that lie wholly inside another one of their class: parts of it, or holes in it.

No labeling tool that draws rings one by one says which of the two is meant.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from maskforge.choices import InnerRings
from maskforge.errors import ImageError
from maskforge.issues import Code, Issue, Origin
from maskforge.masks.classes import BACKGROUND, VOID
from maskforge.shapes import Area, Bitmap, Polygon, Shape

_MOST_PAIRS = 200_000
_MOST_REGIONS = 5000
_ROWS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A shape with the value it is painted with; lost if that is void only for want of a class."""

    shape: Shape
    geometry: Area | Bitmap
    value: int
    is_lost: bool = False


def apart(
    regions: list[Region], origin: Origin, inner_rings: InnerRings, issues: list[Issue]
) -> list[Region]:
    """Note the regions that lie inside another one of their class, or cut them out of it.

    Args:
        regions: All regions of an image. Only outlines count, not bitmaps and regions in parts.
        origin: The image.
        inner_rings: What becomes of them.
        issues: Takes the note.

    Raises:
        ImageError: If they are to be cut out, and there are very many.
    """
    try:
        outer = _parents(regions)
    except OverflowError:
        if inner_rings == "area":
            return regions
        text = "there are too many shapes to tell which are holes"
        hint = "convert this image without --inner-rings"
        raise ImageError(Code.TOO_MANY_SHAPES, text, origin=origin, hint=hint) from None
    if not outer:
        return regions
    if inner_rings == "area":
        first = regions[min(outer)].shape.origin.pointer
        more = f", and so do {len(outer) - 1} more" if len(outer) > 1 else ""
        text = f"{first} lies inside another shape of its class{more}"
        hint = "if they are holes, cut them out with --inner-rings hole"
        issues.append(Issue(Code.RING_INSIDE, text, origin, hint))
        return regions
    is_hole: dict[int, bool] = {}
    for index in outer:
        chain = [index]
        while chain[-1] in outer and chain[-1] not in is_hole:
            chain.append(outer[chain[-1]])
        is_hole.setdefault(chain[-1], False)
        for inner, around in zip(chain[-2::-1], chain[:0:-1], strict=True):
            is_hole[inner] = not is_hole[around]  # what lies in a hole is an area again
    holes: dict[int, list[Polygon]] = {}
    for index, around in outer.items():
        if is_hole[index]:
            holes.setdefault(around, []).append(_outline(regions[index]))
    return [
        _cut(region, holes.get(index, ()))
        for index, region in enumerate(regions)
        if not is_hole.get(index, False)
    ]


def _parents(regions: Sequence[Region]) -> dict[int, int]:
    """Return the smallest region around each that lies inside another one of its class.

    Raises:
        OverflowError: If there are too many regions, or too many boxes inside each other.
    """
    outlines = {
        index: region.geometry.parts[0]
        for index, region in enumerate(regions)
        if isinstance(region.geometry, Area)
        and len(region.geometry.parts) == 1
        and region.value not in (BACKGROUND, VOID)
    }
    found: dict[int, int] = {}
    valid: dict[int, Any] = {}
    for inner, around in _boxes_inside(outlines, [regions[index].value for index in outlines]):
        instances = {regions[index].shape.instance for index in (inner, around)}
        if inner in found or len(instances - {None}) > 1:
            continue
        for index in (inner, around):
            if index not in valid:
                valid[index] = _valid(outlines[index])
        if valid[inner] and valid[around] and valid[around].contains_properly(valid[inner]):
            found[inner] = around
    return found


def _valid(outline: Polygon) -> object:
    """Return an outline for comparisons; None if it crosses itself."""
    import shapely

    polygon = shapely.Polygon(outline.exterior, outline.holes)
    return polygon if polygon.is_valid else None


def _boxes_inside(
    outlines: Mapping[int, Polygon], values: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Yield the keys of an outline and of one whose box is around its box, the smallest first.

    Raises:
        OverflowError: If there are too many outlines of a value, or too many pairs.
    """
    if len(outlines) < 2:
        return
    keys, kinds = np.array(list(outlines)), np.array(values)
    rings = [one.exterior for one in outlines.values()]
    starts = np.cumsum([0, *map(len, rings[:-1])])
    points = np.concatenate(rings)
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    (left, top), (right, bottom) = np.ascontiguousarray(low.T), np.ascontiguousarray(high.T)
    by_value = np.lexsort(((right - left) * (bottom - top), kinds))
    # Few are compared with all others at once, and many with those of their value alone: there may
    # be as many values as outlines.
    groups = [by_value]
    if len(by_value) > _ROWS:
        groups = np.split(by_value, np.flatnonzero(np.diff(kinds[by_value])) + 1)
    pairs: list[tuple[int, int]] = []
    for members in groups:
        if len(members) > _MOST_REGIONS:
            raise OverflowError
        if len(members) == 1:
            continue
        for rows in np.array_split(members, math.ceil(len(members) / _ROWS)):
            inside = kinds[rows, None] == kinds[members]
            inside &= left[rows, None] > left[members]
            inside &= top[rows, None] > top[members]
            inside &= right[rows, None] < right[members]
            inside &= bottom[rows, None] < bottom[members]
            inner, around = np.nonzero(inside)
            if len(pairs) + len(inner) > _MOST_PAIRS:
                raise OverflowError
            pairs += zip(keys[rows[inner]].tolist(), keys[members[around]].tolist(), strict=True)
    yield from pairs


def _outline(region: Region) -> Polygon:
    assert isinstance(region.geometry, Area)
    return region.geometry.parts[0]


def _cut(region: Region, holes: Sequence[Polygon]) -> Region:
    if not holes:
        return region
    part = _outline(region)
    rings = (*part.holes, *(ring for hole in holes for ring in hole.rings))
    return replace(region, geometry=Area((Polygon(part.exterior, rings),)))
