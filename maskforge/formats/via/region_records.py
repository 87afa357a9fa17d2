"""The regions of an image, one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import as_score, known_box
from maskforge.formats.jsonio import structure
from maskforge.formats.plainform import PlainForm
from maskforge.formats.via.class_attribute import GROUP, SCORE, ClassAttribute, values_of
from maskforge.geometry import COORDINATE_LIMIT, checked_points, ellipse, rectangle, ring
from maskforge.issues import Box, Code, Origin
from maskforge.limits.allowance import Allowance
from maskforge.shapes import Area, Geometry, Points, PointSet, Polygon, Polyline, Shape

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
    fields = structure(record, dict[str, Any], origin)
    place = origin.at(".shape_attributes")
    drawn = structure(fields.get("shape_attributes"), dict[str, Any], place)
    kind = structure(drawn.get("name"), str, place.at(".name"))
    if kind not in _BUILDERS:
        raise RecordError(
            Code.UNKNOWN_KIND,
            f"{shorten(kind)} is not a kind of region that VIA draws",
            origin=place.at(".name"),
            hint=f"known are {', '.join(KINDS)}",
        )
    geometry = _BUILDERS[kind](drawn, place, vertices)
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


def _polygon(drawn: Mapping[str, Any], origin: Origin, _: Allowance) -> Area:
    return Area((Polygon(ring(_vertices(drawn, origin), origin)),))


def _polyline(drawn: Mapping[str, Any], origin: Origin, _: Allowance) -> Polyline:
    points = _vertices(drawn, origin)
    if len(points) < 2:
        text = f"expected at least 2 points, found {len(points)}"
        raise RecordError(Code.TOO_FEW_POINTS, text, origin=origin)
    return Polyline(points)


def _vertices(drawn: Mapping[str, Any], origin: Origin) -> Points:
    vertices = _numbers(drawn, _Vertices, origin)
    x, y = vertices.all_points_x, vertices.all_points_y
    if len(x) != len(y) or not x:
        raise GeometryError(
            Code.INVALID_COORDINATES,
            f"expected as many x as y, found {len(x)} and {len(y)}",
            origin=origin,
        )
    return checked_points(list(zip(x, y, strict=True)), origin)


def _rect(drawn: Mapping[str, Any], origin: Origin, _: Allowance) -> Area:
    box = _numbers(drawn, _Rect, origin)
    return Area((rectangle(box.x, box.y, box.x + box.width, box.y + box.height, origin),))


def _circle(drawn: Mapping[str, Any], origin: Origin, vertices: Allowance) -> Area:
    one = _numbers(drawn, _Circle, origin)
    return Area((ellipse(one.cx, one.cy, one.r, one.r, 0.0, origin, vertices),))


def _ellipse(drawn: Mapping[str, Any], origin: Origin, vertices: Allowance) -> Area:
    """Return an ellipse; before 2.0.8 it could not be turned, and ``theta`` is missing."""
    one = _numbers(drawn, _Ellipse, origin)
    angle = math.degrees(one.theta or 0.0)
    return Area((ellipse(one.cx, one.cy, one.rx, one.ry, angle, origin, vertices),))


def _point(drawn: Mapping[str, Any], origin: Origin, _: Allowance) -> PointSet:
    one = _numbers(drawn, _Point, origin)
    return PointSet(checked_points([(one.cx, one.cy)], origin))


def _numbers(drawn: Mapping[str, Any], type_: type[T], origin: Origin) -> T:
    return structure(drawn, type_, origin, Code.INVALID_COORDINATES, GeometryError)


def place_of(record: object) -> Box | None:
    """Return the box in which a region lies that cannot be read; None if it does not tell."""
    drawn: Any = record.get("shape_attributes") if isinstance(record, dict) else None
    match drawn:
        case {"all_points_x": [*x], "all_points_y": [*y]} if len(x) == len(y):
            return known_box([list(pair) for pair in zip(x, y, strict=True)])
        case {"x": x, "y": y, "width": width, "height": height}:
            return _box_around(x, y, (0, width), (0, height))
        case {"cx": x, "cy": y}:
            radii = [drawn[key] for key in ("r", "rx", "ry") if key in drawn]
            reach = max((abs(one) for one in radii), default=0) if all(map(_known, radii)) else None
            return None if reach is None else _box_around(x, y, (-reach, reach), (-reach, reach))
    return None


def _box_around(x: Any, y: Any, across: tuple[Any, Any], down: tuple[Any, Any]) -> Box | None:  # noqa: ANN401 - anything that a file holds
    if not all(map(_known, (x, y, *across, *down))):
        return None
    return known_box([[x + across[0], y + down[0]], [x + across[1], y + down[1]]])


def _known(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= COORDINATE_LIMIT


_BUILDERS: dict[str, Callable[[Mapping[str, Any], Origin, Allowance], Geometry]] = {
    "polygon": _polygon,
    "rect": _rect,
    "circle": _circle,
    "ellipse": _ellipse,
    "polyline": _polyline,
    "point": _point,
}

KINDS = tuple(_BUILDERS)

FORM = PlainForm("pairs", "name", KINDS, place_of=place_of, inside="shape_attributes")
"""How VIA writes a region."""
