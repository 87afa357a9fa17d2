"""VIA, the VGG Image Annotator, 1.x and 2.x: all images in one file.

What the keys mean was read in the tool's own sources: ``via-1.x.y/via.js`` and
``via-2.x.y/src/via.js`` of ox-vgg/via. VIA 3 writes another format, which is not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskforge.errors import FormatError, shorten
from maskforge.formats.base import ImageRecord, ReadContext, Recognition
from maskforge.formats.jsonio import Document
from maskforge.formats.via.recognition import METADATA, recognize
from maskforge.geometry import point_arrays
from maskforge.issues import Code, Issue, Level, Origin


class Via:
    """The format of VIA's projects and exports; see ``maskforge.formats.base.Format``."""

    name = "via"
    title = "VGG Image Annotator (VIA)"
    versions = "1.x and 2.x: project, JSON export, CSV export"
    marks = (METADATA, "shape_attributes")
    suffixes = (".json", ".csv")

    @property
    def geometry(self) -> str:
        """The kinds of shapes."""
        from maskforge.formats.via.region_records import KINDS

        return ", ".join(KINDS)

    def recognize(self, document: Document) -> Recognition:
        """Tell projects by `_via_img_metadata`, exports by the keys of their entries."""
        return recognize(document)

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the images of a project or an export that were not read from another file.

        Raises:
            FormatError: If the images of a project are not an object.
        """
        from maskforge.formats.via.csv_export import read_csv
        from maskforge.formats.via.metadata import read_metadata

        repeats = Repeats(document.path, context)
        if document.is_csv:
            yield from repeats.without(read_csv(document))
            return
        root: dict[str, Any] = document.root
        origin = document.origin
        metadata = root
        if METADATA in root:
            metadata, origin = root[METADATA], origin.at(f".{METADATA}")
        if not isinstance(metadata, dict):
            raise FormatError(
                Code.INVALID_FILE,
                f"expected an object with the images, found {shorten(metadata)}",
                origin=origin,
                hint="save the project in VIA again",
            )
        yield from repeats.without(read_metadata(root, metadata, origin))


_FORMAT = "via"


@dataclass(slots=True)
class Repeats:
    """Leaves out images that another file of the same folder holds with the same regions.

    Attributes:
        path: The file that is being read.
        context: Holds what was read before, and takes the report.
    """

    path: Path
    context: ReadContext

    def without(self, records: Iterable[ImageRecord]) -> Iterator[ImageRecord]:
        """Yield the images that were not read before, and report how many were."""
        new: dict[tuple[str, str], Origin] = {}
        sources: dict[str, None] = {}
        images = repeated = 0
        for record in records:
            images += 1
            key = (_FORMAT, f"{self.path.parent}|{_digest(record)}")
            first = self.context.seen.get(key)
            if first is None or first.file == self.path:
                new[key] = record.origin
                yield record
            else:
                repeated += 1
                sources[first.file.name] = None
        for key, origin in new.items():
            self.context.seen.setdefault(key, origin)
        if repeated:
            text = f"{repeated} of {images} images are in {', '.join(sources)}, too"
            level = Level.NOTE if repeated < images else None
            hint = "to read only this file, name it as the source"
            issue = Issue(Code.DUPLICATE_SOURCE, text, Origin(self.path), hint, level)
            self.context.report(issue)


def _digest(record: ImageRecord) -> int:
    return hash(
        (
            record.name,
            record.written[-1:],
            str(record.extra.get("size")),
            record.state,
            *(
                (shape.labels, shape.kind, *(one.tobytes() for one in point_arrays(shape.geometry)))
                for shape in record.shapes
            ),
        )
    )


FORMAT = Via()
