"""Finding the images that annotations belong to, by evidence."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from maskforge.images.decoder import read_header
from maskforge.images.name_index import NameIndex
from maskforge.images.sameness import digest, shows_same
from maskforge.images.search import Found, Search, Wanted


class ImageFinder:
    """Finds images by what annotation files say about them.

    The places are searched in this order: the written path, and the same name beside the annotation
    file; the written and neighboring folders for other spellings of the name; the folders given by
    the user; the same with other image suffixes, and with the name of the annotation file; and at
    last everything below the source. What speaks against a file makes the search go on: another
    size, another image than the embedded one, masks, and, below the source, folders that contradict
    the written ones.
    """

    def __init__(
        self,
        images: Iterable[Path] = (),
        sources: Iterable[Path] = (),
        *,
        allow_outside: bool = False,
    ) -> None:
        """Look at nothing yet.

        Args:
            images: Folders given by the user, searched with all their sub-folders.
            sources: Folders of all sources.
            allow_outside: Whether a written path may lead out of all these folders.
        """
        self._images = tuple(images)
        self._allow_outside = allow_outside
        roots = [Path(os.path.abspath(one)) for one in (*self._images, *sources)]  # noqa: PTH100
        self._roots = {*roots, *(Path(os.path.realpath(one)) for one in roots)}
        self._images_base = _base(self._images)
        self._sources_base = _base(tuple(sources))
        self._indexes: dict[tuple[Path, bool, Path | None], NameIndex] = {}
        self._digests: dict[Path, bytes] = {}
        self._inside: dict[str, bool] = {}

    def find(self, wanted: Wanted) -> Found:
        """Return the image for which there is enough evidence, or why there is none."""
        return Search(self, wanted).run()

    def is_inside(self, path: Path) -> bool:
        """Tell whether a path may be looked at; links below the folders may lead anywhere."""
        if self._allow_outside:
            return True
        whole = os.path.abspath(path)  # noqa: PTH100 - which also takes out the dots
        folder = os.path.dirname(whole)  # noqa: PTH120 - a path takes ten times as long
        if folder not in self._inside:
            above = Path(folder)
            self._inside[folder] = any(one in self._roots for one in (above, *above.parents))
        return self._inside[folder] or Path(whole) in self._roots

    def place(self, folder: Path, written: str) -> Path | None:
        """Return the place that a written path leads to; None if it may not be looked at."""
        path = folder / written
        if self._allow_outside or ".." not in PurePosixPath(written).parts:
            return path if self.is_inside(path) else None
        # Behind a link, two dots lead elsewhere than they seem to.
        path = Path(os.path.normpath(path))
        return path if self.is_inside(path) else None

    def index(self, root: Path, *, deep: bool) -> NameIndex:
        """Return the images below a folder, or in it alone; each folder is searched once."""
        return self._index(root, deep=deep, base=None)

    def given_index(self, root: Path) -> NameIndex:
        """Return the images below a folder given by the user, whose own name tells something."""
        return self._index(root, deep=True, base=self._images_base)

    def _index(self, root: Path, *, deep: bool, base: Path | None) -> NameIndex:
        key = (root, deep, base)
        if key not in self._indexes:
            self._indexes[key] = NameIndex(root, deep=deep, base=base)
        return self._indexes[key]

    @property
    def images(self) -> tuple[Path, ...]:
        """Folders given by the user."""
        return self._images

    @property
    def sources_base(self) -> Path | None:
        """The folder below which the sources have names that tell them apart."""
        return self._sources_base

    def first_copy(self, files: Sequence[Path]) -> Path | None:
        """Return the first of several files if all of them are one image, byte by byte or shown."""
        first, *others = sorted(files, key=lambda one: (len(one.parts), one))
        with contextlib.suppress(OSError, ValueError):
            if all(self._is_copy(first, one) for one in others):
                return first
        return None

    def _is_copy(self, first: Path, second: Path) -> bool:
        same_length = first.stat().st_size == second.stat().st_size
        if same_length and self._digest(first) == self._digest(second):
            return True
        if first.suffix.lower() == second.suffix.lower():
            return False
        return read_header(first).stored == read_header(second).stored and shows_same(first, second)

    def _digest(self, file: Path) -> bytes:
        if file not in self._digests:
            self._digests[file] = digest(file)
        return self._digests[file]


def _base(roots: Sequence[Path]) -> Path | None:
    """Return the folder below which the names of folders tell them apart; None if there is none."""
    parents = [os.path.dirname(os.path.abspath(one)) for one in roots]  # noqa: PTH100, PTH120
    with contextlib.suppress(ValueError):  # no folder, or folders on several drives
        return Path(os.path.commonpath(parents))
    return None
