"""Names of mask files: unique, valid everywhere, and never outside the output folder."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import get_args

from maskforge.choices import FileType
from maskforge.display.visible import replace_hidden
from maskforge.images.suffixes import is_image_name

_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³]) *(\..*)?")
_LONGEST_NAME = 120
_MASK_SUFFIXES = (".tif", *(f".{file_type}" for file_type in get_args(FileType)))


class MaskNames:
    """Gives every image a name of its own below ``masks/``, whatever the source calls it.

    A name is the folder of the annotation file below the source, and the image's name without
    its suffix. If that is taken, the suffix is kept (``a.jpg`` and ``a.tif``), and after that a
    number is added. Characters that a file system may refuse, and those that show nothing or steer
    a terminal, become ``_``, so no name can lead out of the folder or look like another one. Names
    that differ only in case count as the same.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._counts: Counter[str] = Counter()

    def reserve(self, name: str) -> bool:
        """Use a name as it is, such as that of a mask which is there already, if it is free.

        Returns:
            Whether it was.
        """
        was_free = _key(name) not in self._taken
        self._taken.add(_key(name))
        return was_free

    def assign(self, folder: str, image_name: str, pages: int = 1) -> str:
        """Return an unused relative path without suffix, with forward slashes.

        Args:
            folder: Folder of the mask.
            image_name: Name of the image.
            pages: Of a stack; then the name with ``#1``, ``#2``, ... is unused, too.
        """
        folders = [_safe_folder(part) for part in PurePosixPath(folder).parts]
        suffix = PurePosixPath(image_name).suffix
        stem = image_name[: -len(suffix)] if is_image_name(image_name) else image_name
        for last in itertools.chain((_safe(stem), _safe(image_name)), self._numbered(folder, stem)):
            name = "/".join([*folders, last])
            key = _key(name)
            keys = {key, *(f"{key}#{page}" for page in range(1, pages + 1) if pages > 1)}
            if self._taken.isdisjoint(keys):
                break
        self._taken |= keys
        return name

    def _numbered(self, folder: str, stem: str) -> Iterator[str]:
        place = f"{folder}/{stem}"
        while True:  # thousands of images may have one name: go on where the last one ended
            self._counts[place] += 1
            yield _safe(stem, f"-{self._counts[place] + 1}")


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _safe_folder(name: str) -> str:
    """Return ``name`` as a folder that cannot be in the way of a mask file."""
    name = _safe(name)
    return f"{name}_" if name.casefold().endswith(_MASK_SUFFIXES) else name


def _safe(name: str, ending: str = "") -> str:
    """Return ``name`` with ``ending`` as one path component that every file system takes."""
    name = replace_hidden(unicodedata.normalize("NFC", name), "_")
    name = _FORBIDDEN.sub("_", name).strip(". ")
    name = name[:_LONGEST_NAME].rstrip(". ")
    while len(name.encode() + ending.encode()) > _LONGEST_NAME:
        name = name[:-1].rstrip(". ")
    name = (name or "_") + ending
    return f"_{name}" if _RESERVED.fullmatch(name) else name
