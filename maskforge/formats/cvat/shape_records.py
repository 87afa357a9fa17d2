"""The elements below an `image`, one by one, as plain values."""

from __future__ import annotations

import contextlib
import math
import re
from typing import Any, TypeAlias

import numpy as np

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import as_score, box_around, box_at, known_box
from maskforge.formats.fields import as_labels, bad_bitmap, group_of, unknown_kind
from maskforge.formats.plainform import PlainForm
from maskforge.formats.runlength import from_spans, is_too_large
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
from maskforge.shapes import Area, Bitmap, Geometry, Points, PointSet, Polygon, Shape

Record: TypeAlias = dict[str, Any]

NO_SHAPES = frozenset({"tag"})
"""Elements that say something about the image as a whole."""

SAME_POINTS = frozenset({"polygon", "polyline", "points"})
"""Kinds whose points are the vertices of the geometry."""

_BOX = ("xtl", "ytl", "xbr", "ybr")
_OVAL = ("cx", "cy", "rx", "ry")
_MASK = ("left", "top", "width", "height")
_CUBOID = tuple(
    f"{axis}{corner}{face}" for face in "12" for corner in ("tl", "bl", "tr", "br") for axis in "xy"
)
_GEOMETRY: dict[str, tuple[str, ...]] = {
    "polygon": ("points",),
    "polyline": ("points",),
    "points": ("points",),
    "box": (*_BOX, "rotation"),
    "ellipse": (*_OVAL, "rotation"),
    "mask": ("rle", *_MASK),
    "cuboid": _CUBOID,
}
"""The attributes that hold what was drawn, by kind of shape."""

_CONVERTED = frozenset({"ellipse", "cuboid"})
_OWN_PLACE = frozenset({"type", "label", "group_id"})
_NUMBER = re.compile(r"\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?\s*")
_LONGEST_NUMBER = 10
_LARGEST_INTEGER = 2**31


def read_shape(record: object, origin: Origin, vertices: Allowance, pixels: Allowance) -> Shape:
    """Read one element.

    Args:
        record: Its attributes and attribute elements as plain values.
        origin: Its place.
        vertices: Counts the vertices of ellipses.
        pixels: Counts the pixels of masks.

    Raises:
        RecordError: If the element is not a shape, malformed, or cannot be drawn.
        LimitError: If the shapes of the image need more than it may take.
    """
    assert isinstance(record, dict)
    kind = _kind(record, origin)
    geometry: Geometry
    match kind:
        case "polygon":
            geometry = outline(_points(record, origin), origin.at(".points"))
        case "polyline":
            geometry = polyline(_points(record, origin), origin.at(".points"))
        case "points":
            geometry = PointSet(_points(record, origin))
        case "box":
            geometry = _box(record, origin)
        case "cuboid":
            geometry = _cuboid(record, origin)
        case "ellipse":
            geometry = _ellipse(record, origin, vertices)
        case _:
            geometry = _mask(record, origin, pixels)
    drawn = _GEOMETRY[kind]
    labels, label_issue = as_labels(record.get("label"), origin.at(".label"))
    attributes = record.get("attributes", {})
    return Shape(
        labels,
        geometry,
        kind,
        origin,
        instance=group_of(record.get("group_id"), origin.at(".group_id"), none="0"),
        converted=kind if kind in _CONVERTED else "",
        primitive=_primitive(kind, record, geometry),
        extra={
            key: value
            for key, value in record.items()
            if key not in drawn and key not in _OWN_PLACE
        },
        label_issue=label_issue,
        score=_score(attributes),
    )


def place_of(record: Record) -> Box | None:
    """Return the box in which an element lies that cannot be read; None if it does not tell."""
    if isinstance(record.get("points"), str):
        return known_box([pair.split(",") for pair in record["points"].split(";")])
    if record.keys() >= {*_MASK}:
        return box_at(*map(record.get, _MASK))
    if record.keys() >= {*_OVAL}:
        return box_around(*map(record.get, _OVAL))
    if record.keys() >= {*_BOX}:
        with contextlib.suppress(ValueError):
            left, top, right, bottom = (float(record[key]) for key in _BOX)
            reach = math.hypot(right - left, bottom - top) / 2  # however it is turned
            return box_around((left + right) / 2, (top + bottom) / 2, reach)
    return known_box([[record.get(x), record.get(y)] for x, y in _pairs_of(_CUBOID)])


def _kind(record: Record, origin: Origin) -> str:
    kind = str(record["type"])
    if kind in NO_SHAPES:
        raise RecordError(Code.NOT_A_SHAPE, f"a `{kind}` is not a shape", origin=origin)
    if kind == "skeleton":
        text = "the key points of a skeleton describe no region"
        raise RecordError(Code.NOT_DRAWABLE, text, origin=origin)
    if kind not in _GEOMETRY:
        text = f"{shorten(kind)} is not a kind of shape that CVAT is known to draw"
        raise unknown_kind(text, origin, (*_GEOMETRY, "skeleton", "tag"))
    return kind


def _primitive(kind: str, record: Record, geometry: Geometry) -> dict[str, object] | None:
    """Return the attributes that the geometry does not give back as they are."""
    if kind in SAME_POINTS:
        closed = isinstance(geometry, Area) and (
            len(geometry.parts[0].exterior) != len(record["points"].split(";"))
        )
        return {"points": record["points"]} if closed else None
    return {key: record[key] for key in _GEOMETRY[kind] if key in record}


def _score(attributes: object) -> float | None:
    """Return what an attribute `score` holds, where that is a number from 0 to 1."""
    value = attributes.get("score") if isinstance(attributes, dict) else None
    return as_score(float(value)) if value and _NUMBER.fullmatch(value) else None


def _number(record: Record, key: str, origin: Origin, default: float | None = None) -> float:
    value = record.get(key, default)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, float | int):
        return value
    raise GeometryError(
        Code.INVALID_RECORD if value is None else Code.INVALID_COORDINATES,
        f"the {record['type']} has no `{key}`"
        if value is None
        else f"expected a number, found {shorten(value)}",
        origin=origin.at(f".{key}") if value is not None else origin,
    )


def _whole(record: Record, key: str, origin: Origin) -> int:
    number = _number(record, key, origin)
    if not math.isfinite(number) or number != int(number) or abs(number) > _LARGEST_INTEGER:
        raise bad_bitmap(
            f"expected whole pixels, found {shorten(record[key])}", origin.at(f".{key}")
        )
    return int(number)


def _points(record: Record, origin: Origin) -> Points:
    place = origin.at(".points")
    text = record.get("points")
    if not isinstance(text, str):
        text = f"the {record['type']} has no `points`"
        raise RecordError(Code.INVALID_RECORD, text, origin=origin)
    pairs = [pair.split(",") for pair in text.split(";")]
    for index, pair in enumerate(pairs):
        if len(pair) != 2 or not all(map(_NUMBER.fullmatch, pair)):
            raise GeometryError(
                Code.INVALID_COORDINATES,
                f"expected x and y of point {index}, found {shorten(','.join(pair))}",
                origin=place,
            )
    return checked_points([(float(x), float(y)) for x, y in pairs], place)


def _box(record: Record, origin: Origin) -> Area:
    """Return a box, turned clockwise about its center."""
    left, top, right, bottom = (_number(record, key, origin) for key in _BOX)
    angle = _number(record, "rotation", origin, 0.0)
    upright = rectangle(left, top, right, bottom, origin)
    checked_points(((angle, 0.0),), origin)
    if not angle % 360:
        return Area((upright,))
    center = np.array(((left + right) / 2, (top + bottom) / 2))
    x, y = (upright.exterior - center).T
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    corners = np.column_stack((x * cosine - y * sine, x * sine + y * cosine)) + center
    return Area((Polygon(checked_points(corners, origin)),))


def _ellipse(record: Record, origin: Origin, vertices: Allowance) -> Area:
    x, y, across, down = (_number(record, key, origin) for key in _OVAL)
    angle = _number(record, "rotation", origin, 0.0)
    return Area((ellipse(x, y, across, down, angle, origin, vertices),))


def _cuboid(record: Record, origin: Origin) -> Area:
    """Return everything that the drawn body covers: the hull of its two faces."""
    corners = [
        (_number(record, x, origin), _number(record, y, origin)) for x, y in _pairs_of(_CUBOID)
    ]
    return Area((convex_hull(corners, origin),))


def _mask(record: Record, origin: Origin, pixels: Allowance) -> Bitmap:
    """Return the pixels of run lengths: along the rows of a box, the first run is outside."""
    left, top, width, height = (_whole(record, key, origin) for key in _MASK)
    place = origin.at(".rle")
    text = record.get("rle")
    runs = [one.strip() for one in text.split(",")] if isinstance(text, str) else []
    good = runs and all(one.isascii() and one.isdecimal() for one in runs)
    if not good or max(map(len, runs)) > _LONGEST_NUMBER:
        raise bad_bitmap(f"expected lengths of runs, found {shorten(text)}", place)
    if width < 1 or height < 1 or is_too_large(width, height):
        raise bad_bitmap(f"a mask cannot have {width} x {height} px", origin)
    edges = np.cumsum(np.array(runs, np.int64))
    if edges[-1] != width * height:
        raise bad_bitmap(f"the runs cover {edges[-1]} px, their box {width} x {height} px", place)
    stops = edges[1::2]
    bitmap = from_spans(edges[0::2][: len(stops)], stops, width, pixels, (top, left))
    if bitmap is None:
        raise bad_bitmap("the mask has no pixels", place)
    return bitmap


def _pairs_of(keys: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(zip(keys[0::2], keys[1::2], strict=True))


FORM = PlainForm("pairs", "type", _GEOMETRY, place_of=place_of)
"""How CVAT writes a shape; as attributes are text, only kinds in other letters are left to it."""
