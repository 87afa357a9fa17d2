"""The entries of an annotation's `objects`, one by one.

Their numbers name pixels: the tool floors the points that people draw when they are downloaded, and
puts them in the centers of pixels when they are uploaded; both corners of a box belong to it. So
half a pixel is added here, and taken away when an object is written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import as_score, known_box
from maskforge.formats.fields import unknown_kind
from maskforge.formats.jsonio import fields_of, numbers, structure
from maskforge.formats.plainform import PlainForm
from maskforge.formats.supervisely.bitmap import box_of, read_bitmap
from maskforge.formats.supervisely.project import Classes, named
from maskforge.geometry import (
    bounds,
    checked_points,
    convex_hull,
    outline,
    polyline,
    rectangle,
    ring,
)
from maskforge.issues import Box, Code, Issue, Level, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Area, Geometry, Points, PointSet, Polygon, Shape

T = TypeVar("T")

SCORE = "confidence"
"""Tag that networks give objects: how sure they are."""

CENTER = 0.5
"""What is added to the number of a pixel."""

DECIMALS = 10
"""To which coordinates are rounded, so that they are the same after half a pixel went and came."""

KINDS = (
    *("polygon", "multipolygon", "rectangle", "oriented_bbox", "bitmap", "alpha_mask"),
    *("line", "polyline", "point", "cuboid"),
)
_KIND_KEYS = ("geometryType", "type", "shape")
_NO_REGION = ("graph", "multichannelBitmap", "cuboid_2d")
_HELD: dict[str, tuple[str, ...]] = {
    "bitmap": ("bitmap",),
    "alpha_mask": ("bitmap",),
    "multipolygon": ("parts",),
    "oriented_bbox": ("points", "angle"),
}
"""Keys that hold the geometry, where these are not `points` alone."""


class _Points(msgspec.Struct):
    exterior: list[tuple[float, float]]
    interior: list[list[tuple[float, float]]] | None = None


class ObjectReader:
    """Reads the objects of one image; see ``plainform.read_each``."""

    def __init__(self, classes: Classes, notes: list[Issue]) -> None:
        """Prepare to read.

        Args:
            classes: Those of the project.
            notes: Receives findings about objects that are read all the same.
        """
        self._classes = classes
        self._notes = notes
        self._pixels = Allowance(Limit.BITMAP_PIXELS)

    def __call__(self, record: object, origin: Origin) -> Shape:
        """Read an object.

        Raises:
            RecordError: If it is malformed, of an unknown kind, or cannot be drawn.
            LimitError: If it takes more pixels than are left.
        """
        fields = fields_of(record, origin)
        labels, label_issue = self._labels(fields, origin.at(".classTitle"))
        kind = self._kind(fields, labels, origin)
        geometry = self._geometry(kind, fields, origin)
        held = _HELD.get(kind, ("points",))
        instance = fields.get("instance")
        is_instance = type(instance) in (int, str) and instance != ""
        made = {"classTitle", "geometryType", *held}
        return Shape(
            labels,
            geometry,
            kind,
            origin,
            instance=str(instance) if is_instance else None,
            converted=kind if kind in ("cuboid", "oriented_bbox") else "",
            primitive={key: fields[key] for key in held if key in fields},
            extra={key: value for key, value in fields.items() if key not in made},
            label_issue=label_issue,
            score=next(
                (
                    as_score(tag.get("value"))
                    for tag in named(fields.get("tags"), "name")
                    if tag["name"] == SCORE
                ),
                None,
            ),
        )

    def _labels(
        self, fields: Mapping[str, Any], origin: Origin
    ) -> tuple[tuple[str, ...], Issue | None]:
        title = fields.get("classTitle")
        title = "" if title is None else structure(title, str, origin)
        if title.strip():
            return (title,), None
        id_ = fields.get("classId")
        if type(id_) is not int:
            return (), Issue(Code.NO_LABEL, f"found {shorten(title)}", origin)
        known = self._classes.titles.get(id_, "")
        if known.strip():
            return (known,), None
        text = f"the class {id_} is in no meta.json, and has no name here"
        return (), Issue(Code.UNRESOLVED_CLASS, text, origin)

    def _kind(self, fields: Mapping[str, Any], labels: Sequence[str], origin: Origin) -> str:
        """Return the kind of an object; old files name it under other keys, or for its class."""
        key = next((one for one in _KIND_KEYS if fields.get(one) is not None), "geometryType")
        place = origin.at(f".{key}")
        kind = fields.get(key) or next(map(self._classes.kinds.get, labels), None)
        if kind in (None, "any") and fields.get("bitmap") is not None:
            kind = "bitmap"
        if kind is None:
            raise RecordError(Code.INVALID_RECORD, "has no `geometryType`", origin=origin)
        kind = structure(kind, str, place)
        if kind in _NO_REGION:
            text = f"a {kind} describes no region"
            raise RecordError(Code.NOT_DRAWABLE, text, origin=place)
        if kind not in KINDS:
            text = f"{shorten(kind)} is not a kind of object that Supervisely draws on images"
            raise unknown_kind(text, place, KINDS)
        return kind

    def _geometry(self, kind: str, fields: Mapping[str, Any], origin: Origin) -> Geometry:
        match kind:
            case "bitmap" | "alpha_mask":
                return read_bitmap(fields.get("bitmap"), origin.at(".bitmap"), self._pixels)
            case "multipolygon":
                place = origin.at(".parts")
                parts = _numbers(fields, "parts", list[_Points], origin)
                if not parts:
                    raise GeometryError(Code.TOO_FEW_POINTS, "has no parts", origin=place)
                return Area(
                    tuple(self._polygon(one, place.at(f"[{i}]")) for i, one in enumerate(parts))
                )
            case "cuboid" | "oriented_bbox":
                return _of_corners(kind, fields, origin)
        points = _numbers(fields, "points", _Points, origin)
        if kind == "polygon":
            return Area((self._polygon(points, origin.at(".points")),))
        return _of_exterior(kind, points.exterior, origin.at(".points.exterior"))

    def _polygon(self, points: _Points, origin: Origin) -> Polygon:
        place = origin.at(".exterior")
        exterior = ring(_centers(points.exterior, place), place)
        holes: list[Points] = []
        for index, hole in enumerate(points.interior or []):
            place = origin.at(f".interior[{index}]")
            try:
                holes.append(ring(_centers(hole, place), place))
            except GeometryError as error:
                if error.code is not Code.TOO_FEW_POINTS:
                    raise
                self._notes.append(error.issue(Level.NOTE))  # it takes nothing away
        return Polygon(exterior, tuple(holes))


def _numbers(fields: Mapping[str, Any], key: str, type_: type[T], origin: Origin) -> T:
    return numbers(fields.get(key), type_, origin.at(f".{key}"))


def _of_corners(kind: str, fields: Mapping[str, Any], origin: Origin) -> Area:
    place = origin.at(".points")
    corners = _numbers(fields, "points", list[tuple[float, float]], origin)
    if kind == "cuboid":
        return Area((convex_hull(_centers(corners, place), place),))
    angle = _numbers(fields, "angle", float, origin)
    checked_points([(angle, 0.0)], origin.at(".angle"))
    return _turned(_box(corners, place), angle, origin)


def _of_exterior(kind: str, exterior: Sequence[tuple[float, float]], place: Origin) -> Geometry:
    if kind == "rectangle":
        return Area((_box(exterior, place),))
    centers = _centers(exterior, place)
    if kind == "point":
        return PointSet(centers)
    return polyline(centers, place)


def _centers(pixels: Sequence[tuple[float, float]], origin: Origin) -> Points:
    """Return the centers of the pixels that points name."""
    if not pixels:
        raise GeometryError(Code.TOO_FEW_POINTS, "has no points", origin=origin)
    return checked_points(np.round(checked_points(pixels, origin) + CENTER, DECIMALS), origin)


def _box(corners: Sequence[tuple[float, float]], origin: Origin) -> Polygon:
    """Return the box from the first to the last pixel."""
    if len(corners) != 2:
        text = f"expected 2 corners, found {len(corners)} points"
        raise GeometryError(Code.INVALID_COORDINATES, text, origin=origin)
    points = checked_points(corners, origin)
    left, top, right, bottom = bounds(points)
    return rectangle(left, top, right + 1, bottom + 1, origin)


def _turned(box: Polygon, radians: float, origin: Origin) -> Area:
    """Return a box that is turned about its center, clockwise."""
    center = box.exterior.mean(axis=0)
    cosine, sine = math.cos(radians), math.sin(radians)
    turned = (box.exterior - center) @ np.array(((cosine, sine), (-sine, cosine))) + center
    return outline(turned, origin)


def place_of(record: dict[str, Any]) -> Box | None:
    """Return the box in which an object lies that cannot be read; None if it does not tell."""
    points = record.get("points")
    box = known_box(points.get("exterior") if isinstance(points, dict) else points)
    box = box or known_box(record.get("parts"))
    if box is None:
        return box_of(record.get("bitmap"))
    left, top, right, bottom = box
    reach = math.hypot(right - left, bottom - top) / 2 if record.get("angle") else 0.0
    return (left - reach, top - reach, right + reach + 1, bottom + reach + 1)


def _old_kind(record: Mapping[str, Any]) -> str | None:
    """Return the kind that an old file names; its words have no two forms beside letter case."""
    written = record.get("type")
    return written.lower() if isinstance(written, str) and written.lower() in KINDS else None


FORM = PlainForm("pairs", "geometryType", KINDS, kind_of=_old_kind, place_of=place_of)
"""How Supervisely writes an object."""
