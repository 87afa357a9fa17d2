"""The CSV export: one row per region, with JSON in its cells; one for an image without regions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from maskforge.errors import LimitError, RecordError, shorten
from maskforge.formats.addresses import image_name, image_path
from maskforge.formats.base import ImageRecord
from maskforge.formats.jsonio import SURPLUS_CELLS, Document
from maskforge.formats.plainform import too_many
from maskforge.formats.via.class_attribute import ClassAttribute, find_class_attribute
from maskforge.formats.via.metadata import declared_size, tags_of, written_places
from maskforge.formats.via.region_records import place_of, read_region
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import ImageState, Shape

_SHAPE, _REGION, _FILE = "region_shape_attributes", "region_attributes", "file_attributes"
COLUMNS = ("filename", _SHAPE, _REGION)
_KNOWN = {*COLUMNS, _FILE, "file_size", "region_count", "region_id"}
_FIRST_LINE = 2  # below the header

Row: TypeAlias = dict[str, str]


@dataclass(slots=True)
class _Image:
    """The rows of one image."""

    origin: Origin
    filename: str
    rows: list[tuple[Origin, Row]] = field(default_factory=list)

    def record(self, classes: ClassAttribute) -> ImageRecord:
        """Return the image with all its regions."""
        regions = [(place, row) for place, row in self.rows if not _is_empty(row)]
        shapes, issues = _read(regions, self.origin, classes)
        first = self.rows[0][1]
        attributes = _decoded(first.get(_FILE, ""))
        name = image_name(image_path(self.filename))
        if not name:
            text = "the row names no image"
            issues.append(Issue(Code.INVALID_IMAGE_RECORD, text, self.origin))
        kept = {shape.origin for shape in shapes}
        rest = [row for place, row in regions if place not in kept]
        size = first.get("file_size", "")
        extra = {"filename": self.filename, "size": _decoded(size), "file_attributes": attributes}
        return ImageRecord(
            name or self.origin.pointer,
            written_places(self.filename),
            tuple(shapes),
            ImageState.ANNOTATED if regions else ImageState.EMPTY,
            self.origin,
            declared=declared_size(attributes),
            upright=True,
            tags=tuple(tags_of(attributes)),
            issues=tuple(issues),
            extra=extra | ({"rows": rest} if rest else {}),
        )


def read_csv(document: Document) -> Iterator[ImageRecord]:
    """Yield the images of a table."""
    images: dict[tuple[str, str], _Image] = {}
    for line, raw in enumerate(document.root, _FIRST_LINE):
        row = {key.removeprefix("#"): value for key, value in raw.items()}
        origin = Origin(document.path, f"line {line}")
        key = (row["filename"], row.get("file_size", ""))
        image = images.setdefault(key, _Image(origin, row["filename"]))
        image.rows.append((origin, row))
    rows = (row for image in images.values() for _, row in image.rows)
    classes = find_class_attribute((_decoded(row[_REGION]) for row in rows), None)
    for image in images.values():
        yield image.record(classes)


def _read(
    regions: list[tuple[Origin, Row]], origin: Origin, classes: ClassAttribute
) -> tuple[list[Shape], list[Issue]]:
    refusal = too_many(len(regions), origin)
    if refusal is not None:
        return [], [refusal]
    shapes: list[Shape] = []
    issues: list[Issue] = []
    vertices = Allowance(Limit.VERTICES)
    for place, row in regions:
        record: dict[str, Any] = {}
        try:
            record = _region(row, place)
            shapes.append(read_region(record, place, classes, vertices))
        except RecordError as error:
            issues.append(error.issue(box=place_of(record)))
        except LimitError as error:
            return [], [error.issue(origin), *(_not_drawn(one) for one, _ in regions)]
    return shapes, issues


def _not_drawn(origin: Origin) -> Issue:
    text = "not drawn, because the image is refused"
    return Issue(Code.NOT_DRAWABLE, text, origin, override=Level.REFUSED)


def _region(row: Row, origin: Origin) -> dict[str, Any]:
    """Return a row in the form of the JSON export."""
    if SURPLUS_CELLS in row:
        raise RecordError(
            Code.INVALID_RECORD,
            f"has more cells than the header: {shorten(row[SURPLUS_CELLS])}",
            origin=origin,
            hint="put names with commas in double quotes",
        )
    region = {key: value for key, value in row.items() if key not in _KNOWN}
    for key, column in (("shape_attributes", _SHAPE), ("region_attributes", _REGION)):
        region[key] = _decoded(row[column])
        if region[key] is None:
            text = f"`{column}` is not JSON: {shorten(row[column])}"
            raise RecordError(Code.INVALID_RECORD, text, origin=origin)
    return region


def _is_empty(row: Row) -> bool:
    """Tell whether a row says only that the image has no regions."""
    return not any(_decoded(row[column]) for column in (_SHAPE, _REGION)) and not (
        row.get("region_count", "0").strip("0") or SURPLUS_CELLS in row
    )


def _decoded(cell: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON value in a cell; None if there is none."""
    try:
        return msgspec.json.decode(cell)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
