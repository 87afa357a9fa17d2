"""Tables beside masks, and ``labelmap.txt`` of CVAT and Datumaro: names and colors of classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from maskforge.errors import FormatError
from maskforge.formats.base import ReadContext
from maskforge.formats.pixels import BACKGROUND, PixelNames

LABELMAP = "labelmap.txt"
BACKGROUNDS = ("background", "_background_")
"""What the background is called in files that name it."""

_LINE = re.compile(r"(.+?):(\d{1,9},\d{1,9},\d{1,9})?:([^:]*):([^:]*)")


def parse_labelmap(lines: Sequence[str]) -> list[tuple[str, tuple[int, ...]]] | None:
    """Return names with red, green and blue, of lines such as ``caries:255,0,64::``.

    Numbers may be beyond 255, and a class may have no color.

    Returns:
        The classes in their order; None if a line is another, or there is none.

    Examples:
        >>> parse_labelmap(["# label:color_rgb:parts:actions", "caries:255,0,64::"])
        [('caries', (255, 0, 64))]
    """
    written = [line for line in lines if line.strip() and not line.startswith("#")]
    matches = [_LINE.fullmatch(line) for line in written]
    if not matches or not all(matches):
        return None
    return [
        (match[1], tuple(int(one) for one in (match[2] or "").split(",") if one))
        for match in filter(None, matches)
    ]


def names_by_color(labels: Sequence[tuple[str, tuple[int, ...]]]) -> dict[int, str]:
    """Return the names of the colors of a ``labelmap.txt``, by their 24-bit numbers."""
    return {
        int.from_bytes(bytes(numbers)): BACKGROUND if name in BACKGROUNDS else name
        for name, numbers in labels
        if len(numbers) == 3 and max(numbers) <= 255
    }


def read_table(
    folder: Path,
    meanings: Mapping[str, Callable[[object], PixelNames | None]],
    context: ReadContext,
) -> PixelNames | None:
    """Return what the first table in a folder says about pixels, and claim it; None if none does.

    Args:
        folder: The folder.
        meanings: How the content of each table is read, by the name of the file.
        context: Told of tables that cannot be decoded.
    """
    for name, meaning in meanings.items():
        path = folder / name
        if path.is_file():
            try:
                found = meaning(context.load(path).root)
            except FormatError as error:
                context.report(error.issue())
                continue
            if found is not None:
                context.claimed.add(path)
                return found
    return None
