"""SuperAnnotate's instances, one by one.

The keys and what they mean are those of ``superannotate-python-sdk:
src/superannotate/lib/app/analytics/aggregators.py`` and ``.../converters/sa_json_helper.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import as_score, box_around, known_box
from maskforge.formats.fields import bad_bitmap, unknown_kind
from maskforge.formats.jsonio import Point, numbers, structure
from maskforge.formats.plainform import PlainForm
from maskforge.formats.superannotate.classlist import Labeler
from maskforge.formats.superannotate.pixel import PartFile
from maskforge.geometry import (
    checked_points,
    convex_hull,
    ellipse,
    outline,
    polyline,
    rectangle,
    ring,
)
from maskforge.issues import Box, Code, Issue, Level, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Area, Geometry, Points, PointSet, Polygon, Shape

Record: TypeAlias = dict[str, Any]
T = TypeVar("T")

NO_SHAPES = frozenset({"comment", "comment_inst", "tag", "meta", "event", "entity"})
"""Types of the records that stand among the instances and are none."""

_CONVERTED = frozenset({"ellipse", "cuboid"})
_GEOMETRY = {
    "mask": frozenset({"parts"}),
    "polygon": frozenset({"points", "exclude"}),
    "bbox": frozenset({"points"}),
    "rbbox": frozenset({"points"}),
    "ellipse": frozenset({"cx", "cy", "rx", "ry", "angle"}),
    "cuboid": frozenset({"points"}),
    "polyline": frozenset({"points"}),
    "point": frozenset({"x", "y"}),
}
"""The keys that hold what was drawn, by kind of shape."""

_PRIMITIVES = frozenset({"mask", "bbox", "ellipse", "cuboid"})
_COLOR = re.compile("#?([0-9a-fA-F]{6})")


class ShapeReader:
    """Reads the instances of one image.

    Attributes:
        colors: Colors of all parts that were asked for, as 24-bit numbers, red highest.
    """

    def __init__(self, labeler: Labeler, parts: PartFile, issues: list[Issue]) -> None:
        """Prepare to read.

        Args:
            labeler: Finds the labels.
            parts: The pixels of pixel-wise instances.
            issues: Receives what is noted on the way.
        """
        self._labeler = labeler
        self._parts = parts
        self._issues = issues
        self._vertices = Allowance(Limit.VERTICES)
        self._bitmap_pixels = Allowance(Limit.BITMAP_PIXELS)
        self.colors: set[int] = set()

    def read(self, entry: object, origin: Origin) -> Shape:
        """Read one record.

        Raises:
            RecordError: If the record is not a shape, malformed, of an unknown kind, or cannot be
                drawn.
            LimitError: If the shapes of the image need more than it may take.
        """
        if not isinstance(entry, dict):
            raise RecordError(
                Code.INVALID_RECORD, f"expected an object, found {shorten(entry)}", origin=origin
            )
        kind = _kind(entry, origin)
        label, label_issue = self._labeler.label(entry, origin)
        geometry = self._geometry(kind, entry, origin)
        told = _told(entry, kind, label)
        return Shape(
            (label,) if label else (),
            geometry,
            kind,
            origin,
            instance=_instance(entry.get("groupId"), origin.at(".groupId")),
            converted=kind if kind in _CONVERTED else "",
            primitive=_primitive(entry, kind, geometry),
            extra={key: value for key, value in entry.items() if key not in told},
            label_issue=label_issue,
            score=_score(entry),
        )

    def _geometry(self, kind: str, record: Record, origin: Origin) -> Geometry:
        geometry: Geometry
        place = origin.at(".points")
        match kind:
            case "mask":
                geometry = self._bitmap(record, origin)
            case "polygon":
                geometry = self._polygon(record, origin)
            case "ellipse":
                one = numbers(record, _Ellipse, origin)
                oval = (one.cx, one.cy, one.rx, one.ry, one.angle)
                geometry = Area((ellipse(*oval, origin, self._vertices),))
            case "point":
                point = numbers(record, Point, origin)
                geometry = PointSet(checked_points([point.x, point.y], origin))
            case "polyline":
                geometry = polyline(_flat(_points(record, origin), place), place)
            case "bbox":
                box = numbers(_points(record, origin), _Box, place)
                geometry = Area((rectangle(box.x1, box.y1, box.x2, box.y2, place),))
            case "rbbox":
                corners = numbers(_points(record, origin), _Corners, place)
                geometry = outline(msgspec.structs.astuple(corners), place)
            case _:
                geometry = _cuboid(numbers(_points(record, origin), _Cuboid, place), place)
        return geometry

    def _polygon(self, record: Record, origin: Origin) -> Area:
        exterior = ring(_flat(_points(record, origin), origin.at(".points")), origin.at(".points"))
        place = origin.at(".exclude")
        holes: list[Points] = []
        for index, hole in enumerate(structure(record.get("exclude") or [], list[Any], place)):
            at = place.at(f"[{index}]")
            try:
                holes.append(ring(_flat(hole, at), at))
            except GeometryError as error:
                if error.code is not Code.TOO_FEW_POINTS:
                    raise
                # A hole without area takes nothing away.
                self._issues.append(error.issue(Level.NOTE))
        return Area((Polygon(exterior, tuple(holes)),))

    def _bitmap(self, record: Record, origin: Origin) -> Geometry:
        place = origin.at(".parts")
        colors = _colors(record.get("parts"), place)
        self.colors.update(colors)
        try:
            parts = self._parts.read()
        except OSError as error:
            raise bad_bitmap(
                str(error), place, hint="download the export again, with its ___save.png files"
            ) from None
        bitmap = parts.bitmap(colors, self._bitmap_pixels)
        missing = ", ".join(f"#{color:06x}" for color in parts.missing(colors)[:8])
        if bitmap is None:
            text = f"no pixel has the color {missing}" if missing else "the instance has no parts"
            raise bad_bitmap(text, place)
        if missing:
            text = f"no pixel has the color {missing}; the other parts were read"
            self._issues.append(Issue(Code.INCOMPLETE_BITMAP, text, place))
        return bitmap


def _told(record: Record, kind: str, label: str) -> set[str]:
    """Return the keys of an instance that its shape tells by other means."""
    told = {"type", *_GEOMETRY[kind]}
    if label:
        told.add("className")
    if record.get("groupId"):
        told.add("groupId")
    if kind == "polygon" and not record.get("exclude"):
        told.discard("exclude")
    return told


def _primitive(record: Record, kind: str, geometry: Geometry) -> Record | None:
    """Return the keys that the geometry does not give back as they are."""
    is_kept = kind in _PRIMITIVES
    if kind in ("polygon", "rbbox"):  # rings lose a first vertex that is repeated at the end
        assert isinstance(geometry, Area)
        (polygon,) = geometry.parts
        written = [record["points"], *(record.get("exclude") or [])]
        is_kept = [len(one) for one in written] != [one.size for one in polygon.rings]
    if not is_kept:
        return None
    return {key: record[key] for key in record if key in _GEOMETRY[kind]}


def _score(record: Record) -> float | None:
    """Return how sure a network is; what people draw has a probability of 100, too."""
    score = as_score(record.get("probability"), best=100)
    is_guess = record.get("creationType") in ("Preannotation", "Prediction")
    return score if is_guess or score != 1 else None


def place_of(record: Record) -> Box | None:
    """Return the box in which a record lies that cannot be read; None if it does not tell."""
    match record:
        case {"cx": x, "cy": y, "rx": across, "ry": down}:
            return box_around(x, y, across, down)
    return known_box(record.get("points"))


def _kind(record: Record, origin: Origin) -> str:
    """Return the kind of an instance.

    Raises:
        RecordError: If it is not a shape, none that can be drawn, or none that is known.
    """
    kind = record.get("type")
    if kind is None and "parts" in record:
        return "mask"
    place = origin.at(".type")
    if not isinstance(kind, str):
        text = f"expected the kind of shape, found {shorten(kind)}"
        raise RecordError(Code.INVALID_RECORD, text, origin=place)
    if kind in NO_SHAPES:
        raise RecordError(
            Code.NOT_A_SHAPE, f"a record of type {kind} is not a shape", origin=origin
        )
    if kind == "template":
        text = "the key points of a template describe no region"
        raise RecordError(Code.NOT_DRAWABLE, text, origin=origin)
    if kind not in _GEOMETRY:
        text = f"{shorten(kind)} is not a kind of shape that SuperAnnotate is known to draw"
        raise unknown_kind(text, place, (*_GEOMETRY, "template"))
    return kind


def _instance(group: object, origin: Origin) -> str | None:
    """Return what groups shapes to one object; 0 means that the shape stands alone."""
    if isinstance(group, float) and group.is_integer():
        group = int(group)
    if isinstance(group, int) and not isinstance(group, bool):
        return str(group) if group > 0 else None
    if group is None:
        return None
    raise RecordError(
        Code.INVALID_RECORD, f"expected a whole number, found {shorten(group)}", origin=origin
    )


def _points(record: Record, origin: Origin) -> object:
    if record.get("points") is None:
        raise RecordError(Code.INVALID_RECORD, "the instance has no `points`", origin=origin)
    return record["points"]


def _flat(value: object, origin: Origin) -> list[float]:
    return numbers(value, list[float], origin)


class _Box(msgspec.Struct):
    x1: float
    y1: float
    x2: float
    y2: float


class _Corners(_Box):
    x3: float
    y3: float
    x4: float
    y4: float


class _Ellipse(msgspec.Struct):
    cx: float
    cy: float
    rx: float
    ry: float
    angle: float = 0.0


class _Cuboid(msgspec.Struct):
    f1: Point
    f2: Point
    r1: Point
    r2: Point


def _cuboid(body: _Cuboid, origin: Origin) -> Area:
    """Return everything that the drawn body covers.

    Two opposite corners are given of the front face and of the rear one, both upright rectangles,
    and edges join their corners, so the body covers the convex hull of the eight.
    """
    corners = [
        (x, y)
        for first, second in ((body.f1, body.f2), (body.r1, body.r2))
        for x in (first.x, second.x)
        for y in (first.y, second.y)
    ]
    return Area((convex_hull(corners, origin),))


_KINDS_OF_BOXES = {
    frozenset(_Box.__struct_fields__): "bbox",
    frozenset(_Corners.__struct_fields__): "rbbox",
    frozenset(_Cuboid.__struct_fields__): "cuboid",
}


def _kind_of(record: Mapping[str, Any]) -> str | None:
    """Return what an instance without type is; a bare list may be an outline or a line."""
    if record.keys() >= {"cx", "cy", "rx", "ry"}:
        return "ellipse"
    if isinstance(record.get("points"), dict):
        return _KINDS_OF_BOXES.get(frozenset(record["points"]))
    return "polygon" if "exclude" in record else None


_KINDS = (*_GEOMETRY, "template")

FORM = PlainForm("flat", "type", _KINDS, _kind_of, place_of)
"""How SuperAnnotate writes an instance."""


class _Part(msgspec.Struct):
    color: str


def _colors(value: object, origin: Origin) -> list[int]:
    colors = []
    for index, part in enumerate(structure(value, list[_Part], origin)):
        match = _COLOR.fullmatch(part.color)
        if match is None:
            raise RecordError(
                Code.INVALID_RECORD,
                f"expected a color such as #00000f, found {shorten(part.color)}",
                origin=origin.at(f"[{index}].color"),
            )
        colors.append(int(match[1], 16))
    return colors
