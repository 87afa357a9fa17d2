"""``ImageSets``: which images are for training, which for validation."""

from __future__ import annotations

from pathlib import Path

from maskforge.files import read_bytes

KEY = "ImageSets"
"""Key of the sets in what an image keeps of its source."""

_SHOWN, _NOT_SHOWN = ("0", "1", "-0"), "-1"
"""What stands behind the name of an image in the sets of one class."""


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
            whole = line.strip()
            name, *mark = whole.rsplit(maxsplit=1) or [""]
            if mark and mark[0] not in (*_SHOWN, _NOT_SHOWN):
                name = whole
            if name and mark != [_NOT_SHOWN]:
                sets.setdefault(name, []).append(place)
    return sets
