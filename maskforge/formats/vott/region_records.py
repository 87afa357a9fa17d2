"""The regions of a VoTT asset: what was drawn, and which tags it carries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import box_at, known_box
from maskforge.formats.fields import unknown_kind
from maskforge.formats.jsonio import Point, numbers, structure
from maskforge.formats.plainform import PlainForm
from maskforge.geometry import checked_points, outline, polyline, rectangle
from maskforge.issues import Box, Code, Issue, Origin
from maskforge.shapes import Area, Geometry, Points, PointSet, Shape


class _BoundingBox(msgspec.Struct):
    left: float
    top: float
    width: float
    height: float


class _Region(msgspec.Struct):
    type: str
    tags: list[str] | None = None


_BOXES = frozenset({"RECTANGLE", "SQUARE"})
_KINDS = ("RECTANGLE", "SQUARE", "POLYGON", "POLYLINE", "POINT")


def _kind_of(record: Mapping[str, Any]) -> str | None:
    """Return what a region without type is: the points of a box are the corners of its box."""
    points = record.get("points")
    count = len(points) if isinstance(points, list) else 0
    box = record.get("boundingBox")
    if not isinstance(box, dict) or box.keys() < {"left", "top", "width", "height"}:
        return "POLYGON" if count >= 3 else None
    if not count:
        return "RECTANGLE"
    corners = {
        (box["left"] + x * box["width"], box["top"] + y * box["height"])
        for x, y in ((0, 0), (0, 1), (1, 0), (1, 1))
        if all(isinstance(box[key], int | float) for key in box)
    }
    with contextlib.suppress(TypeError, KeyError):
        if count == 4 and {(one["x"], one["y"]) for one in points or ()} == corners:
            return "RECTANGLE"
    return "POLYGON" if count >= 3 else None


def place_of(record: dict[str, Any]) -> Box | None:
    """Return the box in which a region lies that cannot be read; None if it does not tell."""
    known = [record["points"]] if record.get("points") else []
    match record.get("boundingBox"):
        case {"left": left, "top": top, "width": width, "height": height}:
            box = box_at(left, top, width, height)
            known += [list(box)] if box else []
    return known_box(known)


FORM = PlainForm("objects", "type", _KINDS, _kind_of, place_of)
"""How VoTT writes a region."""


def read_region(record: object, origin: Origin) -> Shape:
    """Read one entry of `regions` as version 2 writes it.

    Raises:
        RecordError: If the region is malformed or of an unknown kind.
    """
    region = structure(record, _Region, origin)
    assert isinstance(record, dict)
    labels, label_issue = read_tags(region.tags, origin.at(".tags"))
    kind = region.type.upper()
    geometry = _geometry(kind, record, origin)
    primitive, extra = split_record(record, ("boundingBox",), is_box=kind in _BOXES)
    if primitive is None and isinstance(geometry, Area):
        primitive = closed_ring(record["points"], geometry)
    return Shape(
        labels,
        geometry,
        region.type,
        origin,
        primitive=primitive,
        extra=extra,
        label_issue=label_issue,
    )


def split_record(
    record: Mapping[str, object], box_keys: Iterable[str], *, is_box: bool
) -> tuple[dict[str, object] | None, dict[str, object]]:
    """Return the keys that a box was made from, None for other shapes, and what else there is.

    Points are those of the geometry, unless it is a box. Other shapes carry the keys of a box, too,
    which say nothing about them.
    """
    rest = {key: value for key, value in record.items() if key not in {"type", "tags"}}
    if not is_box:
        rest.pop("points", None)
        return None, rest
    return {key: rest.pop(key) for key in ("points", *box_keys) if key in rest}, rest


def closed_ring(points: Sequence[object], outline: Area) -> dict[str, object] | None:
    """Return the points of an outline that has its first vertex once more at the end, or None."""
    return {"points": points} if len(points) != len(outline.parts[0].exterior) else None


def read_tags(tags: Sequence[str] | None, origin: Origin) -> tuple[tuple[str, ...], Issue | None]:
    """Return the labels of a region in the file's order, each once, and why there are none."""
    labels = tuple(dict.fromkeys(tag for tag in tags or () if tag))
    if labels:
        return labels, None
    hint = "tag the region in VoTT, or choose a label for such regions with --unlabeled"
    return (), Issue(Code.NO_LABEL, "the region has no tag", origin, hint)


def read_points(value: object, origin: Origin) -> Points:
    """Return a list of ``{x, y}`` objects as (N, 2).

    Raises:
        GeometryError: If one of them is malformed.
    """
    points = numbers(value, list[Point], origin)
    return checked_points([(point.x, point.y) for point in points], origin)


def not_drawn(kind: str, origin: Origin) -> RecordError:
    """Return the error for a region of a kind that VoTT does not draw."""
    text = f"{shorten(kind)} is not a kind of region that VoTT draws"
    return unknown_kind(text, origin.at(".type"), _KINDS)


def _geometry(kind: str, record: dict[str, object], origin: Origin) -> Geometry:
    if kind in _BOXES:
        return _box(record, origin)
    if kind not in {"POLYGON", "POLYLINE", "POINT"}:
        raise not_drawn(str(record["type"]), origin)
    return from_points(kind, record, origin)


def from_points(kind: str, record: Mapping[str, object], origin: Origin) -> Geometry:
    """Return the geometry of a region that is given by its points.

    Args:
        kind: ``POLYGON``, ``POLYLINE``, or ``POINT``.
        record: The region.
        origin: Its place.

    Raises:
        RecordError: If the points are missing or malformed.
    """
    place = origin.at(".points")
    if record.get("points") is None:
        raise RecordError(Code.INVALID_RECORD, "the region has no `points`", origin=origin)
    points = read_points(record["points"], place)
    match kind:
        case "POLYGON":
            return outline(points, place)
        case "POLYLINE":
            return polyline(points, place)
        case _:
            _require(len(points), 1, "a point", place)
            return PointSet(points)


def _box(record: dict[str, object], origin: Origin) -> Area:
    """Return a rectangle from its bounding box.

    The points are no substitute while there is a box: projects that were imported from version 1
    list the corners in Z order, and imported TFRecords list only two.
    """
    if record.get("boundingBox") is not None:
        place = origin.at(".boundingBox")
        box = numbers(record["boundingBox"], _BoundingBox, place)
        corners = (box.left, box.top, box.left + box.width, box.top + box.height)
        return Area((rectangle(*corners, place),))
    place = origin.at(".points")
    if record.get("points") is None:
        raise RecordError(
            Code.INVALID_RECORD, "the region has neither `boundingBox` nor `points`", origin=origin
        )
    points = read_points(record["points"], place)
    _require(len(points), 2, "a rectangle", place)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return Area((rectangle(left, top, right, bottom, place),))


def _require(count: int, least: int, what: str, origin: Origin) -> None:
    if count < least:
        raise GeometryError(
            Code.TOO_FEW_POINTS, f"{what} needs {least} points, found {count}", origin=origin
        )
