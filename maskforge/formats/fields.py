"""What many formats write alike in records and images: labels, groups, sizes, refusals."""

from __future__ import annotations

import re
from collections.abc import Iterable

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.shapes import Size

_REDRAW = "redraw or delete this shape in the labeling tool"
_WHOLE = re.compile(r"[0-9]{1,11}")
_LONGEST_SIDE = 2**31


def group_of(value: object, origin: Origin, none: str = "") -> str | None:
    """Return the group of a record, which is its instance; None if it has none.

    Args:
        value: A whole number or text.
        origin: Its place.
        none: What stands for no group, beside nothing.

    Raises:
        RecordError: If it is something else.
    """
    if isinstance(value, float) and value.is_integer():  # spreadsheets make 3.0 of 3
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str | None):
        text = f"expected a whole number, found {shorten(value)}"
        raise RecordError(Code.INVALID_RECORD, text, origin=origin)
    text = shorten(value) if isinstance(value, int) else (value or "").strip()
    return None if text in ("", none) else text


def as_labels(value: object, origin: Origin) -> tuple[tuple[str, ...], Issue | None]:
    """Return the label of a record, or none and why.

    Args:
        value: Text, or a number for a name that is one.
        origin: Its place.

    Raises:
        RecordError: If it is something else.
    """
    label = value
    if isinstance(label, int | float) and not isinstance(label, bool):
        # Tables write NaN for an empty cell.
        label = "" if label != label else str(label)  # noqa: PLR0124
    if not isinstance(label, str | None):
        text = f"expected text, found {shorten(value)}"
        raise RecordError(Code.INVALID_RECORD, text, origin=origin)
    if label and label.strip():
        return (label,), None
    return (), Issue(Code.NO_LABEL, f"found {shorten(value)}", origin)


def bad_bitmap(text: str, origin: Origin, hint: str = _REDRAW) -> GeometryError:
    """Return the error for pixels that cannot be read."""
    return GeometryError(Code.INVALID_BITMAP, text, origin=origin, hint=hint)


def unknown_kind(text: str, origin: Origin, known: Iterable[str]) -> RecordError:
    """Return the error for a record of a kind that the format does not know.

    Args:
        text: What is unknown.
        origin: Its place.
        known: The kinds, for the hint.
    """
    hint = f"known are {', '.join(known)}"
    return RecordError(Code.UNKNOWN_KIND, text, origin=origin, hint=hint)


def of_video(text: str, origin: Origin, hint: str, places: Iterable[Origin]) -> list[Issue]:
    """Return why a video is refused, and a finding for each of its records.

    Args:
        text: What there is, such as ``a video with 2 tracks``.
        origin: Its place.
        hint: What to do.
        places: Those of its records.
    """
    refusal = Issue(Code.VIDEO, f"{text}; only single images have masks", origin, hint)
    lost = "of a video, not of an image"
    return [refusal, *(Issue(Code.NOT_DRAWABLE, lost, place) for place in places)]


def ignored(message: str, origin: Origin) -> Issue:
    """Return a note on a damaged key of an image that can be read without it."""
    return Issue(Code.INVALID_IMAGE_RECORD, f"{message}; ignored", origin, override=Level.NOTE)


def declared_size(
    given: object,
    origin: Origin,
    issues: list[Issue],
    keys: tuple[str, str] = ("width", "height"),
    *,
    is_text: bool = False,
) -> Size | None:
    """Return the size that a file gives of an image; what is none is noted, and counts as none.

    Args:
        given: A mapping with the two sides, or nothing.
        origin: Its place.
        issues: Receives the note.
        keys: What the sides are called.
        is_text: Whether all values of the format are text.
    """
    written = [given.get(key) for key in keys] if isinstance(given, dict) else [given or None]
    if written.count(None) == len(written):
        return None
    size = as_size(*written, is_text=is_text) if len(written) == 2 else None
    if size is None:
        names = " and ".join(f"`{key}`" for key in keys)
        text = f"expected whole pixels as {names}, found {shorten(written)}"
        issues.append(ignored(text, origin))
    return size


def as_size(width: object, height: object, *, is_text: bool = False) -> Size | None:
    """Return a size in whole pixels; None if it is none."""
    sides = (_side(width, is_text=is_text), _side(height, is_text=is_text))
    return Size(*sides) if all(sides) else None


def _side(value: object, *, is_text: bool) -> int:
    if is_text and isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 1 <= value <= _LONGEST_SIDE and value == int(value) else 0
