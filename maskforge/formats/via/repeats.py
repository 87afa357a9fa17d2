"""The same images in several files: people export a project as JSON and as CSV beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from maskforge.formats.base import ImageRecord, ReadContext
from maskforge.geometry import point_arrays
from maskforge.issues import Code, Issue, Level, Origin

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
