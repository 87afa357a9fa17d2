"""The CSV export of VoTT: one line per bounding box and tag (``src/providers/export/csv.ts``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import ImageRecord, ReadContext
from maskforge.formats.jsonio import SURPLUS_CELLS, Document
from maskforge.formats.vott.known import (
    JSON_EXPORT_FOLDER,
    KnownImages,
    image_folders,
    project_folder,
)
from maskforge.formats.vott.names import decoded_name, written_places
from maskforge.formats.vott.project import exported_names
from maskforge.formats.vott.region_records import read_tags
from maskforge.geometry import rectangle
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import Area, ImageState, Shape

COLUMNS = ("image", "xmin", "ymin", "xmax", "ymax", "label")

_FIRST_LINE = 2  # below the header

Row: TypeAlias = dict[str, str]
_Box: TypeAlias = tuple[float, float, float, float]


@dataclass(slots=True)
class _Image:
    """The rows of one image so far."""

    origin: Origin
    shapes: dict[_Box, Shape] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    rest: list[Row] = field(default_factory=list)

    def add(self, row: Row, origin: Origin) -> None:
        """Add a row: a new region, or one more tag of a region that an earlier row began."""
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

    def extra(self, written: str) -> dict[str, object]:
        """Return the name of the image as it is written, and the rows that are not shapes."""
        return {"image": written} | ({"rows": self.rest} if self.rest else {})


def read_csv(document: Document, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the images of a CSV export that were not read from a better source."""
    folder = project_folder(document.path)
    known = KnownImages(document.path, context)
    better = _better_sources(folder, context)
    images: dict[str, _Image] = {}
    for line, row in enumerate(document.root, _FIRST_LINE):
        origin = Origin(document.path, f"line {line}")
        images.setdefault(row["image"], _Image(origin)).add(row, origin)
    is_read = False
    for written, image in images.items():
        name = decoded_name(written, "", "")
        if not name:
            yield _nameless(image, written)
        elif known.repeats(name=name):
            continue
        elif name in better:
            known.count_repeated(better[name])
        else:
            is_read = True
            known.add(None, name, document.origin)
            yield ImageRecord(
                name,
                written_places(written, ""),
                tuple(image.shapes.values()),
                ImageState.ANNOTATED,
                image.origin,
                beside=image_folders(document.path),
                issues=tuple(image.issues),
                extra=image.extra(written),
            )
    known.finish()
    if is_read:
        text = "holds bounding boxes only; what was drawn as a polygon is a rectangle here"
        hint = "read the .vott project or the JSON export instead, if there is one"
        context.report(Issue(Code.LOSSY_SOURCE, text, document.origin, hint))


def _read_row(row: Row, origin: Origin) -> tuple[_Box, Shape]:
    if SURPLUS_CELLS in row:
        raise RecordError(
            Code.INVALID_RECORD,
            f"has more cells than the header: {shorten(row[SURPLUS_CELLS])}",
            origin=origin,
            hint="put names with commas in double quotes",
        )
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


def _better_sources(folder: Path, context: ReadContext) -> dict[str, Path]:
    """Return the names in the project's JSON exports that will be read in this run, too.

    The folder of the CSV export comes first in the alphabet, but holds less.
    """
    exports = folder / JSON_EXPORT_FOLDER
    if not exports.is_relative_to(context.source) or not exports.is_dir():
        return {}
    return {name: path for path in sorted(exports.glob("*.json")) for name in exported_names(path)}
