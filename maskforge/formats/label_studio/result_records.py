"""The results of one annotation, one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import as_score, known_box
from maskforge.formats.fields import as_size, bad_bitmap, unknown_kind
from maskforge.formats.jsonio import Point, fields_of, numbers, structure
from maskforge.formats.label_studio.brush import unpacked
from maskforge.formats.plainform import PlainForm
from maskforge.geometry import checked_points, ellipse, outline, polyline, rectangle
from maskforge.issues import Box, Code, Issue, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import (
    Area,
    Bitmap,
    Geometry,
    Points,
    PointSet,
    Polygon,
    Shape,
    Size,
)

Record: TypeAlias = dict[str, Any]
T = TypeVar("T")

_REGIONS = ("polygon", "rectangle", "ellipse", "brush", "keypoint")
KINDS = tuple(kind for one in _REGIONS for kind in (f"{one}labels", one))
"""Types of results that are shapes: with labels of their own, or with those of a second result."""

NO_SHAPES = frozenset(
    ("choices", "labels", "textarea", "rating", "number", "taxonomy", "datetime", "relation")
)
"""Types of results that say something about an image or a region and are none."""

DECIMALS = 10
"""Decimals of a pixel that percent hold: a tenth of them differs from whole pixels in the last bit.

So that whole, half and any pixels with so many decimals come back, they are rounded when read.
"""

_CONVERTED = frozenset({"ellipse", "ellipselabels"})
_OWN_PLACE = frozenset({"type", "value"})
_PLACE_KEYS = ("x", "y", "width", "height", "radiusX", "radiusY", "rotation")
_FARTHEST = 1e9


class _Box(msgspec.Struct):
    x: float
    y: float
    width: float
    height: float
    rotation: float | None = None


class _Oval(msgspec.Struct, rename="camel"):
    x: float
    y: float
    radius_x: float
    radius_y: float
    rotation: float | None = None


class _Outline(msgspec.Struct):
    points: list[tuple[float, float]]
    closed: bool | None = None


class _Brush(msgspec.Struct):
    rle: list[int]


class ResultReader:
    """Reads the results of one annotation."""

    def __init__(self, results: Sequence[object], size: Size | None) -> None:
        """Prepare to read.

        Args:
            results: All of them: labels and region may be two results with the same id.
            size: Of the image in pixels; if nothing tells it, points are fractions of its sides.
        """
        self._size = size or Size(1, 1)
        self._is_size_known = size is not None
        self._vertices = Allowance(Limit.VERTICES)
        self._pixels = Allowance(Limit.BITMAP_PIXELS)
        self._labels: dict[str, tuple[str, ...]] = {}
        for one in results:
            match one:
                case {"type": "labels", "id": str(id_), "value": {"labels": names}}:
                    self._labels.setdefault(id_, _names(names))

    def read(self, record: object, origin: Origin) -> Shape:
        """Read one result.

        Raises:
            RecordError: If the result is not a shape, malformed, or cannot be drawn.
            LimitError: If the shapes of the image need more than it may take.
        """
        fields = fields_of(record, origin)
        kind = _kind(fields, origin)
        self._check_frame(fields, origin)
        place = origin.at(".value")
        value = structure(fields.get("value"), dict[str, Any], place)
        geometry = self._geometry(kind.removesuffix("labels"), value, place)
        labels = _names(value.get(kind)) or _names(value.get("labels"))
        if not labels and isinstance(fields.get("id"), str):
            labels = self._labels.get(fields["id"], ())
        return Shape(
            labels,
            geometry,
            kind,
            origin,
            converted="ellipse" if kind in _CONVERTED else "",
            primitive={"value": value},
            extra={key: one for key, one in fields.items() if key not in _OWN_PLACE},
            label_issue=None
            if labels
            else Issue(Code.NO_LABEL, f"found {shorten(value.get(kind))}", place),
            score=as_score(fields.get("score")),
        )

    def place_of(self, record: Record) -> Box | None:
        """Return the box in which a result lies that cannot be read; None if it does not tell."""
        value = record.get("value")
        if not isinstance(value, dict) or not self._is_size_known:
            return None
        if "points" in value:
            box = known_box(value["points"])
            if box is None:
                return None
            return known_box(to_pixels([box[:2], box[2:]], self._size).tolist())
        found = {key: value[key] for key in _PLACE_KEYS if value.get(key) is not None}
        if not all(type(one) in (int, float) and abs(one) < _FARTHEST for one in found.values()):
            return None
        if not found.keys() >= {"x", "y"}:
            return None
        x, y, across, down, radius, other, angle = (found.get(one, 0.0) for one in _PLACE_KEYS)
        corners = [(x, y), (x + across, y + down), (radius, other)]
        (x, y), (right, bottom), radii = to_pixels(corners, self._size).tolist()
        reach = sum(map(abs, radii))
        if angle:
            reach = max(reach, math.hypot(right - x, bottom - y))  # however it is turned
        return known_box([x - reach, y - reach, x + reach, y + reach, right, bottom])

    def _check_frame(self, fields: Record, origin: Origin) -> None:
        turned = fields.get("image_rotation")
        if turned not in (None, 0):
            raise RecordError(
                Code.INVALID_RECORD,
                f"drawn while the image was turned by {shorten(turned)} degrees, which leaves open "
                "where it lies",
                origin=origin.at(".image_rotation"),
                hint="turn the image back in Label Studio, and draw this region again",
            )
        own = frame_of(fields)
        if own is not None and own != self._size:
            raise RecordError(
                Code.INVALID_RECORD,
                f"drawn on an image of {own} px, the others on one of {self._size} px",
                origin=origin.at(".original_width"),
            )

    def _geometry(self, kind: str, value: Record, origin: Origin) -> Geometry:
        if kind == "brush":
            return self._brush(value, origin)
        if kind == "polygon":
            return self._polygon(value, origin)
        if kind == "keypoint":
            spot = numbers(value, Point, origin)
            return PointSet(self._points([(spot.x, spot.y)], origin))
        if kind == "ellipse":
            return self._ellipse(value, origin)
        return self._rectangle(value, origin)

    def _points(self, percent: Sequence[tuple[float, float]], origin: Origin) -> Points:
        points = checked_points(percent, origin)
        pixels = to_pixels(points, self._size) if self._is_size_known else points / 100
        return checked_points(pixels, origin)

    def _polygon(self, value: Record, origin: Origin) -> Geometry:
        drawn = numbers(value, _Outline, origin)
        place = origin.at(".points")
        if drawn.closed is not False:
            return outline(self._points(drawn.points, place), place)
        return polyline(self._points(drawn.points, place), place)

    def _rectangle(self, value: Record, origin: Origin) -> Area:
        """Return a box, turned clockwise about the corner that ``x`` and ``y`` give."""
        box = numbers(value, _Box, origin)
        ((x, y), (right, bottom)) = self._points(
            [(box.x, box.y), (box.x + box.width, box.y + box.height)], origin
        ).tolist()
        cosine, sine = self._turn(box.rotation, origin)
        if sine == 0 and cosine == 1:
            return Area((rectangle(x, y, right, bottom, origin),))
        width, height = right - x, bottom - y
        along, across = np.array((cosine, sine)), np.array((-sine, cosine))
        corners = [(0, 0), (width, 0), (width, height), (0, height)]
        turned = [along * one + across * other + (x, y) for one, other in corners]
        return Area((Polygon(checked_points(turned, origin)),))

    def _ellipse(self, value: Record, origin: Origin) -> Area:
        one = numbers(value, _Oval, origin)
        self._turn(one.rotation, origin)
        ((x, y), (across, down)) = self._points(
            [(one.x, one.y), (one.radius_x, one.radius_y)], origin
        ).tolist()
        angle = one.rotation or 0.0
        return Area((ellipse(x, y, across, down, angle, origin, self._vertices),))

    def _turn(self, angle: float | None, origin: Origin) -> tuple[float, float]:
        """Return cosine and sine of an angle in degrees; it is one of pixels, not of percent."""
        place = origin.at(".rotation")
        if not angle:
            return 1.0, 0.0
        if not self._is_size_known:
            text = "turned, which percent of an image of unknown size cannot be"
            raise RecordError(Code.INVALID_RECORD, text, origin=place)
        checked_points([(angle, 0.0)], place)
        return math.cos(math.radians(angle)), math.sin(math.radians(angle))

    def _brush(self, value: Record, origin: Origin) -> Bitmap:
        place = origin.at(".rle")
        rle = structure(value, _Brush, origin, Code.INVALID_BITMAP, GeometryError).rle
        try:
            if not self._is_size_known:
                raise ValueError("the size of the image is not known")
            bitmap = unpacked(bytes(rle), self._size, self._pixels)
        except ValueError as error:
            raise bad_bitmap(str(error), place) from None
        if bitmap is None:
            raise bad_bitmap("no pixel is painted", place)
        return bitmap


def to_pixels(percent: ArrayLike, side: ArrayLike) -> NDArray[np.float64]:
    """Return percent of a side as pixels, with ten decimals."""
    pixels = np.asarray(percent, np.float64) * np.asarray(side, np.float64) / 100
    return np.round(pixels, DECIMALS)


def to_percent(pixels: ArrayLike, side: ArrayLike) -> NDArray[np.float64]:
    """Return pixels as percent of a side."""
    return np.asarray(pixels, np.float64) * 100 / np.asarray(side, np.float64)


def frame_of(
    record: Mapping[str, Any], across: str = "original_width", down: str = "original_height"
) -> Size | None:
    """Return the size of the image that a result was drawn on; None if it does not tell."""
    return as_size(record.get(across), record.get(down))


def _kind(fields: Record, origin: Origin) -> str:
    kind = structure(fields.get("type"), str, origin.at(".type"))
    if kind in NO_SHAPES:
        raise RecordError(
            Code.NOT_A_SHAPE, f"a result of type {kind} is not a shape", origin=origin
        )
    if kind not in KINDS:
        text = f"{shorten(kind)} is not a type of result that is read"
        raise unknown_kind(text, origin.at(".type"), KINDS)
    return kind


def _names(value: object) -> tuple[str, ...]:
    """Return the labels in a value, without those that are blank."""
    listed = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(one for one in listed if isinstance(one, str) and one.strip()))


def form(reader: ResultReader) -> PlainForm:
    """Return how Label Studio writes a result: its coordinates stand one level below."""
    return PlainForm("pairs", "type", KINDS, place_of=reader.place_of, inside=("value",))
