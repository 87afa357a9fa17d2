"""Objects of exports, and lines of imports, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import as_score, box_at, known_box
from maskforge.formats.fields import unknown_kind
from maskforge.formats.jsonio import Point, fields_of, numbers
from maskforge.formats.labelbox.answers import name_of
from maskforge.formats.labelbox.mask_pixels import MaskPixels
from maskforge.formats.plainform import PlainForm
from maskforge.geometry import checked_points, outline, polyline, rectangle
from maskforge.issues import Box, Code, Issue, Origin
from maskforge.shapes import Area, Geometry, Points, PointSet, Shape

KINDS = ("polygon", "bbox", "bounding_box", "line", "point", "mask", "composite_mask")
_ADDRESS = "instanceURI"
_BESIDE = {
    "answer": "a classification",
    "answers": "a classification",
    "relationship": "a relation of two objects",
    "metricValue": "a metric",
    "location": "a part of a text",
}
_SCHEMA = ("schemaId", "feature_schema_id")


class _Box(msgspec.Struct):
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ObjectReader:
    """Reads the objects of one image; see ``plainform.read_each``.

    Attributes:
        masks: Reads their masks.
    """

    masks: MaskPixels

    def __call__(self, record: object, origin: Origin) -> Shape:
        """Read an object or line.

        Raises:
            RecordError: If it is malformed, of an unknown kind, or cannot be drawn.
            LimitError: If its mask has more pixels than are left.
        """
        fields = fields_of(record, origin)
        kind = next((one for one in KINDS if fields.get(one) is not None), "")
        if not kind and isinstance(fields.get(_ADDRESS), str):
            kind = "mask"
        if not kind:
            raise _no_geometry(fields, origin)
        geometry = self._geometry(kind, fields, origin)
        labels, label_issue = _labels(fields, origin)
        primitive = _primitive(kind, fields, geometry)
        own_place = {*(primitive or {}), "title" if "title" in fields else "name"}
        if kind not in ("mask", "composite_mask"):
            own_place.add(kind)
        return Shape(
            labels,
            geometry,
            kind,
            origin,
            primitive=primitive,
            extra={key: value for key, value in fields.items() if key not in own_place},
            label_issue=label_issue,
            score=as_score(fields.get("confidence")),
        )

    def _geometry(self, kind: str, fields: dict[str, Any], origin: Origin) -> Geometry:
        place = origin.at(f".{kind}")
        match kind:
            case "polygon":
                return outline(_points(fields[kind], place), place)
            case "line":
                return polyline(_points(fields[kind], place), place)
            case "point":
                return PointSet(_points([fields[kind]], place))
            case "bbox" | "bounding_box":
                box = numbers(fields[kind], _Box, place)
                right, bottom = box.left + box.width, box.top + box.height
                return Area((rectangle(box.left, box.top, right, bottom, place),))
        mask = fields.get("mask")
        if isinstance(mask, dict) and "png" in mask:
            return self.masks.inline(mask["png"], origin.at(".mask.png"))
        return self.masks.downloaded(fields, origin)


def _points(value: object, origin: Origin) -> Points:
    points = numbers(value, list[Point], origin)
    if not points:
        text = "the outline has no points"
        raise GeometryError(Code.INVALID_COORDINATES, text, origin=origin)
    return checked_points([(one.x, one.y) for one in points], origin)


def _primitive(kind: str, fields: dict[str, Any], geometry: Geometry) -> dict[str, object] | None:
    """Return the keys that the geometry does not give back as they are."""
    value = fields.get(kind)
    if kind in ("bbox", "bounding_box"):
        return {kind: value}
    if kind == "mask":
        return {kind: value} if isinstance(value, dict) and "png" in value else None
    if kind == "polygon" and isinstance(geometry, Area) and isinstance(value, list):
        is_closed = len(geometry.parts[0].exterior) != len(value)
        return {kind: value} if is_closed or any(len(one) > 2 for one in value) else None
    return None


def _no_geometry(fields: dict[str, Any], origin: Origin) -> RecordError:
    beside = next((what for key, what in _BESIDE.items() if key in fields), None)
    if beside is not None:
        return RecordError(Code.NOT_A_SHAPE, beside, origin=origin)
    if "segments" in fields or "masks" in fields or "frames" in fields:
        text = "an object of a video, which is in other places in other frames"
        return RecordError(Code.NOT_DRAWABLE, text, origin=origin)
    found = fields.get("annotation_kind", list(fields))
    return unknown_kind(f"{shorten(found)} has none of the keys of a region", origin, KINDS)


def _labels(fields: dict[str, Any], origin: Origin) -> tuple[tuple[str, ...], Issue | None]:
    name = name_of(fields)
    if name:
        return (name,), None
    wrong = next((fields[key] for key in ("title", "name") if fields.get(key)), None)
    if wrong is not None and not isinstance(wrong, str):
        text = f"expected text as the name of the class, found {shorten(wrong)}"
        raise RecordError(Code.INVALID_RECORD, text, origin=origin)
    schema = next((fields[key] for key in _SCHEMA if fields.get(key)), None)
    if schema is not None:
        text = f"only the id {shorten(schema)} of the class is written, without its name"
        return (), Issue(Code.UNRESOLVED_CLASS, text, origin)
    return (), Issue(Code.NO_LABEL, "has no name", origin)


def place_of(record: dict[str, Any]) -> Box | None:
    """Return the box in which an object lies that cannot be read; None if it does not tell."""
    for key in ("bbox", "bounding_box"):
        match record.get(key):
            case {"left": left, "top": top, "width": width, "height": height}:
                return box_at(left, top, width, height)
    return known_box(record.get("polygon") or record.get("line"))


FORM = PlainForm("objects", "", (), place_of=place_of)
"""How Labelbox writes an object."""
