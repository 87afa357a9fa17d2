"""From rings that are filled together by the even-odd rule to outlines with holes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maskforge.shapes import Area, Points, Polygon

_MOST_RINGS = 500


def by_even_odd(rings: Sequence[Points]) -> Area:
    """Return the area that rings enclose together: what lies in an odd number of them.

    A ring in no other one, or in two, is an outline; a ring in one or three is a hole of the
    smallest one around it. Rings that cross or touch each other have no such order: they are one
    polygon, which is filled by the same rule.

    Args:
        rings: At least one.
    """
    if len(rings) == 1:
        return Area((Polygon(rings[0]),))
    depths = _parents(rings) if len(rings) <= _MOST_RINGS else None
    if depths is None:
        return Area((Polygon(rings[0], tuple(rings[1:])),))
    holes: dict[int, list[Points]] = {}
    for index, above in enumerate(depths):
        if len(above) % 2:
            holes.setdefault(above[0], []).append(rings[index])
    return Area(
        tuple(
            Polygon(one, tuple(holes.get(index, ())))
            for index, one in enumerate(rings)
            if len(depths[index]) % 2 == 0
        )
    )


def _parents(rings: Sequence[Points]) -> list[list[int]] | None:
    """Return for each ring those around it, the smallest first; None if some cross or touch."""
    import shapely

    lines = shapely.linearrings(
        np.concatenate(rings), indices=np.repeat(np.arange(len(rings)), [len(one) for one in rings])
    )
    areas = shapely.polygons(lines)
    if not shapely.is_valid(areas).all():
        return None
    tree = shapely.STRtree(areas)
    first, second = tree.query(lines, predicate="intersects")
    apart = first != second
    first, second = first[apart], second[apart]
    if not shapely.contains_properly(areas[second], lines[first]).all():
        return None
    sizes = shapely.area(areas)
    above: list[list[int]] = [[] for _ in rings]
    for one, other in sorted(zip(first, second, strict=True), key=lambda pair: sizes[pair[1]]):
        above[int(one)].append(int(other))
    return above


def is_even_odd(area: Area) -> bool:
    """Tell whether the rings of all parts enclose the same together, filled by the even-odd rule.

    They do not where parts overlap.
    """
    import shapely

    if len(area.parts) == 1:
        return True
    polygons = [shapely.Polygon(part.exterior, part.holes) for part in area.parts]
    if not shapely.is_valid(polygons).all():
        return False
    first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    pairs = first < second
    inside = shapely.relate_pattern(
        np.array(polygons)[first[pairs]], np.array(polygons)[second[pairs]], "T********"
    )
    return not inside.any()
