"""``labelmap.txt`` of CVAT and Datumaro: the names of classes with the colors of their pixels."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
