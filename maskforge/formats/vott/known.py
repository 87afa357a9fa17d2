"""What has been read of a VoTT project, so that its exports are not read a second time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from maskforge.formats.base import ReadContext
from maskforge.issues import Code, Issue, Level, Origin

_FORMAT = "vott"

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
    """The images of one project folder that were read before.

    Ids alone would not do: they are made of the path of the image, so copies of a project that
    several people annotated share them.

    Attributes:
        path: The file that is being read.
        context: Holds what was read before, and takes the report.
    """

    path: Path
    context: ReadContext
    _repeated: int = 0
    _images: int = 0
    _sources: dict[str, None] = field(default_factory=dict)
    _read: dict[str, Origin] = field(default_factory=dict)

    def repeats(self, *, id: str | None = None, name: str | None = None) -> bool:  # noqa: A002 - VoTT's key
        """Tell whether the image was read before, and count it."""
        self._images += 1
        kind, key = ("id", id) if id is not None else ("name", name)
        first = self.context.seen.get((_FORMAT, self._key(kind, key or "")))
        if first is not None:
            self.count_repeated(first.file)
        return first is not None

    def count_repeated(self, source: Path) -> None:
        """Count an image as one that another file holds, too."""
        self._repeated += 1
        self._sources[source.name] = None

    def add(self, id: str | None, name: str, origin: Origin) -> None:  # noqa: A002 - VoTT's key
        """Remember an image by its id and its decoded name, for the files that follow."""
        for kind, key in (("id", id), ("name", name)):
            if key:
                self._read.setdefault(self._key(kind, key), origin)

    def finish(self) -> None:
        """Pass on what was read, and report how much was left out because it was read before."""
        for key, origin in self._read.items():
            self.context.seen.setdefault((_FORMAT, key), origin)
        if not self._repeated:
            return
        names = list(self._sources)
        source = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more files"
        partly = self._repeated < self._images
        text = f"{self._repeated} of {self._images} images are in {source}, too, and are read there"
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
