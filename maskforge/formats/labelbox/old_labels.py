"""Labels before 2019: outlines by the name of their class, as text (WKT) or as points.

Their y is counted from the lower edge of the image, as Labelbox's own exporters of that time know
(``exporters/voc_exporter.py``: ``img_height - y``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.jsonio import structure
from maskforge.geometry import ring
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import Area, Polygon, Shape

_WKT = re.compile(r"\s*(MULTI)?(POLYGON|POINT|LINESTRING)\b", re.IGNORECASE)


def read_old(label: dict[str, Any], origin: Origin) -> tuple[list[Shape], list[Issue]]:
    """Return the outlines of an image, with a finding for each that cannot be read.

    Args:
        label: Outlines, or answers to questions, by the names of classes and questions.
        origin: Its place.
    """
    shapes: list[Shape] = []
    issues: list[Issue] = []
    for name, value, place in _records(label, origin):
        try:
            parts = _outlines(value, place)
        except RecordError as error:
            issues.append(error.issue())
            continue
        missing = None if name.strip() else Issue(Code.NO_LABEL, "has no name", place)
        labels = (name,) if missing is None else ()
        shapes.append(Shape(labels, Area(parts), "polygon", place, label_issue=missing))
    return shapes, issues


def _records(label: dict[str, Any], origin: Origin) -> Iterator[tuple[str, Any, Origin]]:
    for name, value in label.items():
        place = origin.at(f"[{shorten(name)}]")
        if isinstance(value, str) and _WKT.match(value):
            yield name, value, place
        elif isinstance(value, list):
            for index, one in enumerate(value):
                if isinstance(one, dict) and "geometry" in one:
                    yield name, one["geometry"], place.at(f"[{index}].geometry")
                elif isinstance(one, list):
                    yield name, one, place.at(f"[{index}]")


def _outlines(value: object, origin: Origin) -> tuple[Polygon, ...]:
    if isinstance(value, str):
        return _from_text(value, origin)
    points = structure(
        value, list[dict[str, float]], origin, Code.INVALID_COORDINATES, GeometryError
    )
    pairs = [(one.get("x"), one.get("y")) for one in points]
    return (Polygon(ring(pairs, origin)),)  # type: ignore[arg-type]


def _from_text(text: str, origin: Origin) -> tuple[Polygon, ...]:
    import shapely

    try:
        geometry = shapely.from_wkt(text)
    except (shapely.GEOSException, ValueError):
        geometry = None
    parts = () if geometry is None else shapely.get_parts(geometry)
    if not len(parts) or any(one.geom_type != "Polygon" or one.is_empty for one in parts):
        raise GeometryError(
            Code.INVALID_COORDINATES,
            f"expected the text of one or more polygons (WKT), found {shorten(text)}",
            origin=origin,
        )
    return tuple(
        Polygon(
            ring(shapely.get_coordinates(one.exterior), origin),
            tuple(ring(shapely.get_coordinates(hole), origin) for hole in one.interiors),
        )
        for one in parts
    )
