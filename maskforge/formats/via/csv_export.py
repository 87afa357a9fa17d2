"""The CSV export: one row per region, with JSON in its cells; one for an image without regions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from maskforge.formats.addresses import image_name, image_path
from maskforge.formats.base import ImageRecord, left_over
from maskforge.formats.jsonio import SURPLUS_CELLS, Document, check_cells
from maskforge.formats.plainform import read_each
from maskforge.formats.via.class_attribute import ClassAttribute, find_class_attribute
from maskforge.formats.via.metadata import declared_size, tags_of, written_places
from maskforge.formats.via.recognition import COLUMNS
from maskforge.formats.via.region_records import FORM, read_region
from maskforge.issues import Code, Issue, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import ImageState, Shape

_, _SHAPE, _REGION = COLUMNS
_FILE = "file_attributes"
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
        places, rows = [place for place, _ in regions], [row for _, row in regions]
        vertices = Allowance(Limit.VERTICES)

        def read(record: object, place: Origin) -> Shape:
            assert isinstance(record, dict)
            check_cells(record, place)
            return read_region(record, place, classes, vertices)

        shapes, issues = read_each([*map(_region, rows)], self.origin, read, FORM, places)
        first = self.rows[0][1]
        attributes = _decoded(first.get(_FILE, ""))
        name = image_name(image_path(self.filename))
        if not name:
            text = "the row names no image"
            issues.append(Issue(Code.INVALID_IMAGE_RECORD, text, self.origin))
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
            extra=extra | left_over("rows", rows, shapes, self.origin, places),
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


def _region(row: Row) -> dict[str, Any]:
    """Return a row in the form of the JSON export; what is not JSON stays text."""
    region: dict[str, Any] = {key: value for key, value in row.items() if key not in _KNOWN}
    for key, column in (("shape_attributes", _SHAPE), ("region_attributes", _REGION)):
        value = _decoded(row[column])
        region[key] = row[column] if value is None else value
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
