"""Ids and sizes as COCO files really have them."""

from __future__ import annotations

import contextlib
from typing import Any

from maskforge.errors import shorten
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.shapes import Size

_LONGEST_SIDE = 2**31
_LONGEST_ID = 100


def key_of(id_: object) -> str | None:
    """Return an id as text, because VIA writes 7 in one place and "7" in another; None if bad."""
    if isinstance(id_, float) and id_.is_integer():
        id_ = int(id_)
    if isinstance(id_, bool) or not isinstance(id_, int | str):
        return None
    with contextlib.suppress(ValueError):  # a number of thousands of digits
        text = str(id_).strip()
        return text if 0 < len(text) <= _LONGEST_ID else None
    return None


def declared_size(entry: dict[str, Any], origin: Origin, issues: list[Issue]) -> Size | None:
    """Return the size that an image's entry gives; None if it gives none that can be used."""
    sides: list[int] = []
    for key in ("width", "height"):
        value = entry.get(key)
        if value is None:
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        side = float(value) if is_number and 1 <= value <= _LONGEST_SIDE else 0.5
        if side.is_integer():
            sides.append(int(side))
        else:
            text = f"expected whole pixels, found {shorten(value)}; ignored"
            place = origin.at(f".{key}")
            issues.append(Issue(Code.INVALID_IMAGE_RECORD, text, place, override=Level.NOTE))
    return Size(*sides) if len(sides) == 2 else None
