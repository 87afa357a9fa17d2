"""The pixels of SuperAnnotate's pixel projects: ``___save.png``, in which colors are numbers.

Every connected part of an instance has a color of its own in the image, 15, 30, 45, ... as a
24-bit number, and the instance lists the colors of its parts (``superannotate-python-sdk:
src/superannotate/lib/app/common.py``). Black and transparent pixels are background.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from maskforge.formats.pixels import read_colors
from maskforge.images.regions import regions
from maskforge.limits.allowance import Allowance
from maskforge.shapes import Bitmap, Size

PARTS_SUFFIX = "___save.png"
COLOR_STEP = 15
WHITE = 0xFFFFFF


class PartMap:
    """A decoded ``___save.png``.

    Attributes:
        size: Size of the image.
    """

    def __init__(self, path: Path) -> None:
        """Read a PNG without changing any of its colors.

        Raises:
            OSError: If it cannot be decoded, or is not a mask.
        """
        self._pixels = read_colors(path)
        height, width = self._pixels.shape
        self.size = Size(width, height)
        self._pixels[self._pixels <= WHITE] = 0
        self._pixels &= WHITE
        self._parts = regions(self._pixels, lowest=1)

    def bitmap(self, colors: Collection[int], bitmap_pixels: Allowance) -> Bitmap | None:
        """Return the pixels that have one of the colors, cropped; None if there are none.

        Args:
            colors: As 24-bit numbers, red highest.
            bitmap_pixels: Counts the pixels that are looked at.

        Raises:
            LimitError: If there are more than are left.
        """
        boxes = [self._parts[key] for key in set(map(_swapped, colors)) if key in self._parts]
        if not boxes:
            return None
        top, left = min(box.top for box in boxes), min(box.left for box in boxes)
        bottom, right = max(box.bottom for box in boxes), max(box.right for box in boxes)
        looked_at = sum(box.box_pixels for box in boxes)
        bitmap_pixels.take(max(looked_at, (bottom - top) * (right - left)))
        inside = np.zeros((bottom - top, right - left), dtype=np.bool_)
        for box in boxes:
            rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
            inside[box.top - top : box.bottom - top, box.left - left : box.right - left] |= (
                self._pixels[rows, columns] == box.value
            )
        inside.flags.writeable = False
        return Bitmap(top, left, inside)

    def missing(self, colors: Sequence[int]) -> list[int]:
        """Return those of the colors that no pixel has."""
        return [color for color in colors if _swapped(color) not in self._parts]

    def unlisted(self, colors: Collection[int]) -> tuple[int, int]:
        """Return how many colors of the image are not among these, and of how many pixels."""
        listed = set(map(_swapped, colors))
        rest = [part.count for key, part in self._parts.items() if key not in listed]
        return len(rest), sum(rest)


class PartFile:
    """The ``___save.png`` of one image; it is read when it is first needed, and once."""

    def __init__(self, folders: Iterable[Path], names: Iterable[str]) -> None:
        """Remember where the file may be.

        Args:
            folders: Folders, the most likely first.
            names: File names of the image, likewise.
        """
        self._paths = [folder / f"{name}{PARTS_SUFFIX}" for name in names for folder in folders]
        self._loaded: PartMap | OSError | None = None

    @property
    def loaded(self) -> PartMap | None:
        """The pixels, if they were asked for and could be read."""
        return self._loaded if isinstance(self._loaded, PartMap) else None

    def read(self) -> PartMap:
        """Return the pixels.

        Raises:
            OSError: If there is no such file, or it cannot be decoded; the message names it.
        """
        if self._loaded is None:
            try:
                self._loaded = self._read()
            except OSError as error:
                self._loaded = error
        if isinstance(self._loaded, OSError):
            raise self._loaded
        return self._loaded

    def _read(self) -> PartMap:
        path = next((path for path in self._paths if path.is_file()), None)
        if path is None:
            names = " or ".join(dict.fromkeys(path.name for path in self._paths))
            raise OSError(f"there is no {names} beside the annotation file")
        try:
            return PartMap(path)
        except OSError as error:
            raise OSError(f"{path.name} cannot be read: {error}") from None


def _swapped(color: int) -> int:
    """Turn red-green-blue into the byte order of the pixels, and back."""
    return int.from_bytes(color.to_bytes(3, "little"), "big")
