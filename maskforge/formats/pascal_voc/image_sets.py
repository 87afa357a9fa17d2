"""``ImageSets``: which images are for training, which for validation."""

from __future__ import annotations

import re
from pathlib import Path

from maskforge.files import read_bytes

KEY = "ImageSets"
"""Key of the sets in what an image keeps of its source."""

_MEMBER = re.compile(r"(.+?)\s+(-?[01])")
"""A line of the sets of one class: -1 of an image that does not show it."""


class ImageSets:
    """The sets below a folder, each file read once."""

    def __init__(self) -> None:
        self._by_root: dict[Path, dict[str, list[str]]] = {}

    def of(self, root: Path, name: str) -> dict[str, list[str]]:
        """Return the sets that name an image, such as ``Segmentation/train``, below ``KEY``."""
        if root not in self._by_root:
            self._by_root[root] = _read(root / KEY)
        found = self._by_root[root].get(name)
        return {KEY: found} if found else {}


def _read(folder: Path) -> dict[str, list[str]]:
    sets: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*/*.txt")):
        place = path.relative_to(folder).with_suffix("").as_posix()
        try:
            lines = read_bytes(path).decode(errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            found = _MEMBER.fullmatch(line.strip())
            name = line.strip() if found is None else found[1]
            if name and (found is None or found[2] != "-1"):
                sets.setdefault(name, []).append(place)
    return sets
