"""COCO's annotations, one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from maskforge.errors import GeometryError, LimitError, RecordError, shorten
from maskforge.formats.base import as_score, box_at, known_box
from maskforge.formats.coco.categories import Categories
from maskforge.formats.coco.runs import from_runs
from maskforge.formats.fields import bad_bitmap
from maskforge.formats.jsonio import fields_of, numbers, structure
from maskforge.formats.pixels import VOID
from maskforge.formats.plainform import PlainForm
from maskforge.geometry import outline, rectangle, ring
from maskforge.issues import Box, Code, Issue, Level, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Area, Bitmap, Geometry, Polygon, Shape, Size

CATEGORY = "category"
"""Key in ``Shape.extra`` of the name of a crowd's category."""

_HINT = "redraw or delete this shape in the labeling tool"


@dataclass(slots=True)
class AnnotationReader:
    """Reads the annotations of one image.

    Attributes:
        categories: The names of categories.
        size: Size that the file gives of the image, or None.
        crowds: Whether ``iscrowd`` marks a region in which nobody has told the objects apart.
        notes: Findings about records that are read all the same.
        pixels: Counts the pixels of bitmaps.
    """

    categories: Categories
    size: Size | None
    crowds: bool
    notes: list[Issue]
    pixels: Allowance = field(default_factory=lambda: Allowance(Limit.BITMAP_PIXELS))

    def __call__(self, record: object, origin: Origin) -> Shape:
        """Read one annotation.

        Raises:
            RecordError: If it is malformed, or encloses nothing.
            LimitError: If it takes more pixels than are left.
        """
        fields = fields_of(record, origin)
        kind, geometry, primitive = self._geometry(fields, origin)
        label, label_issue = self.categories.label(fields, origin)
        extra = {key: value for key, value in fields.items() if key not in _MADE_INTO[kind]}
        shape = Shape(
            (label,) if label else (),
            geometry,
            kind,
            origin,
            primitive=primitive,
            extra=extra,
            label_issue=label_issue,
            score=as_score(fields.get("score")),
        )
        return as_crowd(shape) if self.crowds and is_crowd(fields) else shape

    def _geometry(
        self, fields: dict[str, Any], origin: Origin
    ) -> tuple[str, Geometry, dict[str, object] | None]:
        """Return the kind of a record, what it covers, and the keys that do not come back."""
        written = fields.get("segmentation")
        place = origin.at(".segmentation")
        if isinstance(written, dict):
            return "rle", self._bitmap(written, place), {"segmentation": written}
        parts = numbers([] if written is None else written, list[list[float]], place)
        if any(parts):
            area, is_whole = self._area(parts, place)
            return "polygon", area, None if is_whole else {"segmentation": written}
        box = fields.get("bbox")
        if not box:
            raise RecordError(
                Code.INVALID_RECORD,
                "neither `segmentation` nor `bbox` says where it is",
                origin=origin,
            )
        return "bbox", _box(box, fields, origin.at(".bbox")), {"bbox": box}

    def _area(self, parts: Sequence[Sequence[float]], origin: Origin) -> tuple[Area, bool]:
        """Return the parts of a region, and whether they have all the vertices that are written."""
        polygons: list[Polygon] = []
        flat: list[Issue] = []
        problem: GeometryError | None = None
        for index, part in enumerate(parts):
            try:
                polygons.append(Polygon(ring(part, origin.at(f"[{index}]"))))
            except GeometryError as error:
                if error.code is not Code.TOO_FEW_POINTS and part:
                    raise
                problem = problem or error
                flat.append(error.issue(Level.NOTE))
        if not polygons and problem is not None:
            raise problem
        self.notes += flat
        vertices = sum(len(one.exterior) for one in polygons)
        return Area(tuple(polygons)), 2 * vertices == sum(map(len, parts))

    def _bitmap(self, written: dict[str, Any], origin: Origin) -> Bitmap:
        height, width = _sides(written, origin.at(".size"))
        size = Size(width, height)
        if self.size is not None and size != self.size:
            raise bad_bitmap(
                f"run lengths of {size} px in an image of {self.size} px",
                origin.at(".size"),
                hint="export the annotations again",
            )
        place = origin.at(".counts")
        counts = _counts(written.get("counts"), place)
        try:
            bitmap = from_runs(counts, size, self.pixels)
        except LimitError:
            raise
        except ValueError as error:
            raise bad_bitmap(str(error), place) from None
        if bitmap is None:
            raise RecordError(
                Code.NOT_DRAWABLE, "the run lengths hold not a single pixel", origin=place
            )
        return bitmap


def as_crowd(shape: Shape) -> Shape:
    """Return a shape as a region that class maps draw as void, with its category beside."""
    extra = dict(shape.extra)
    if shape.labels and shape.labels[0] != VOID:
        extra[CATEGORY] = shape.labels[0]
    return replace(shape, labels=(VOID,), label_issue=None, extra=extra)


def crowds_first(shapes: list[Shape]) -> None:
    """Put crowds below what is told apart, because that is known."""
    shapes.sort(key=lambda shape: CATEGORY not in shape.extra)


def is_crowd(fields: Mapping[str, object]) -> bool:
    """Tell whether an annotation says that it is a crowd."""
    return fields.get("iscrowd") in (1, "1")


def place_of(record: dict[str, Any]) -> Box | None:
    """Return the box in which a record lies that cannot be read; None if it does not tell."""
    match record.get("bbox"):
        case [x, y, width, height]:
            found = box_at(x, y, width, height)
            if found is not None and not _turn(record):
                return found
    written = record.get("segmentation")
    boxes = [known_box(part) for part in written] if isinstance(written, list) else [None]
    known = [one for one in boxes if one is not None]
    if not known or len(known) < len(boxes):
        return None
    left, top, right, bottom = zip(*known, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _counts(written: object, origin: Origin) -> str | list[int]:
    if isinstance(written, str):
        return written
    return structure(written, list[int], origin, Code.INVALID_BITMAP, GeometryError)


def _sides(written: dict[str, Any], origin: Origin) -> tuple[int, int]:
    height, width = structure(
        written.get("size"), tuple[int, int], origin, Code.INVALID_BITMAP, GeometryError
    )
    if min(height, width) < 1:
        raise bad_bitmap(f"expected height and width, found {shorten(written['size'])}", origin)
    return height, width


def _box(box: object, fields: dict[str, Any], origin: Origin) -> Area:
    """Return a box; CVAT turns those of its users about their centers, and says so beside."""
    x, y, width, height = numbers(box, tuple[float, float, float, float], origin)
    if min(width, height) < 0:
        raise GeometryError(
            Code.INVALID_COORDINATES,
            f"a box of {width} x {height} px",
            origin=origin,
            hint=_HINT,
        )
    upright = rectangle(x, y, x + width, y + height, origin)
    turn = _turn(fields)
    if not turn:
        return Area((upright,))
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    center = np.array((x + width / 2, y + height / 2))
    turned = (upright.exterior - center) @ np.array(((cosine, sine), (-sine, cosine))) + center
    return outline(turned, origin)


def _turn(fields: dict[str, Any]) -> float:
    """Return by how many degrees a box is turned, clockwise as seen on the screen."""
    attributes = fields.get("attributes")
    turn = attributes.get("rotation") if isinstance(attributes, dict) else None
    is_number = isinstance(turn, int | float) and not isinstance(turn, bool)
    return float(turn) if is_number and abs(turn) <= 360 else 0.0  # type: ignore[arg-type]


_MADE_INTO = {
    "rle": frozenset({"segmentation"}),
    "polygon": frozenset({"segmentation"}),
    "bbox": frozenset({"bbox"}),
}
"""Keys of a record that come back from its shape, by its kind."""

FORM = PlainForm("parts", "", (), place_of=place_of)
"""How COCO writes an annotation."""
