"""Shapes that lie wholly inside another one of their class: parts of it, or holes in it.

No labeling tool that draws rings one by one says which of the two is meant.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import InnerRings
from maskforge.errors import ImageError
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import Area, Bitmap, Points, Polygon, Shape

_MOST_PAIRS = 2_000_000
_MOST_REGIONS = 5000
_ROWS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A shape with the value it is painted with."""

    shape: Shape
    geometry: Area | Bitmap
    value: int


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
    indices = [
        index
        for index, region in enumerate(regions)
        if isinstance(region.geometry, Area) and len(region.geometry.parts) == 1
    ]
    if len(indices) < 2:
        return {}
    outlines = [_outline(regions[index]) for index in indices]
    values = np.array([regions[index].value for index in indices])
    if np.bincount(values).max() > _MOST_REGIONS:
        raise OverflowError
    found: dict[int, int] = {}
    for inner, around in _inside(outlines, values):
        one, other = indices[inner], indices[around]
        instances = {regions[one].shape.instance, regions[other].shape.instance}
        if one not in found and len(instances - {None}) < 2:
            found[one] = other
    return found


def _inside(outlines: Sequence[Polygon], values: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Yield pairs of an outline and one of its value around it, for each the smallest first."""
    starts = np.cumsum([0, *(len(one.exterior) for one in outlines[:-1])])
    points = np.concatenate([one.exterior for one in outlines])
    low, high = (extreme.reduceat(points, starts) for extreme in (np.minimum, np.maximum))
    both = _boxes_inside(low, high, values)
    if not len(both):
        return
    import shapely

    polygons = {
        int(index): shapely.Polygon(outlines[index].exterior, outlines[index].holes)
        for index in np.unique(both)
    }
    sizes = (high - low).prod(axis=1)
    for inner, around in both[np.lexsort((sizes[both[:, 1]], both[:, 0]))].tolist():
        one, other = polygons[inner], polygons[around]
        if one.is_valid and other.is_valid and other.contains_properly(one):
            yield inner, around


def _boxes_inside(low: Points, high: Points, values: NDArray[Any]) -> NDArray[np.intp]:
    """Return (N, 2): positions of a box and of one of the same value around it.

    Raises:
        OverflowError: If there are too many pairs.
    """
    pairs = [np.empty((0, 2), dtype=np.intp)]
    for value in np.unique(values):
        (members,) = np.nonzero(values == value)
        for rows in np.array_split(members, math.ceil(len(members) / _ROWS)):
            around = (low[rows, None] > low[members]) & (high[rows, None] < high[members])
            inner, outer = np.nonzero(around.all(axis=2))
            pairs.append(np.column_stack((rows[inner], members[outer])))
            if sum(map(len, pairs)) > _MOST_PAIRS:
                raise OverflowError
    return np.concatenate(pairs)


def _outline(region: Region) -> Polygon:
    assert isinstance(region.geometry, Area)
    return region.geometry.parts[0]


def _cut(region: Region, holes: Sequence[Polygon]) -> Region:
    if not holes:
        return region
    part = _outline(region)
    rings = (*part.holes, *(ring for hole in holes for ring in hole.rings))
    return replace(region, geometry=Area((Polygon(part.exterior, rings),)))
