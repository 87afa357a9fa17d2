"""What the values of ``SegmentationClass`` are called, and the colors of Pascal VOC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from maskforge.formats.base import ReadContext
from maskforge.formats.labelmap import (
    BACKGROUNDS,
    LABELMAP,
    names_by_color,
    parse_labelmap,
    read_table,
)
from maskforge.formats.pixels import BACKGROUND, VOID, VOID_VALUE, PixelNames

_NAME_LIST = "class_names.txt"
"""Written by LabelMe's own converter to Pascal VOC: a name in every line, the first one for 0."""

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
"""The classes of the challenge; their values count from 1."""


def color_of(value: int) -> tuple[int, int, int]:
    """Return the color of a value, as the development kit of the challenge spreads its bits.

    Examples:
        >>> color_of(1), color_of(255)
        ((128, 0, 0), (224, 224, 192))
    """
    channels = [0, 0, 0]
    for shift in range(7, -1, -1):
        for channel in range(3):
            channels[channel] |= (value >> channel & 1) << shift
        value >>= 3
    red, green, blue = channels
    return red, green, blue


STANDARD = PixelNames(
    {0: BACKGROUND, **dict(enumerate(CLASSES, 1)), VOID_VALUE: VOID},
)


class NameTables:
    """The tables of a source, each read once."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._by_folder: dict[Path, PixelNames | None] = {}

    def of(self, root: Path, written: Sequence[str]) -> PixelNames:
        """Return the names of the masks in a folder of the layout.

        Args:
            root: The folder around ``SegmentationClass``.
            written: The names that an annotation writes.
        """
        if root not in self._by_folder:
            self._by_folder[root] = read_table(root, _MEANINGS, self._context)
        found = self._by_folder[root]
        if found is not None:
            return found
        given = self._context.mask_names
        known = {*CLASSES}
        if not given or not known.isdisjoint(given.foreground) or (written and known >= {*written}):
            return STANDARD
        return given


def _of_labelmap(root: object) -> PixelNames | None:
    """Return names by color; and by value in the order of the lines, if that begins with none."""
    labels = parse_labelmap(str(root).splitlines())
    if labels is None:
        return None
    names = [BACKGROUND if name in BACKGROUNDS else name for name, _ in labels]
    return PixelNames(
        dict(enumerate(names)) if names[0] == BACKGROUND else {}, names_by_color(labels)
    )


def _of_list(root: object) -> PixelNames | None:
    names = [line.strip() for line in str(root).splitlines() if line.strip()]
    if not names or names[0] not in BACKGROUNDS:
        return None
    return PixelNames({0: BACKGROUND, **dict(enumerate(names[1:], 1)), VOID_VALUE: VOID})


_MEANINGS = {LABELMAP: _of_labelmap, _NAME_LIST: _of_list}
