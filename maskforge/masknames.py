"""Names of mask files: unique, valid everywhere, and never outside the output folder."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from maskforge.pictures import PICTURE_SUFFIXES

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_LONGEST_NAME = 120


class MaskNames:
    """Gives every image a name of its own below ``masks/``, whatever the source calls it.

    A name is the folder of the annotation file below the source, and the picture's name without
    its suffix. If that is taken, the suffix is kept (``a.jpg`` and ``a.tif``), and after that a
    number is added. Characters that a file system may refuse become ``_``, so no name can lead
    out of the folder. Names that differ only in case count as the same.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def assign(self, folder: str, image_name: str) -> str:
        """Return an unused relative path without suffix, with forward slashes."""
        folders = [_safe(part) for part in PurePosixPath(folder).parts]
        suffix = PurePosixPath(image_name).suffix
        stem = image_name
        if suffix.lower() in PICTURE_SUFFIXES:
            stem = image_name[: -len(suffix)]
        candidates = [stem, image_name] if stem != image_name else [stem]
        number = 1
        while True:
            for candidate in candidates:
                name = "/".join([*folders, _safe(candidate)])
                key = unicodedata.normalize("NFC", name).casefold()
                if key not in self._taken:
                    self._taken.add(key)
                    return name
            number += 1
            candidates = [f"{_safe(stem)}-{number}"]


def _safe(name: str) -> str:
    """Return ``name`` as one path component that every file system takes."""
    name = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).strip(". ")
    while len(name.encode()) > _LONGEST_NAME:
        name = name[:-1].rstrip(". ")
    if not name or _RESERVED.fullmatch(name):
        name = f"_{name}"
    return name
