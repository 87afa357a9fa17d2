"""One line about an object, however much it holds."""

from __future__ import annotations

import dataclasses
import enum
import reprlib
from collections.abc import Collection, Iterator, Mapping

_MOST_ITEMS = 8
_LONGEST_PART = 130

_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = _LONGEST_PART


class Brief:
    """Base of dataclasses and structs whose ``repr`` counts arrays and long lists.

    Fields that are empty, or have their default value, are left out.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        shown = (f"{name}={_part(value)}" for name, value in _fields(self))
        return f"{type(self).__name__}({', '.join(shown)})"


def _fields(item: object) -> Iterator[tuple[str, object]]:
    """Yield the fields that say something."""
    if dataclasses.is_dataclass(item):
        defaults = {one.name: one.default for one in dataclasses.fields(item) if one.repr}
    else:
        import msgspec

        defaults = {one.name: one.default for one in msgspec.structs.fields(item)}  # type: ignore[arg-type]  # a struct
    for name, default in defaults.items():
        value = getattr(item, name)
        if isinstance(value, (str, int, float, Collection)) and form_of_array(value) is None:
            if value == default or (isinstance(value, Collection) and not value):
                continue
        elif value is default:
            continue
        yield name, value


def form_of_array(value: object) -> str | None:
    """Return dtype and shape of an array, such as ``uint8 (512, 512)``; None if it is none."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.dtype} {value.shape}"
    return None


def _part(value: object) -> str:
    if (form := form_of_array(value)) is not None:
        return f"<{form}>"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, (str, int, float)):
        return _shortener.repr(value.value if isinstance(value, enum.Enum) else value)
    text = ""
    if not isinstance(value, Collection) or len(value) <= _MOST_ITEMS:
        if isinstance(value, (list, tuple, Mapping)) and not all(map(_is_plain, value)):
            return _count(value)
        text = repr(value)
    if text and len(text) <= _LONGEST_PART:
        return text
    return _count(value) if isinstance(value, Collection) else f"<{type(value).__name__}>"


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float)) or value is None


def _count(values: Collection[object]) -> str:
    return f"<{len(values)} {type(next(iter(values))).__name__}>"
