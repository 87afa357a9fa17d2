"""The annotations of one image, one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import as_score, box_around, box_at, known_box
from maskforge.formats.darwin.raster import RasterLayers
from maskforge.formats.fields import as_labels, group_of, unknown_kind
from maskforge.formats.jsonio import Point, fields_of, numbers, structure
from maskforge.formats.plainform import PlainForm
from maskforge.geometry import (
    by_even_odd,
    checked_points,
    convex_hull,
    ellipse,
    polyline,
    rectangle,
    ring,
)
from maskforge.issues import Box, Code, Issue, Level, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Area, Geometry, Points, PointSet, Shape

Record: TypeAlias = dict[str, Any]
T = TypeVar("T")

KINDS = (
    "polygon",
    "complex_polygon",
    "ellipse",
    "cuboid",
    "line",
    "keypoint",
    "mask",
    "bounding_box",
)
"""Keys of an annotation that hold a shape; a box beside another one of these is its frame."""

NO_SHAPES = ("tag", "raster_layer")
"""Keys of annotations that are none: about the image as a whole, and the pixels of masks."""

_NOT_DRAWN = ("skeleton", "eye", "table", "simple_table", "string", "graph")
_CONVERTED = frozenset({"ellipse", "cuboid"})
_PRIMITIVES = frozenset({"ellipse", "cuboid", "bounding_box", "complex_polygon"})
_OWN_PLACE = frozenset({"name", "instance_id"})
_PATH_KEYS = ("paths", "path", "additional_paths")


class _Box(Point):
    w: float
    h: float


class _Oval(msgspec.Struct):
    center: Point
    radius: Point
    angle: float = 0.0


class _Body(msgspec.Struct):
    back: _Box
    front: _Box


class _Path(msgspec.Struct):
    path: list[Point]
    additional_paths: list[list[Point]] = []


class _Paths(msgspec.Struct):
    paths: list[list[Point]]


class _Complex(msgspec.Struct):
    path: list[list[Point]]


class AnnotationReader:
    """Reads the annotations of one image."""

    def __init__(self, layers: RasterLayers, issues: list[Issue]) -> None:
        """Prepare to read.

        Args:
            layers: The pixels of masks.
            issues: Receives what is noted on the way.
        """
        self._layers = layers
        self._issues = issues
        self._vertices = Allowance(Limit.VERTICES)
        self._pixels = Allowance(Limit.BITMAP_PIXELS)

    def read(self, record: object, origin: Origin) -> Shape:
        """Read one annotation.

        Raises:
            RecordError: If it is not a shape, malformed, of an unknown kind, or cannot be drawn.
            LimitError: If the shapes of the image need more than it may take.
        """
        fields = fields_of(record, origin)
        kind = self._kind(fields, origin)
        geometry = self._geometry(kind, fields, origin)
        place = origin.at(".name")
        name = fields.get("name")
        label = None if name is None else structure(name, str, place).strip()
        labels, label_issue = as_labels(label, place)
        number = fields.get("instance_id")
        primitive = _is_primitive(kind, fields[kind], geometry)
        is_primitive_or_mask = primitive or kind == "mask"
        return Shape(
            labels,
            geometry,
            kind,
            origin,
            instance=group_of(
                number.get("value") if isinstance(number, dict) else number,
                origin.at(".instance_id"),
            ),
            converted=kind if kind in _CONVERTED else "",
            primitive={kind: fields[kind]} if is_primitive_or_mask else None,
            extra={
                key: one for key, one in fields.items() if key not in _OWN_PLACE and key != kind
            },
            label_issue=label_issue,
            score=_score(fields.get("inference")),
        )

    def _kind(self, fields: Record, origin: Origin) -> str:
        kind = next((key for key in (*KINDS[:-1], *NO_SHAPES, *_NOT_DRAWN) if key in fields), None)
        if kind is None and "bounding_box" in fields:
            return "bounding_box"
        if kind in KINDS:
            return kind
        if kind in _NOT_DRAWN:
            text = f"a {kind} describes no region"
            raise RecordError(Code.NOT_DRAWABLE, text, origin=origin)
        if kind is None:
            text = f"an annotation with the keys {shorten(list(fields))} is of no known kind"
            raise unknown_kind(text, origin, (*KINDS, *NO_SHAPES, *_NOT_DRAWN))
        if kind == "raster_layer":
            self._layers.check(origin)
        raise RecordError(Code.NOT_A_SHAPE, f"a {kind} is not a shape", origin=origin)

    def _geometry(self, kind: str, fields: Record, origin: Origin) -> Geometry:
        place = origin.at(f".{kind}")
        value = fields[kind]
        geometry: Geometry
        match kind:
            case "polygon" | "complex_polygon":
                geometry = self._polygon(kind, value, place)
            case "ellipse":
                geometry = self._ellipse(value, place)
            case "mask":
                geometry = self._layers.bitmap(fields, origin, self._pixels)
            case "bounding_box":
                box = numbers(value, _Box, place)
                corners = (box.x, box.y, box.x + box.w, box.y + box.h)
                geometry = Area((rectangle(*corners, place),))
            case "line":
                path = numbers(value, _Path, place).path
                geometry = polyline([(one.x, one.y) for one in path], place.at(".path"))
            case "keypoint":
                point = numbers(value, Point, place)
                geometry = PointSet(checked_points([(point.x, point.y)], place))
            case _:
                geometry = _cuboid(value, place)
        return geometry

    def _ellipse(self, value: object, place: Origin) -> Area:
        one = numbers(value, _Oval, place)
        checked_points([(one.angle, 0.0)], place.at(".angle"))
        oval = one.center.x, one.center.y, one.radius.x, one.radius.y
        return Area((ellipse(*oval, math.degrees(one.angle), place, self._vertices),))

    def _polygon(self, kind: str, value: object, place: Origin) -> Area:
        """Return all paths of a polygon, filled by the even-odd rule."""
        if kind == "complex_polygon":
            paths, key = numbers(value, _Complex, place).path, "path"
        elif isinstance(value, dict) and "paths" not in value and "path" in value:
            single = numbers(value, _Path, place)
            paths, key = [single.path, *single.additional_paths], "path"
        else:
            paths, key = numbers(value, _Paths, place).paths, "paths"
        rings: list[Points] = []
        for index, path in enumerate(paths):
            at = place.at(f".{key}[{index}]")
            try:
                rings.append(ring([(one.x, one.y) for one in path], at))
            except GeometryError as error:
                if error.code is not Code.TOO_FEW_POINTS or (not rings and len(paths) == 1):
                    raise
                self._issues.append(error.issue(Level.NOTE))  # a path without area changes nothing
        if not rings:
            raise GeometryError(Code.TOO_FEW_POINTS, "no path encloses an area", origin=place)
        return by_even_odd(rings)


def _cuboid(value: object, place: Origin) -> Area:
    """Return everything that the drawn body covers: the hull of its two faces."""
    body = numbers(value, _Body, place)
    corners = [
        (x, y)
        for face in (body.back, body.front)
        for x in (face.x, face.x + face.w)
        for y in (face.y, face.y + face.h)
    ]
    return Area((convex_hull(corners, place),))


def place_of(record: Record) -> Box | None:
    """Return the box in which an annotation lies that cannot be read; None if it does not tell.

    The kind of an annotation is a key, so whatever tells a place counts, below any key.
    """
    holders = [one for one in record.values() if isinstance(one, dict)]
    boxes = [box for one in holders for box in (one, one.get("back"), one.get("front"))]
    found = [box_at(*map(one.get, "xywh")) for one in boxes if isinstance(one, dict)]
    for one in holders:
        match one:
            case {"center": {"x": x, "y": y}, "radius": {"x": across, "y": down}}:
                found.append(box_around(x, y, across, down))
    found.append(known_box([one[key] for one in holders for key in _PATH_KEYS if key in one]))
    return known_box([list(box) for box in found if box is not None])


def _is_primitive(kind: str, value: object, geometry: Geometry) -> bool:
    """Tell whether the geometry does not give back the path or paths as they are."""
    if kind in _PRIMITIVES:
        return True
    if kind != "polygon":
        return False
    assert isinstance(geometry, Area)
    paths = value.get("paths") if isinstance(value, dict) else None
    if not isinstance(paths, list) or len(paths) != 1 or value != {"paths": paths}:
        return True
    return len(paths[0]) != len(geometry.parts[0].exterior)


def _score(inference: object) -> float | None:
    return as_score(inference.get("confidence")) if isinstance(inference, Mapping) else None


FORM = PlainForm("objects", "", (), place_of=place_of, inside=KINDS)
"""How Darwin writes an annotation: its points stand below the key of its kind."""
