"""The regions of VoTT version 1, whose coordinates have had three units.

Before 1.5, ``x1`` to ``y2`` are in units of the image as it was displayed, and ``width`` and
``height`` are its size on the screen. From 1.5 on, ``box`` is in pixels of the image, from 1.7 on
``points`` as well. A region that 1.5 or later took over from an older file keeps its old numbers
beside the new ``box``; the ratio of the two then tells the size of the image (``showAllRegions``
and ``addRegion`` in ``src/public/js/video-tagging/video-tagging.html``, branch v1 of
microsoft/VoTT).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from maskforge.errors import GeometryError, RecordError
from maskforge.formats.base import known_box
from maskforge.formats.jsonio import numbers, structure
from maskforge.formats.vott.region_records import (
    from_points,
    not_drawn,
    read_tags,
    split_record,
)
from maskforge.geometry import rectangle, scaled
from maskforge.issues import Box, Code, Issue, Origin
from maskforge.shapes import Area, Geometry, Shape, Size

_WHOLE_TOLERANCE = 0.01
_LONGEST_SIDE = 2.0**31

_BOX_KINDS = frozenset({"", "rect", "rectangle", "square"})
_POINT_KINDS = frozenset({"polygon", "polyline", "point"})
_BOX_KEYS = ("x1", "y1", "x2", "y2", "width", "height", "box")


class _Corners(msgspec.Struct):
    x1: float
    y1: float
    x2: float
    y2: float


class _Displayed(_Corners):
    width: float
    height: float


class _Head(msgspec.Struct):
    type: str | None = None
    tags: list[str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What the coordinates of a region are measured in.

    Attributes:
        width: Width of the whole image in that unit; None if the file does not tell.
        height: Height likewise.
        in_pixels: The unit is a pixel of the image.
    """

    width: float | None
    height: float | None
    in_pixels: bool

    @property
    def size(self) -> Size | None:
        """The size of the image in that unit, rounded to whole numbers."""
        if self.width is None or self.height is None:
            return None
        return Size(max(round(self.width), 1), max(round(self.height), 1))


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A region in its own unit."""

    shape: Shape
    frame: Frame


def read_drawn(record: object, origin: Origin) -> Drawn:
    """Read one region.

    Raises:
        RecordError: If it is malformed or of an unknown kind.
    """
    if record == {}:
        raise RecordError(Code.NOT_A_SHAPE, "marks the image as looked at and empty", origin=origin)
    head = structure(record, _Head, origin)
    assert isinstance(record, dict)
    kind = (head.type or "").lower()
    labels, label_issue = read_tags(head.tags, origin.at(".tags"))
    if kind in _BOX_KINDS:
        geometry: Geometry
        geometry, frame = _box(record, origin)
    elif kind in _POINT_KINDS:
        geometry, frame = from_points(kind.upper(), record, origin), _frame_of_box(record, origin)
    else:
        raise not_drawn(head.type or "", origin)
    primitive, extra = split_record(record, _BOX_KEYS, is_box=kind in _BOX_KINDS)
    shape = Shape(
        labels,
        geometry,
        head.type or "rect",
        origin,
        primitive=primitive,
        extra=extra,
        label_issue=label_issue,
    )
    return Drawn(shape, frame)


def place_of(record: dict[str, Any]) -> Box | None:
    """Return the box in pixels in which a region lies that cannot be read; None if unknown."""
    return known_box([record[key] for key in ("box", "points") if record.get(key)])


def in_one_frame(drawn: Sequence[Drawn]) -> tuple[list[Shape], Frame | None, list[Issue]]:
    """Bring the regions of one image to one unit.

    Returns:
        The shapes, what they are measured in now (None if the file does not tell), and a line for
        every region that cannot be brought to that unit.
    """
    with_size = [one.frame for one in drawn if one.frame.size is not None]
    common = next((frame for frame in with_size if frame.in_pixels), None)
    common = common or next(iter(with_size), None)
    shapes: list[Shape] = []
    issues: list[Issue] = []
    for one in drawn:
        try:
            shapes.append(one.shape if common is None else _converted(one, common))
        except RecordError as error:
            issues.append(error.issue())
    return shapes, common, issues


def _converted(one: Drawn, common: Frame) -> Shape:
    own = one.frame
    target = common.size
    assert target is not None
    if own.in_pixels:
        if common.in_pixels and own.size in {None, target}:
            return one.shape
        raise RecordError(
            Code.INVALID_RECORD,
            f"was drawn on an image of {own.size or 'unknown size'}, others on one of {target} px",
            origin=one.shape.origin,
            hint="draw the region again",
        )
    assert own.width is not None
    assert own.height is not None
    geometry = scaled(one.shape.geometry, target.width / own.width, target.height / own.height)
    return replace(one.shape, geometry=geometry, primitive=None)


def _box(record: dict[str, Any], origin: Origin) -> tuple[Area, Frame]:
    if record.get("box") is not None:
        place = origin.at(".box")
        corners = numbers(record["box"], _Corners, place)
        return _area(corners, place), _frame_of_box(record, origin)
    displayed = numbers(record, _Displayed, origin)
    sides = (displayed.width, displayed.height)
    if not all(0 < side <= _LONGEST_SIDE for side in sides):
        raise GeometryError(
            Code.INVALID_COORDINATES,
            f"the size on the screen is {sides[0]:g} x {sides[1]:g}",
            origin=origin,
        )
    return _area(displayed, origin), Frame(*sides, in_pixels=False)


def _area(corners: _Corners, origin: Origin) -> Area:
    return Area((rectangle(corners.x1, corners.y1, corners.x2, corners.y2, origin),))


def _frame_of_box(record: dict[str, Any], origin: Origin) -> Frame:
    """Return the size of the image from a box in pixels and the same corners in another unit."""
    unknown = Frame(None, None, in_pixels=True)
    try:
        box = structure(record.get("box"), _Corners, origin)
        shown = structure(
            {key: record.get(key) for key in _Displayed.__struct_fields__}, _Displayed, origin
        )
    except RecordError:
        return unknown
    width = _side(shown.width, (shown.x1, box.x1), (shown.x2, box.x2))
    height = _side(shown.height, (shown.y1, box.y1), (shown.y2, box.y2))
    if width is None or height is None:
        return unknown
    return Frame(width, height, in_pixels=True)


def _side(side: float, *pairs: tuple[float, float]) -> float | None:
    shown, real = max(pairs, key=lambda pair: abs(pair[0]))
    if shown == 0 or not 0 < side <= _LONGEST_SIDE:
        return None
    length = side * (real / shown)
    if not 1 <= length <= _LONGEST_SIDE or abs(length - round(length)) > _WHOLE_TOLERANCE:
        return None
    return float(round(length))
