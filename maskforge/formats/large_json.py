"""Large JSON, held as it was written and decoded part by part when a part is asked for.

Decoded, JSON takes up to six times its size. Of a large document only the bytes are kept, and where
in them each entry of its large objects and lists is; an entry is decoded whenever it is asked for.
Formats see the same dictionaries and lists as of any other file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

LARGE = 8 * 2**20
"""Bytes from which on an object or list is decoded entry by entry."""

_LEVELS = 2
"""Entries of the document and of what is in it: below that are the records of single images."""

_STEP = 2**16

_OPENING = re.compile(rb"[ \t\r\n]*([{\[])")
_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array_decoder = msgspec.json.Decoder(list[msgspec.Raw])


class LazyObject(dict[str, Any]):
    """An object whose values are decoded when they are asked for; it is only read."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - as that of JSON
        return _decoded(super().__getitem__(key))

    def __iter__(self) -> Iterator[str]:
        # Because it is here, `dict(...)`, `{**...}` and `|` ask for each value as well.
        return super().__iter__()

    def __repr__(self) -> str:
        return repr(dict(self))

    get = Mapping.get  # type: ignore[assignment]
    items = Mapping.items  # type: ignore[assignment]
    values = Mapping.values  # type: ignore[assignment]
    __eq__ = Mapping.__eq__
    __hash__ = None


class LazyArray(list[Any]):
    """A list whose values are decoded when they are asked for; it is only read."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - a number or a slice
        found = super().__getitem__(index)
        return list(map(_decoded, found)) if isinstance(index, slice) else _decoded(found)

    def __iter__(self) -> Iterator[Any]:
        return map(_decoded, super().__iter__())

    __reversed__ = Sequence.__reversed__
    __contains__ = Sequence.__contains__
    index = Sequence.index  # type: ignore[assignment]
    count = Sequence.count
    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return list(self) == other

    def __repr__(self) -> str:
        return repr(list(self))

    def __add__(self, other: list[Any]) -> list[Any]:
        return [*self, *other]


def decode(data: bytes, check: Callable[[bytes], None]) -> object:
    """Return what JSON holds, the large parts of it as ``LazyObject`` and ``LazyArray``.

    Args:
        data: The document.
        check: Called with what is about to be decoded as a whole, but for small parts of what is
            large.

    Raises:
        msgspec.MsgspecError: If anything in it is not JSON.
        UnicodeDecodeError: If it is not UTF-8.
        RecursionError: If it is nested too deeply.
    """
    if len(data) < LARGE:
        check(data)
        return msgspec.json.decode(data)
    text = memoryview(data)[len(codecs.BOM_UTF8) * data.startswith(codecs.BOM_UTF8) :]
    _check_utf8(text)
    return _opened(text, _LEVELS, check)


def undecoded(value: object) -> Iterator[bytes]:
    """Yield the parts of a value that ``whole`` would decode."""
    parts: Iterable[object] = ()
    if isinstance(value, LazyObject):
        parts = (dict.__getitem__(value, key) for key in value)
    elif isinstance(value, LazyArray):
        parts = list.__iter__(value)
    for part in parts:
        if isinstance(part, msgspec.Raw):
            yield bytes(part)
        else:
            yield from undecoded(part)


def whole(value: object) -> object:
    """Return a value with all that is in it decoded."""
    if isinstance(value, LazyObject):
        return {key: whole(one) for key, one in value.items()}
    return list(map(whole, value)) if isinstance(value, LazyArray) else value


def _opened(data: memoryview | msgspec.Raw, levels: int, check: Callable[[bytes], None]) -> object:
    """Return a large value; each part of it has been decoded once, so that later nothing fails."""
    opening = _OPENING.match(memoryview(data))
    if opening is None:
        return msgspec.json.decode(data)  # text takes no more than it does as JSON
    if not levels:
        check(bytes(data))
        msgspec.json.decode(data)
        return data
    if opening[1] == b"{":
        members = _object_decoder.decode(data)
        values = _parts(list(members.values()), levels, check)
        is_lazy = any(map(_is_lazy, values))
        return (LazyObject if is_lazy else dict)(zip(members, values, strict=True))
    values = _parts(_array_decoder.decode(data), levels, check)
    return LazyArray(values) if any(map(_is_lazy, values)) else values


def _parts(raws: list[msgspec.Raw], levels: int, check: Callable[[bytes], None]) -> list[Any]:
    """Return the large entries of a value opened, and the others as they are if they are many."""
    sizes = [len(memoryview(raw)) for raw in raws]
    are_many = sum(size for size in sizes if size < LARGE) >= LARGE
    parts: list[Any] = []
    for raw, size in zip(raws, sizes, strict=True):
        opened = _opened(raw, levels - 1, check) if size >= LARGE else msgspec.json.decode(raw)
        parts.append(raw if are_many and size < LARGE else opened)
    return parts


def _is_lazy(part: object) -> bool:
    return isinstance(part, msgspec.Raw | LazyObject | LazyArray)


def _decoded(part: object) -> object:
    return msgspec.json.decode(part) if isinstance(part, msgspec.Raw) else part


def _check_utf8(data: memoryview) -> None:
    """Make sure that the bytes are text: of a key that is repeated, only the last value is kept."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _STEP):
        decoder.decode(data[start : start + _STEP], final=start + _STEP >= len(data))
