"""Labels before 2019: outlines by the name of their class, as text (WKT) or as points.

Their y is counted from the lower edge of the image, as Labelbox's own exporters of that time know
(``exporters/voc_exporter.py``: ``img_height - y``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from maskforge.errors import GeometryError, shorten
from maskforge.formats.fields import as_labels
from maskforge.formats.jsonio import numbers
from maskforge.formats.plainform import PlainForm, read_each
from maskforge.geometry import outline, ring
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import Area, Polygon, Shape

_FORM = PlainForm("pairs", "", ())
_WKT = re.compile(r"\s*(MULTI)?(POLYGON|POINT|LINESTRING)\b", re.IGNORECASE)


def read_old(label: dict[str, Any], origin: Origin) -> tuple[list[Shape], list[Issue]]:
    """Return the outlines of an image, with a finding for each that cannot be read.

    Args:
        label: Outlines, or answers to questions, by the names of classes and questions.
        origin: Its place.
    """
    records = list(_records(label, origin))
    return read_each(records, origin, _read, _FORM, [place for _, _, place in records])


def _read(record: object, origin: Origin) -> Shape:
    assert isinstance(record, tuple)
    name, value, _ = record
    labels, missing = as_labels(name, origin)
    return Shape(labels, Area(_outlines(value, origin)), "polygon", origin, label_issue=missing)


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
    points = numbers(value, list[dict[str, float]], origin)
    pairs = [(one.get("x"), one.get("y")) for one in points]
    return outline(pairs, origin).parts  # type: ignore[arg-type]  # refuses None


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
