"""Finding the images that annotations belong to."""

from __future__ import annotations

import contextlib
import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import TypeAlias
from urllib.parse import unquote

from maskforge.errors import shorten
from maskforge.files import is_text, walk

IMAGE_SUFFIXES = frozenset(
    (
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".tif",
        ".tiff",
        ".bmp",
        ".dib",
        ".gif",
        ".webp",
        ".jp2",
        ".avif",
        ".tga",
        ".pgm",
        ".ppm",
        ".pbm",
        ".pnm",
    )
)
"""Suffixes, in lower case, that make a file an image."""


_Index: TypeAlias = dict[str, list[Path]]


@dataclass(slots=True)
class ImageFinder:
    """Finds images by what annotation files write about them.

    The order is: the path as written (relative ones from the annotation file's folder); the same
    file name beside the annotation file; below the folder given by the user; below the source
    folder. Names are compared as written, percent-decoded, in composed Unicode, and at last
    without regard to case. If several files below one folder have the name, the one that shares
    the longest tail of folders with the written path is taken; if that is no decision, none is.

    An image below the source folder is found by nothing but its name, so it counts only if its
    size is the one that the annotation file declares, or if that declares none.

    Attributes:
        images: Folder given by the user, searched with all its sub-folders, or None.
        source: Source folder, searched likewise, or None.
    """

    images: Path | None = None
    source: Path | None = None
    _indexes: dict[tuple[Path, bool], _Index] = field(default_factory=dict, repr=False)

    def find(self, candidates: Sequence[str], folder: Path) -> Path | None:
        """Return the image for the first candidate that leads to one.

        Args:
            candidates: Paths or names, decoded, with forward slashes, most trusted first.
            folder: Folder of the annotation file.

        Raises:
            LookupError: If several files have the name and nothing tells which one is meant; the
                message lists them.
        """
        return self.find_as_told(candidates, folder) or self.find_by_name(candidates)

    def find_as_told(self, candidates: Sequence[str], folder: Path) -> Path | None:
        """Search only where the annotation file or the user says: all steps but the last."""
        for candidate in candidates:
            spellings = list(_spellings(candidate))
            names = [PurePosixPath(spelling).name for spelling in spellings]
            for path in (folder / place for place in (*spellings, *names)):
                if _is_file(path):
                    return path
        beside = self._first(candidates, folder, deep=False)
        return beside or self._first(candidates, self.images)

    def find_by_name(self, candidates: Sequence[str]) -> Path | None:
        """Search only below the source folder: an image found there may be another one."""
        return self._first(candidates, self.source)

    def _first(
        self, candidates: Sequence[str], root: Path | None, *, deep: bool = True
    ) -> Path | None:
        if root is None:
            return None
        if (root, deep) not in self._indexes:
            self._indexes[root, deep] = _index(root, deep=deep)
        index = self._indexes[root, deep]
        found = (_best(index, candidate) for candidate in candidates)
        return next((path for path in found if path is not None and _is_file(path)), None)


def _best(index: _Index, candidate: str) -> Path | None:
    for spelling in _spellings(candidate):
        written = [_key(part) for part in PurePosixPath(spelling).parts]
        paths = index.get(written[-1], []) if written else []
        exact = [path for path in paths if path.name == PurePosixPath(spelling).name]
        scored = [(_common_tail(path, written), path) for path in exact or paths]
        best = max((score for score, _ in scored), default=0)
        winners = [path for score, path in scored if score == best]
        if len(winners) == 1:
            return winners[0]
        if winners:
            listed = ", ".join(str(path) for path in winners[:3])
            raise LookupError(f"{len(winners)} files fit {shorten(candidate)}: {listed}")
    return None


def _spellings(candidate: str) -> Iterator[str]:
    yield candidate
    for other in (
        unquote(candidate),
        *(unicodedata.normalize(f, candidate) for f in ("NFC", "NFD")),
    ):
        if other != candidate:
            yield other


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unquote(name)).casefold()


def _common_tail(path: Path, written: Sequence[str]) -> int:
    parts = [_key(part) for part in path.parts]
    pairs = zip(reversed(parts), reversed(written), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _index(root: Path, *, deep: bool) -> _Index:
    index: _Index = {}
    for folder, names in itertools.islice(walk(root), None if deep else 1):
        for name in names:
            if PurePath(name).suffix.lower() in IMAGE_SUFFIXES and is_text(name):
                index.setdefault(_key(name), []).append(folder / name)
    return index


def _is_file(path: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):  # too long, or with a NUL
        return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    return False
