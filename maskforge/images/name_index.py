"""Image files below a folder by their names, and by the folders around them.

Thousands of images may share a name, one in the folder of every patient. So each question is
answered by looking up names together with folders, and never by going through all namesakes.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import TypeAlias
from urllib.parse import unquote

from maskforge.files import is_text, walk
from maskforge.images.mask_likeness import is_mask_place
from maskforge.images.suffixes import is_image_file, without_image_suffix

Folders: TypeAlias = tuple[str, ...]
"""Names of folders that tell something, from the innermost outwards, spelled alike."""

_DEEPEST = 8
_COMMON_WORD = re.compile(
    r"(ann|annots?|annotat(ed|ions?)|bmps?|data|datasets?|exports?|files?|films?|frames?|gt|images?"
    r"|imgs?|inputs?|jpegimages|jpe?gs?|jsons?|labels?|labeled|labelme|masks?|orig|originals?"
    r"|photos?|pics?|pictures?|pngs?|radiographs?|raw|scans?|source|superannotate|target|tiff?s?"
    r"|videos?|vott|xml|xrays?)"
)
"""Words in the names of folders that say what kind of file lies there, not whose."""
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def spellings(text: str) -> Iterator[str]:
    """Yield a written path as it is, percent-decoded, and in both forms of Unicode."""
    yield text
    for other in (unquote(text), *(unicodedata.normalize(f, text) for f in ("NFC", "NFD"))):
        if other != text:
            yield other


def alike(name: str) -> str:
    """Return a name so that all spellings of it are equal: decoded, composed, without case."""
    return unicodedata.normalize("NFC", unquote(name)).casefold()


def telling_folders(path: PurePath) -> Folders:
    """Return the folders of a file that tell whose it is, the innermost first.

    Examples:
        >>> telling_folders(PurePath("set/train_images/patient 1/raw/7.png"))
        ('patient 1', 'train', 'set')
    """
    return tuple(filter(None, map(_telling, reversed(path.parts[:-1]))))


def folders_below(base: Path, folder: Path) -> Folders:
    """Return the telling folders that lead from one folder to another; none if it is elsewhere."""
    base, folder = base.absolute(), folder.absolute()
    return telling_folders(folder.relative_to(base) / "x") if folder.is_relative_to(base) else ()


def _telling(folder: str) -> str:
    words = filter(None, _BETWEEN_WORDS.split(alike(folder)))
    return " ".join(word for word in words if not _COMMON_WORD.fullmatch(word))


@dataclass(frozen=True, slots=True)
class Namesakes:
    """Files that fit a question equally well.

    Attributes:
        files: The files.
        shares_folder: Whether a telling folder around them is one that was asked for.
        rank: How well they fit, the lower the better; the same question gets comparable ranks from
            all indexes.
    """

    files: list[Path]
    shares_folder: bool = False
    rank: int = 0


@dataclass(slots=True)
class _Bucket:
    """Files of one name, whatever their suffix, by names and folders."""

    files: list[Path] = field(default_factory=list)
    table: dict[tuple[str, str, Folders], list[Path]] = field(default_factory=dict)

    def fill(self, root: Path, base: Path) -> None:
        for file in self.files:
            around = telling_folders(file)[:_DEEPEST]
            below = folders_below(base, file.parent)[:_DEEPEST]
            inner = folders_below(root, file.parent)[:_DEEPEST]
            places = {("written", around[:n]) for n in range(1, len(around) + 1)}
            places |= {("beside", below[:n]) for n in range(1, len(below) + 1)}
            places |= {("parallel", below), ("alike", inner), ("anywhere", ())}
            for kind, folders in places:
                for name in (file.name, f"/{alike(file.name)}", "/"):
                    self.table.setdefault((name, kind, folders), []).append(file)


class NameIndex:
    """The images below a folder, or in it alone."""

    def __init__(self, root: Path, *, deep: bool = True, base: Path | None = None) -> None:
        """Look at the names of all files.

        Args:
            root: The folder.
            deep: Whether to look at sub-folders.
            base: A folder around ``root``, if the names of the folders between tell something.
        """
        self._root = root
        self._base = root if base is None else base
        self._images: dict[str, _Bucket] = {}
        self._masks: dict[str, _Bucket] = {}
        for folder, names in itertools.islice(walk(root), None if deep else 1):
            for name in names:
                file = folder / name
                if is_text(name) and is_image_file(file):
                    buckets = self._masks if deep and is_mask_place(file) else self._images
                    key = alike(without_image_suffix(name))
                    buckets.setdefault(key, _Bucket()).files.append(file)

    def find(
        self,
        written: str,
        around: Folders,
        below: Folders,
        inner: Folders,
        *,
        any_suffix: bool = False,
        masks: bool = False,
    ) -> Namesakes:
        """Return the files that fit a written path or name best.

        Most weighs the longest tail of folders shared with the written path, then that shared with
        the annotation; then equal folders, as those of parallel trees, also if their roots have
        names that differ. Among these, the name as it is written comes before other spellings of
        it.

        Args:
            written: The path or name, with forward slashes.
            around: Telling folders of the annotation.
            below: Those of them that are below its source, with those that tell sources apart.
            inner: Those of them that are below its source.
            any_suffix: Whether images of any suffix fit.
            masks: Whether to look among the files that lie where masks lie; else among all others.
        """
        plain = PurePosixPath(written).name
        stem = without_image_suffix(plain)
        bucket = (self._masks if masks else self._images).get(alike(stem)) if plain else None
        if bucket is None:
            return Namesakes([])
        if not bucket.table:
            bucket.fill(self._root, self._base)
        names = [*(PurePosixPath(one).name for one in spellings(written)), f"/{alike(plain)}"]
        names += ["/"] if any_suffix else []
        told = telling_folders(PurePosixPath(written))[:_DEEPEST]
        places = [
            *(("written", told[:n]) for n in range(len(told), 0, -1)),
            *(("beside", around[:n]) for n in range(min(len(around), _DEEPEST), 0, -1)),
            ("parallel", below[:_DEEPEST]),
            ("alike", inner[:_DEEPEST]),
            ("anywhere", ()),
        ]
        for rank, ((kind, folders), name) in enumerate(itertools.product(places, names)):
            files = bucket.table.get((name, kind, folders))
            if files:
                shares = kind in ("written", "beside") or (kind == "parallel" and not told)
                return Namesakes(files, shares, rank)
        return Namesakes([])
