"""The entries of a LabelMe file's `shapes`, one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from maskforge.errors import RecordError, shorten
from maskforge.formats.base import as_score, known_box
from maskforge.formats.fields import as_labels, group_of, unknown_kind
from maskforge.formats.jsonio import fields_of, numbers, structure
from maskforge.formats.labelme.bitmap import read_bitmap
from maskforge.formats.plainform import PlainForm
from maskforge.geometry import (
    checked_points,
    convex_hull,
    ellipse,
    outline,
    polyline,
    rectangle,
)
from maskforge.issues import Box, Code, Origin
from maskforge.limits.allowance import Allowance
from maskforge.shapes import Area, Geometry, PointSet, Shape

_Pairs: TypeAlias = Sequence[tuple[float, float]]

_OWN_PLACE = frozenset({"label", "points", "shape_type", "group_id"})
_BITMAP = frozenset({"points", "mask"})
_CONVERTED = frozenset({"circle", "cuboid"})
_PRIMITIVES = frozenset({"rectangle", "rotation", "circle", "cuboid", "mask"})
_INSIDE_POINTS = (None, "", "polygon", "rectangle", "oriented_rectangle", "rotation")
"""Kinds that lie within the box around their points, however few these are."""


def read_shape(record: object, origin: Origin, vertices: Allowance, pixels: Allowance) -> Shape:
    """Read one entry of `shapes`.

    Args:
        record: The decoded JSON value.
        origin: Its place.
        vertices: Counts the vertices of circles.
        pixels: Counts the pixels of bitmaps.

    Raises:
        RecordError: If the entry is malformed, of an unknown kind, or cannot be drawn.
        LimitError: If there are more of them than are left.
    """
    fields = fields_of(record, origin)
    kind = _kind(fields, origin.at(".shape_type"))
    if kind == "points":
        raise RecordError(
            Code.NOT_DRAWABLE,
            "the points of a prompt for a model describe no region",
            origin=origin,
        )
    place = origin.at(".points")
    if "points" not in fields:
        raise RecordError(Code.INVALID_RECORD, "the shape has no `points`", origin=origin)
    points = numbers(fields["points"], list[tuple[float, float]], place)
    geometry: Geometry
    if kind == "mask":
        if len(points) != 2:
            raise _wrong_count(points, "the 2 corners of the mask's box", place)
        geometry = read_bitmap(fields.get("mask"), points, origin, pixels)
    elif kind == "circle":
        geometry = _circle(points, place, vertices)
    else:
        geometry = _BUILDERS[kind](points, place)
    labels, label_issue = as_labels(fields.get("label"), origin.at(".label"))
    return Shape(
        labels,
        geometry,
        kind,
        origin,
        instance=group_of(fields.get("group_id"), origin.at(".group_id")),
        converted=kind if kind in _CONVERTED else "",
        primitive=_primitive(kind, fields, geometry),
        extra={
            key: value
            for key, value in fields.items()
            if key not in _OWN_PLACE and not key == kind == "mask"
        },
        label_issue=label_issue,
        score=as_score(fields.get("score")),
    )


def _primitive(kind: str, fields: dict[str, Any], geometry: Geometry) -> dict[str, object] | None:
    """Return the keys that the geometry does not give back as they are."""
    if kind in _PRIMITIVES:
        return {key: fields[key] for key in _BITMAP if key in fields and key in (kind, "points")}
    if isinstance(geometry, Area) and len(geometry.parts[0].exterior) != len(fields["points"]):
        return {"points": fields["points"]}  # with the first vertex once more at the end
    return None


def place_of(record: dict[str, Any]) -> Box | None:
    """Return the box in which a record lies that cannot be read; None if it does not tell."""
    points, kind = record.get("points"), record.get("shape_type")
    box = known_box(points)
    if box is None or not isinstance(points, list) or len(points) != 2 or kind in _INSIDE_POINTS:
        return box
    left, top, right, bottom = box
    if kind == "mask":  # its corners are pixels, both of which belong to it
        return known_box([left, top, right + 1, bottom + 1])
    reach = math.hypot(right - left, bottom - top)  # one is perhaps the center of a circle
    return known_box([left - reach, top - reach, right + reach, bottom + reach])


def _kind(fields: dict[str, Any], origin: Origin) -> str:
    written = fields.get("shape_type")
    if written is None or written == "":  # versions before 3.6.12 draw nothing but polygons
        return "polygon"
    kind = structure(written, str, origin)
    if kind not in _KINDS:
        text = f"{shorten(kind)} is not a kind of shape that LabelMe or X-AnyLabeling draws"
        raise unknown_kind(text, origin, _KINDS)
    return kind


def _rectangle(points: _Pairs, origin: Origin) -> Area:
    """Return a box given by two opposite corners or by all four; upright ones in any order."""
    if len(points) in (2, 4):
        corners = checked_points(points, origin)
        low, high = corners.min(axis=0), corners.max(axis=0)
        is_upright = len(set(points)) == 4 and ((corners == low) | (corners == high)).all()
        if len(points) == 2 or is_upright:
            (left, top), (right, bottom) = low.tolist(), high.tolist()
            return Area((rectangle(left, top, right, bottom, origin),))
    return _four_corners(points, origin)


def _four_corners(points: _Pairs, origin: Origin) -> Area:
    is_closed = len(points) == 5 and points[0] == points[-1]
    if len(points) != 4 and not is_closed:
        raise _wrong_count(points, "4 corners", origin)
    return outline(points, origin)


def _circle(points: _Pairs, origin: Origin, vertices: Allowance) -> Area:
    if len(points) != 2:
        raise _wrong_count(points, "the center and a point on the rim", origin)
    (x, y), (rim_x, rim_y) = checked_points(points, origin).tolist()
    radius = math.hypot(rim_x - x, rim_y - y)
    return Area((ellipse(x, y, radius, radius, 0.0, origin, vertices),))


def _cuboid(points: _Pairs, origin: Origin) -> Area:
    """Return the outline of X-AnyLabeling's box in parallel projection.

    Its eight points are the corners of the front face and those of the same face moved back
    (``anylabeling/views/labeling/shape.py``), so their convex hull is what the body covers.
    """
    if len(points) != 8:
        raise _wrong_count(points, "8 corners", origin)
    return Area((convex_hull(points, origin),))


def _point(points: _Pairs, origin: Origin) -> PointSet:
    if len(points) != 1:
        raise _wrong_count(points, "1 point", origin)
    return PointSet(checked_points(points, origin))


def _wrong_count(points: _Pairs, expected: str, origin: Origin) -> RecordError:
    text = f"expected {expected}, found {len(points)} points"
    return RecordError(Code.INVALID_RECORD, text, origin=origin)


_BUILDERS: dict[str, Callable[[_Pairs, Origin], Geometry]] = {
    "polygon": outline,
    "rectangle": _rectangle,
    "oriented_rectangle": _four_corners,
    "line": polyline,
    "linestrip": polyline,
    "point": _point,
    "rotation": _rectangle,
    "quadrilateral": _four_corners,
    "cuboid": _cuboid,
}

_KINDS = (*_BUILDERS, "circle", "mask", "points")

FORM = PlainForm("pairs", "shape_type", _KINDS, place_of=place_of)
"""How LabelMe writes a shape."""
