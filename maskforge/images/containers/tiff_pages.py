"""The pages of a TIFF file, found without reading what is in them."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

_KIND = 254  # the tag NewSubfileType
_REDUCED, _TRANSPARENCY = 1, 4
_TEXT, _SHORT, _LONG = 2, 3, 4
_BIG = 43  # in place of 42, for files of more than 4 GB
_LONGEST_TEXT = 2**20


def find_pages(stream: IO[bytes]) -> list[int]:
    """Return the numbers, from 0, of those directories of a TIFF file that are images.

    Smaller versions of another page and transparency masks (TIFF 6.0, NewSubfileType) are none, but
    the first directory is one whatever it says.

    Raises:
        ValueError: If the chain of directories leads nowhere: the file is damaged or cut off.
    """
    return [
        number
        for number, one in enumerate(_directories(stream))
        if not number or not one.number(_KIND) & (_REDUCED | _TRANSPARENCY)
    ]


class Directory(NamedTuple):
    """The tags of a page.

    Attributes:
        stream: The file.
        order: Of its bytes: ``<`` or ``>``.
        entry: What an entry of the table is made of.
        table: The entries.
    """

    stream: IO[bytes]
    order: str
    entry: str
    table: bytes

    def has(self, tag: int) -> bool:
        """Tell whether there is a tag."""
        return self._find(tag) is not None

    def number(self, tag: int) -> int:
        """Return a single number; 0 without the tag."""
        found = self._find(tag)
        if found is None:
            return 0
        type_, _, value = found
        return int(struct.unpack_from(self.order + ("I" if type_ == _LONG else "H"), value)[0])

    def text(self, tag: int) -> str:
        """Return a text; empty without the tag, or if it is very long."""
        type_, count, value = self._find(tag) or (0, 0, b"")
        if type_ != _TEXT or count > _LONGEST_TEXT:
            return ""
        if count > len(value):
            pointer = self.order + ("Q" if len(value) == 8 else "I")
            self.stream.seek(struct.unpack(pointer, value)[0])
            value = self.stream.read(count)
        return value[:count].rstrip(b"\0").decode("latin-1")

    def _find(self, tag: int) -> tuple[int, int, bytes] | None:
        for one, *rest in struct.iter_unpack(self.order + self.entry, self.table):
            if one == tag:
                type_, count, value = rest
                return type_, count, value
        return None


def first_directory(stream: IO[bytes]) -> Directory:
    """Return the tags of the first page.

    Raises:
        ValueError: If there is none: the file is damaged or cut off.
    """
    for one in _directories(stream):
        return one
    raise ValueError("it has no page")


def is_beyond_offsets(stream: IO[bytes]) -> bool:
    """Tell whether the first page lies further in a file than offsets reach, as NDPI has it."""
    stream.seek(2)
    if _BIG in stream.read(2):
        return False
    (place,) = _read(stream, "<Q")
    return 2**32 <= int(place) < stream.seek(0, os.SEEK_END)


def _directories(stream: IO[bytes]) -> Iterator[Directory]:
    stream.seek(0)
    order = "<" if stream.read(2) == b"II" else ">"
    (version,) = _read(stream, f"{order}H")
    big = version == _BIG
    stream.seek(8 if big else 4)
    count, pointer, entry = ("Q", "Q", "HHQ8s") if big else ("H", "I", "HHI4s")
    (place,) = _read(stream, order + pointer)
    seen: set[int] = set()
    while place and place not in seen:
        seen.add(place)
        stream.seek(place)
        (entries,) = _read(stream, order + count)
        (table,) = _read(stream, f"{entries * struct.calcsize(order + entry)}s")
        (following,) = _read(stream, order + pointer)
        yield Directory(stream, order, entry, table)
        place = following


def _read(stream: IO[bytes], form: str) -> tuple[Any, ...]:
    data = stream.read(struct.calcsize(form))
    try:
        return struct.unpack(form, data)
    except struct.error:
        raise ValueError("a page begins behind the end of the file") from None
