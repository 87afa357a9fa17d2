"""What has been read of a VoTT project, so that its exports are not read a second time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from maskforge.formats.base import ImageRecord, ReadContext
from maskforge.geometry import point_arrays
from maskforge.issues import Code, Issue, Level, Origin

_FORMAT = "vott"
_Kind: TypeAlias = Literal["id", "name"]

JSON_EXPORT_FOLDER = "vott-json-export"
CSV_EXPORT_FOLDER = "vott-csv-export"


def project_folder(path: Path) -> Path:
    """Return the folder of the project that a file belongs to."""
    folder = path.parent
    is_export = folder.name in {JSON_EXPORT_FOLDER, CSV_EXPORT_FOLDER}
    return folder.parent if is_export else folder


def image_folders(path: Path) -> tuple[str, ...]:
    """Return the folders of a file and of its project, relative to the file."""
    return (".",) if project_folder(path) == path.parent else (".", "..")


@dataclass(slots=True)
class KnownImages:
    """The images of a project that were read before.

    Ids alone would not do: they are made of the path of the image, so copies of a project that
    several people annotated share them. In the folder of a project, an export repeats whatever has
    the same id or name, and it is worth a word only if it says something else: VoTT leaves its
    exports there. In other folders, it repeats what has the same regions as well.

    Attributes:
        path: The file that is being read.
        context: Holds what was read before, and takes the report.
        is_export: Whether the file is an export of a project, and not the project itself.
    """

    path: Path
    context: ReadContext
    is_export: bool = False
    _repeated: int = 0
    _agreeing: int = 0
    _images: int = 0
    _sources: dict[str, None] = field(default_factory=dict)
    _read: dict[str, Origin] = field(default_factory=dict)

    def repeats(self, kind: _Kind, key: str, record: ImageRecord | None) -> bool:
        """Tell whether the image was read before, and count it.

        Args:
            kind: What the file calls images by.
            key: The id, or the decoded name.
            record: What an export says about it, if it can be read.
        """
        self._images += 1
        first = self.context.seen.get((_FORMAT, self._key(kind, key)))
        if record is not None:
            same = self._key(kind, f"{key}|{_digest(kind, record)}")
            self._agreeing += (_FORMAT, same) in self.context.seen
        return self._count(first)

    def copies(self, id: str, record: ImageRecord) -> bool:  # noqa: A002 - VoTT's key
        """Tell whether an export, or the project of this one, holds the same elsewhere, and count.

        Args:
            id: Id of the asset.
            record: The image with its regions.
        """
        key = f"id|{id}|{_digest('id', record)}"
        boxes = f"name|{record.name}|{_digest('name', record)}"
        first = self._elsewhere(key)
        if first is None:
            self._remember(key, boxes, origin=record.origin)
        return self._count(first)

    def copies_all(self, records: Sequence[ImageRecord]) -> bool:
        """Tell whether a table, which has names instead of ids, repeats another file, and count.

        Only if all its images are elsewhere: one may be like that of another patient by chance.
        """
        keys = [f"name|{record.name}|{_digest('name', record)}" for record in records]
        first = [self._elsewhere(key) for key in keys]
        if not all(first):
            for key, record in zip(keys, records, strict=True):
                self._remember(key, origin=record.origin)
            return False
        for one in first:
            self._count(one)
        return True

    def _elsewhere(self, key: str) -> Origin | None:
        seen = self.context.seen
        found = seen.get((_FORMAT, f"export|{key}"))
        return found or (seen.get((_FORMAT, f"project|{key}")) if self.is_export else None)

    def _remember(self, *keys: str, origin: Origin) -> None:
        kind = "export" if self.is_export else "project"
        self._read.update({f"{kind}|{key}": origin for key in keys})

    def _count(self, first: Origin | None) -> bool:
        if first is not None:
            self._repeated += 1
            self._sources[first.file.name] = None
        return first is not None

    def add(self, id: str | None, record: ImageRecord, origin: Origin) -> None:  # noqa: A002 - VoTT's key
        """Remember an image by its id and its decoded name, for the files that follow."""
        keys: tuple[tuple[_Kind, str | None], ...] = (("id", id), ("name", record.name))
        for kind, key in keys:
            if key:
                self._read.setdefault(self._key(kind, key), origin)
                self._read.setdefault(self._key(kind, f"{key}|{_digest(kind, record)}"), origin)

    def finish(self) -> None:
        """Pass on what was read, and report what was left out because it was read before."""
        for key, origin in self._read.items():
            self.context.seen.setdefault((_FORMAT, key), origin)
        if not self._repeated or self._agreeing == self._images:
            return
        names = list(self._sources)
        source = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more files"
        partly = self._repeated < self._images
        text = f"{self._repeated} of {self._images} images are in {source}, too, and are read there"
        if self._agreeing:
            text += f" (in the same way: {self._agreeing})"
        self.context.report(
            Issue(
                Code.DUPLICATE_SOURCE,
                text,
                Origin(self.path),
                "to read only this file, name it as the source",
                Level.NOTE if partly else None,
            )
        )

    def _key(self, kind: str, key: str) -> str:
        return f"{project_folder(self.path)}|{kind}|{key}"


def _digest(kind: _Kind, record: ImageRecord) -> int:
    """Return a digest of what a file says about an image that it calls by an id, or by a name.

    Tables have names, and nothing but boxes.
    """
    return _outlines(record) if kind == "id" else _boxes(record)


def _outlines(record: ImageRecord) -> int:
    outlines = [
        (shape.labels, shape.kind, *(points.tobytes() for points in point_arrays(shape.geometry)))
        for shape in record.shapes
    ]
    return hash((record.state, *outlines))


def _boxes(record: ImageRecord) -> int:
    """Return a digest of the boxes in the order of the file, and of their labels."""
    rings = [point_arrays(shape.geometry) for shape in record.shapes]
    if not rings:
        return 0
    points = np.concatenate([points for one in rings for points in one])
    counts = [sum(map(len, one)) for one in rings]
    starts = np.concatenate(([0], np.cumsum(counts[:-1]))).astype(np.intp)
    bounds = [extreme.reduceat(points, starts) for extreme in (np.minimum, np.maximum)]
    boxes = np.round(np.concatenate(bounds, axis=1), 2) + 0.0  # no negative zeros
    return hash((boxes.tobytes(), *(shape.labels for shape in record.shapes)))
