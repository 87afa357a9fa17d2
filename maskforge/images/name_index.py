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
from maskforge.images.suffixes import is_image_name, without_image_suffix

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


def _telling(folder: str) -> str:
    words = filter(None, _BETWEEN_WORDS.split(alike(folder)))
    return " ".join(word for word in words if not _COMMON_WORD.fullmatch(word))


@dataclass(frozen=True, slots=True)
class Namesakes:
    """Files that fit a question equally well.

    Attributes:
        files: The files.
        shares_folder: Whether a telling folder around them is one that was asked for.
    """

    files: list[Path]
    shares_folder: bool


@dataclass(slots=True)
class _Bucket:
    """Files of one name, whatever their suffix, by names and folders."""

    files: list[Path] = field(default_factory=list)
    table: dict[tuple[str, str, Folders], list[Path]] = field(default_factory=dict)

    def fill(self, root: Path) -> None:
        for file in self.files:
            around = telling_folders(file)[:_DEEPEST]
            below = telling_folders(file.relative_to(root))[:_DEEPEST]
            places = {("written", around[:n]) for n in range(1, len(around) + 1)}
            places |= {("beside", below[:n]) for n in range(1, len(below) + 1)}
            places |= {("parallel", below), ("anywhere", ())}
            for kind, folders in places:
                for name in (file.name, f"/{alike(file.name)}", "/"):
                    self.table.setdefault((name, kind, folders), []).append(file)


class NameIndex:
    """The images below a folder, or in it alone."""

    def __init__(self, root: Path, *, deep: bool = True) -> None:
        self._root = root
        self._images: dict[str, _Bucket] = {}
        self._masks: dict[str, _Bucket] = {}
        for folder, names in itertools.islice(walk(root), None if deep else 1):
            for name in names:
                if is_image_name(name) and is_text(name):
                    file = folder / name
                    buckets = self._masks if deep and is_mask_place(file) else self._images
                    key = alike(without_image_suffix(name))
                    buckets.setdefault(key, _Bucket()).files.append(file)

    def find(
        self,
        written: str,
        around: Folders,
        below: Folders,
        *,
        any_suffix: bool = False,
        masks: bool = False,
    ) -> Namesakes:
        """Return the files that fit a written path or name best.

        Most weighs the longest tail of folders shared with the written path, then that shared with
        the annotation; then equal folders, as those of parallel trees. Among these, the name as it
        is written comes before other spellings of it.

        Args:
            written: The path or name, with forward slashes.
            around: Telling folders of the annotation.
            below: Those of them that are below its source.
            any_suffix: Whether images of any suffix fit.
            masks: Whether to look among the files that lie where masks lie; else among all others.
        """
        plain = PurePosixPath(written).name
        stem = without_image_suffix(plain)
        bucket = (self._masks if masks else self._images).get(alike(stem)) if plain else None
        if bucket is None:
            return Namesakes([], shares_folder=False)
        if not bucket.table:
            bucket.fill(self._root)
        names = [*(PurePosixPath(one).name for one in spellings(written)), f"/{alike(plain)}"]
        names += ["/"] if any_suffix else []
        told = telling_folders(PurePosixPath(written))[:_DEEPEST]
        places = [
            *(("written", told[:n]) for n in range(len(told), 0, -1)),
            *(("beside", around[:n]) for n in range(min(len(around), _DEEPEST), 0, -1)),
            ("parallel", below[:_DEEPEST]),
            ("anywhere", ()),
        ]
        for kind, folders in places:
            for name in names:
                files = bucket.table.get((name, kind, folders))
                if files:
                    shares = kind in ("written", "beside") or (kind == "parallel" and not told)
                    return Namesakes(files, shares)
        return Namesakes([], shares_folder=False)
