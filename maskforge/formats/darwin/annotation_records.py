"""The annotations of one image, one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import as_score, known_box
from maskforge.formats.darwin.raster import RasterLayers
from maskforge.formats.darwin.rings import by_even_odd
from maskforge.formats.jsonio import structure
from maskforge.formats.plainform import PlainForm
from maskforge.geometry import checked_points, convex_hull, ellipse, rectangle, ring
from maskforge.issues import Box, Code, Issue, Level, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Area, Geometry, Points, PointSet, Polyline, Shape

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
_FARTHEST = 1e9


class _Point(msgspec.Struct):
    x: float
    y: float


class _Box(_Point):
    w: float
    h: float


class _Oval(msgspec.Struct):
    center: _Point
    radius: _Point
    angle: float = 0.0


class _Body(msgspec.Struct):
    back: _Box
    front: _Box


class _Path(msgspec.Struct):
    path: list[_Point]
    additional_paths: list[list[_Point]] = []


class _Paths(msgspec.Struct):
    paths: list[list[_Point]]


class _Complex(msgspec.Struct):
    path: list[list[_Point]]


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
        fields = structure(record, dict[str, Any], origin)
        kind = self._kind(fields, origin)
        geometry = self._geometry(kind, fields, origin)
        name = fields.get("name")
        label = "" if name is None else structure(name, str, origin.at(".name")).strip()
        labels = (label,) if label else ()
        primitive = _is_primitive(kind, fields[kind], geometry)
        is_primitive_or_mask = primitive or kind == "mask"
        return Shape(
            labels,
            geometry,
            kind,
            origin,
            instance=_instance(fields.get("instance_id"), origin.at(".instance_id")),
            converted=kind if kind in _CONVERTED else "",
            primitive={kind: fields[kind]} if is_primitive_or_mask else None,
            extra={
                key: one for key, one in fields.items() if key not in _OWN_PLACE and key != kind
            },
            label_issue=None
            if labels
            else Issue(Code.NO_LABEL, f"found {shorten(fields.get('name'))}", origin.at(".name")),
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
            raise RecordError(
                Code.UNKNOWN_KIND,
                f"an annotation with the keys {shorten(list(fields))} is of no known kind",
                origin=origin,
                hint=f"known are {', '.join((*KINDS, *NO_SHAPES, *_NOT_DRAWN))}",
            )
        if kind == "raster_layer":
            self._layers.check(origin)
        raise RecordError(Code.NOT_A_SHAPE, f"a {kind} is not a shape", origin=origin)

    def _geometry(self, kind: str, fields: Record, origin: Origin) -> Geometry:
        place = origin.at(f".{kind}")
        match kind:
            case "polygon" | "complex_polygon":
                return self._polygon(kind, fields[kind], place)
            case "ellipse":
                return self._ellipse(fields[kind], place)
            case "mask":
                return self._layers.bitmap(fields, origin, self._pixels)
            case _:
                return _BUILDERS[kind](fields[kind], place)

    def _ellipse(self, value: object, place: Origin) -> Area:
        one = _numbers(value, _Oval, place)
        checked_points([(one.angle, 0.0)], place.at(".angle"))
        numbers = one.center.x, one.center.y, one.radius.x, one.radius.y
        return Area((ellipse(*numbers, math.degrees(one.angle), place, self._vertices),))

    def _polygon(self, kind: str, value: object, place: Origin) -> Area:
        """Return all paths of a polygon, filled by the even-odd rule."""
        if kind == "complex_polygon":
            paths, key = _numbers(value, _Complex, place).path, "path"
        elif isinstance(value, dict) and "paths" not in value and "path" in value:
            single = _numbers(value, _Path, place)
            paths, key = [single.path, *single.additional_paths], "path"
        else:
            paths, key = _numbers(value, _Paths, place).paths, "paths"
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


def _box(value: object, place: Origin) -> Area:
    box = _numbers(value, _Box, place)
    return Area((rectangle(box.x, box.y, box.x + box.w, box.y + box.h, place),))


def _cuboid(value: object, place: Origin) -> Area:
    """Return everything that the drawn body covers: the hull of its two faces."""
    body = _numbers(value, _Body, place)
    corners = [
        (x, y)
        for face in (body.back, body.front)
        for x in (face.x, face.x + face.w)
        for y in (face.y, face.y + face.h)
    ]
    return Area((convex_hull(corners, place),))


def _line(value: object, place: Origin) -> Polyline:
    path = _numbers(value, _Path, place).path
    if len(path) < 2:
        text = f"{len(path)} points make no line, expected at least 2"
        raise GeometryError(Code.TOO_FEW_POINTS, text, origin=place.at(".path"))
    return Polyline(checked_points([(one.x, one.y) for one in path], place.at(".path")))


def _keypoint(value: object, place: Origin) -> PointSet:
    point = _numbers(value, _Point, place)
    return PointSet(checked_points([(point.x, point.y)], place))


_BUILDERS: dict[str, Callable[[object, Origin], Geometry]] = {
    "bounding_box": _box,
    "cuboid": _cuboid,
    "line": _line,
    "keypoint": _keypoint,
}


def place_of(record: object) -> Box | None:
    """Return the box in which an annotation lies that cannot be read; None if it does not tell.

    The kind of an annotation is a key, so whatever tells a place counts, below any key.
    """
    if not isinstance(record, dict):
        return None
    holders = [one for one in record.values() if isinstance(one, dict)]
    boxes = [box for one in holders for box in (one, one.get("back"), one.get("front"))]
    found = [
        known_box([corner for one in boxes for corner in _corners(one)]),
        *map(_around_oval, holders),
        known_box([one[key] for one in holders for key in _PATH_KEYS if key in one]),
    ]
    return known_box([list(box) for box in found if box is not None])


def _around_oval(value: dict[str, Any]) -> Box | None:
    match value:
        case {"center": {"x": x, "y": y}, "radius": {"x": across, "y": down}} if _are_numbers(
            x, y, across, down
        ):
            reach = abs(across) + abs(down)  # however it is turned
            return known_box([x - reach, y - reach, x + reach, y + reach])
    return None


def _corners(box: object) -> list[list[float]]:
    match box:
        case {"x": x, "y": y, "w": w, "h": h} if _are_numbers(x, y, w, h):
            return [[x, y], [x + w, y + h]]
    return []


def _are_numbers(*values: object) -> bool:
    return all(
        isinstance(one, int | float) and not isinstance(one, bool) and abs(one) < _FARTHEST
        for one in values
    )


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


def _instance(value: object, origin: Origin) -> str | None:
    number = value.get("value") if isinstance(value, dict) else value
    if number is None:
        return None
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int | str):
        raise RecordError(
            Code.INVALID_RECORD, f"expected a whole number, found {shorten(value)}", origin=origin
        )
    return str(number)


def _score(inference: object) -> float | None:
    return as_score(inference.get("confidence")) if isinstance(inference, Mapping) else None


def _numbers(value: object, type_: type[T], origin: Origin) -> T:
    return structure(value, type_, origin, Code.INVALID_COORDINATES, GeometryError)


class AnnotationForm(PlainForm):
    """How Darwin writes an annotation: its points stand below the key of its kind."""

    def of(self, record: object) -> tuple[dict[str, Any], list[str]] | None:
        """Return an annotation in this form, and the keys that had another one; None if none."""
        if not isinstance(record, dict):
            return None
        plain, changed = dict(record), []
        for key in KINDS:
            value = record.get(key)
            if isinstance(value, dict):
                inner = {name: self._inner(name, one) for name, one in value.items()}
                if inner != value:
                    plain[key] = inner
                    changed.append(key)
        return (plain, changed) if changed else None

    def _inner(self, key: str, value: object) -> object:
        if key in ("path", "paths", "additional_paths") and isinstance(value, list):
            is_nested = bool(value) and all(isinstance(one, list) for one in value)
            paths = is_nested and not any(map(_is_pair, value))
            return [self._points(one) for one in value] if paths else self._points(value)
        if isinstance(value, dict):
            return {name: self._inner(name, one) for name, one in value.items()}
        return self._value("x" if key in ("w", "h") else key, value)


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and not isinstance(value[0], list | dict)


FORM = AnnotationForm("objects", "kind", (), place_of=place_of)
