"""The CSV export of VoTT: one line per bounding box and tag (``src/providers/export/csv.ts``)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import ImageRecord, ReadContext, too_many
from maskforge.formats.jsonio import SURPLUS_CELLS, Document, check_cells
from maskforge.formats.vott.known import KnownImages, image_folders
from maskforge.formats.vott.names import decoded_name, written_places
from maskforge.formats.vott.recognition import COLUMNS
from maskforge.formats.vott.region_records import read_tags
from maskforge.geometry import rectangle
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import Area, ImageState, Shape

_FIRST_LINE = 2  # below the header

_HEADER = {name: name for name in COLUMNS}
_SURPLUS_HEADER = str(list(COLUMNS[1:]))
_DECIMAL_COMMA = re.compile(r"\s*-?\d+,\d+\s*")

Row: TypeAlias = dict[str, str]
_Box: TypeAlias = tuple[float, float, float, float]


@dataclass(slots=True)
class _Image:
    """The rows of one image so far."""

    origin: Origin
    shapes: dict[_Box, Shape] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    rest: list[Row] = field(default_factory=list)

    def add(self, row: Row, line: int) -> None:
        """Add a row: a new region, or one more tag of a region that an earlier row began."""
        origin = Origin(self.origin.file, f"line {line}")
        try:
            box, shape = _read_row(row, origin)
        except RecordError as error:
            self.issues.append(error.issue())
            self.rest.append(row)
            return
        first = self.shapes.setdefault(box, shape)
        if first is shape:
            return
        if not shape.labels or shape.labels[0] in first.labels:
            text = f"repeats {first.origin.pointer}"
            self.issues.append(Issue(Code.NOT_A_SHAPE, text, origin))
            self.rest.append(row)
            return
        labels = (*first.labels, *shape.labels)
        self.shapes[box] = replace(first, labels=labels, label_issue=None)

    def record(self, written: str, name: str, file: Path) -> ImageRecord:
        """Return the image with all its rows."""
        return ImageRecord(
            name,
            written_places(written, ""),
            tuple(self.shapes.values()),
            ImageState.ANNOTATED,
            self.origin,
            beside=image_folders(file),
            issues=tuple(self.issues),
            extra=self.extra(written),
        )

    def extra(self, written: str) -> dict[str, object]:
        """Return the name of the image as it is written, and the rows that are not shapes."""
        return {"image": written} | ({"rows": self.rest} if self.rest else {})


def read_csv(document: Document, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the images of a CSV export that were not read from a better source."""
    known = KnownImages(document.path, context, is_export=True)
    records = []
    for written, image in _images(document, context).items():
        name = decoded_name(written, "", "")
        if not name:
            yield _nameless(image, written)
            continue
        record = image.record(written, name, document.path)
        if not known.repeats("name", name, record):
            records.append(record)
    if known.copies_all(records):
        records = []
    for record in records:
        known.add(None, record, document.origin)
        yield record
    known.finish()
    if records:
        text = "holds bounding boxes only; what was drawn as a polygon is a rectangle here"
        hint = "read the .vott project or the JSON export instead, if there is one"
        context.report(Issue(Code.LOSSY_SOURCE, text, document.origin, hint))


def _images(document: Document, context: ReadContext) -> dict[str, _Image]:
    """Return the images of a table with their rows, in the order of the table."""
    counts = Counter(row["image"] for row in document.root)
    images: dict[str, _Image] = {}
    too_large: set[str] = set()
    headers = 0
    for line, row in enumerate(document.root, _FIRST_LINE):
        if row == _HEADER:
            headers += 1
            continue
        headers += _cut_off_header(row)
        if document.separator != ",":
            _use_points(row)
        written = row["image"]
        if written not in images:
            origin = Origin(document.path, f"line {line}")
            images[written] = _Image(origin)
            refusal = too_many(counts[written], origin)
            if refusal is not None:
                too_large.add(written)
                images[written].issues.append(refusal)
        if written not in too_large:
            images[written].add(row, line)
    if headers:
        text = f"the header stands {headers} more times between the rows: tables were joined"
        context.report(Issue(Code.LENIENT, text, document.origin))
    return images


def _cut_off_header(row: Row) -> bool:
    """Remove the header of another table, which was joined to a row without a line break."""
    if row.get(SURPLUS_CELLS) != _SURPLUS_HEADER or not row["label"].endswith(COLUMNS[0]):
        return False
    row["label"] = row["label"].removesuffix(COLUMNS[0]).removesuffix('"')
    del row[SURPLUS_CELLS]
    return True


def _use_points(row: Row) -> None:
    """Turn decimal commas into points: where semicolons separate cells, commas do this."""
    for key in COLUMNS[1:5]:
        if _DECIMAL_COMMA.fullmatch(row[key]):
            row[key] = row[key].replace(",", ".")


def _read_row(row: Row, origin: Origin) -> tuple[_Box, Shape]:
    check_cells(row, origin)
    box = {key: _number(row, key, origin) for key in COLUMNS[1:5]}
    left, top, right, bottom = box.values()
    labels, label_issue = read_tags([row["label"]], origin)
    return (left, top, right, bottom), Shape(
        labels,
        Area((rectangle(left, top, right, bottom, origin),)),
        "RECTANGLE",
        origin,
        primitive=box,
        extra={key: value for key, value in row.items() if key not in COLUMNS},
        label_issue=label_issue,
    )


def _number(row: Row, column: str, origin: Origin) -> float:
    try:
        return float(row[column])
    except ValueError:
        raise GeometryError(
            Code.INVALID_COORDINATES,
            f"{column} is {shorten(row[column])}, expected a number",
            origin=origin,
        ) from None


def _nameless(image: _Image, written: str) -> ImageRecord:
    """Return the rows that name no image as an image that is refused."""
    issue = Issue(Code.INVALID_IMAGE_RECORD, "the row names no image", image.origin)
    return ImageRecord(
        image.origin.pointer,
        (),
        tuple(image.shapes.values()),
        ImageState.ANNOTATED,
        image.origin,
        issues=(*image.issues, issue),
        extra=image.extra(written),
    )
