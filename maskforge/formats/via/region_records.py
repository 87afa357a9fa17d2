"""The regions of an image, one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from maskforge.errors import GeometryError, shorten
from maskforge.formats.base import as_score, box_around, box_at, known_box
from maskforge.formats.fields import unknown_kind
from maskforge.formats.jsonio import fields_of, numbers, structure
from maskforge.formats.plainform import PlainForm
from maskforge.formats.via.class_attribute import GROUP, SCORE, ClassAttribute, values_of
from maskforge.geometry import (
    checked_points,
    ellipse,
    outline,
    polyline,
    rectangle,
)
from maskforge.issues import Box, Code, Origin
from maskforge.limits.allowance import Allowance
from maskforge.shapes import Area, Geometry, Points, PointSet, Shape

T = TypeVar("T")


class _Rect(msgspec.Struct):
    x: float
    y: float
    width: float
    height: float


class _Circle(msgspec.Struct):
    cx: float
    cy: float
    r: float


class _Ellipse(msgspec.Struct):
    cx: float
    cy: float
    rx: float
    ry: float
    theta: float | None = None


class _Point(msgspec.Struct):
    cx: float
    cy: float


class _Vertices(msgspec.Struct):
    all_points_x: list[float]
    all_points_y: list[float]


KINDS = ("polygon", "rect", "circle", "ellipse", "polyline", "point")

_OWN_KEYS = {
    "polygon": {"name", "all_points_x", "all_points_y"},
    "polyline": {"name", "all_points_x", "all_points_y"},
    "point": {"name", "cx", "cy"},
}
"""Kinds whose numbers are those of the geometry."""


def read_region(
    record: object, origin: Origin, classes: ClassAttribute, vertices: Allowance
) -> Shape:
    """Read one region.

    Args:
        record: The decoded JSON value.
        origin: Its place.
        classes: Where its labels are.
        vertices: Counts the vertices of circles and ellipses.

    Raises:
        RecordError: If the region is malformed, of an unknown kind, or cannot be drawn.
        LimitError: If there are more vertices than are left.
    """
    fields = fields_of(record, origin)
    place = origin.at(".shape_attributes")
    drawn = structure(fields.get("shape_attributes"), dict[str, Any], place)
    kind = structure(drawn.get("name"), str, place.at(".name"))
    if kind not in KINDS:
        text = f"{shorten(kind)} is not a kind of region that VIA draws"
        raise unknown_kind(text, place.at(".name"), KINDS)
    geometry = _geometry(kind, drawn, place, vertices)
    place = origin.at(".region_attributes")
    attributes = structure(fields.get("region_attributes") or {}, dict[str, Any], place)
    labels = classes.labels(attributes)
    return Shape(
        labels,
        geometry,
        kind,
        origin,
        instance=next(values_of(attributes.get(GROUP)), None),
        converted=kind if kind in ("circle", "ellipse") else "",
        primitive=None if _is_plain(drawn, geometry) else {"shape_attributes": drawn},
        extra={key: value for key, value in fields.items() if key != "shape_attributes"},
        label_issue=None if labels else classes.issue(attributes, place),
        score=as_score(_number(attributes.get(SCORE))),
    )


def _number(value: object) -> object:
    """Return the number that text holds, because VIA makes text of what people edit."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _is_plain(drawn: Mapping[str, Any], geometry: Geometry) -> bool:
    """Tell whether the geometry gives back all that the file says about it."""
    if set(drawn) != _OWN_KEYS.get(drawn["name"]):
        return False
    return not isinstance(geometry, Area) or len(geometry.parts[0].exterior) == len(
        drawn["all_points_x"]  # otherwise the first vertex stands at the end once more
    )


def _vertices(drawn: Mapping[str, Any], origin: Origin) -> Points:
    vertices = numbers(drawn, _Vertices, origin)
    x, y = vertices.all_points_x, vertices.all_points_y
    if len(x) != len(y) or not x:
        raise GeometryError(
            Code.INVALID_COORDINATES,
            f"expected as many x as y, found {len(x)} and {len(y)}",
            origin=origin,
        )
    return checked_points(list(zip(x, y, strict=True)), origin)


def _geometry(kind: str, drawn: Mapping[str, Any], origin: Origin, vertices: Allowance) -> Geometry:
    geometry: Geometry
    match kind:
        case "polygon":
            geometry = outline(_vertices(drawn, origin), origin)
        case "polyline":
            geometry = polyline(_vertices(drawn, origin), origin)
        case "rect":
            rect = numbers(drawn, _Rect, origin)
            right, bottom = rect.x + rect.width, rect.y + rect.height
            geometry = Area((rectangle(rect.x, rect.y, right, bottom, origin),))
        case "circle":
            disc = numbers(drawn, _Circle, origin)
            geometry = Area((ellipse(disc.cx, disc.cy, disc.r, disc.r, 0.0, origin, vertices),))
        case "ellipse":  # before 2.0.8 it could not be turned, and ``theta`` is missing
            oval = numbers(drawn, _Ellipse, origin)
            sides, angle = (oval.cx, oval.cy, oval.rx, oval.ry), math.degrees(oval.theta or 0.0)
            geometry = Area((ellipse(*sides, angle, origin, vertices),))
        case _:
            point = numbers(drawn, _Point, origin)
            geometry = PointSet(checked_points([(point.cx, point.cy)], origin))
    return geometry


def place_of(record: dict[str, Any]) -> Box | None:
    """Return the box in which a region lies that cannot be read; None if it does not tell."""
    match record.get("shape_attributes"):
        case {"all_points_x": [*x], "all_points_y": [*y]} if len(x) == len(y):
            return known_box([list(pair) for pair in zip(x, y, strict=True)])
        case {"x": x, "y": y, "width": width, "height": height}:
            return box_at(x, y, width, height)
        case {"cx": x, "cy": y, **radii}:
            return box_around(x, y, *(radii[key] for key in ("r", "rx", "ry") if key in radii))
    return None


FORM = PlainForm("pairs", "name", KINDS, place_of=place_of, inside=("shape_attributes",))
"""How VIA writes a region."""
