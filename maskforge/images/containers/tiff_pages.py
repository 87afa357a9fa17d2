"""The pages of a TIFF file, found without reading what is in them."""

from __future__ import annotations

import struct
from typing import IO, Any

_KIND = 254  # the tag NewSubfileType
_REDUCED, _TRANSPARENCY = 1, 4
_LONG = 4
_BIG = 43  # in place of 42, for files of more than 4 GB


def find_pages(stream: IO[bytes]) -> list[int]:
    """Return the numbers, from 0, of those directories of a TIFF file that are images.

    Smaller versions of another page and transparency masks (TIFF 6.0, NewSubfileType) are none, but
    the first directory is one whatever it says.

    Raises:
        ValueError: If the chain of directories leads nowhere: the file is damaged or cut off.
    """
    stream.seek(0)
    order = "<" if stream.read(2) == b"II" else ">"
    (version,) = _read(stream, f"{order}H")
    big = version == _BIG
    stream.seek(8 if big else 4)
    count, pointer, entry = ("Q", "Q", "HHQ8s") if big else ("H", "I", "HHI4s")
    (place,) = _read(stream, order + pointer)
    pages: list[int] = []
    seen: set[int] = set()
    while place and place not in seen:
        stream.seek(place)
        (entries,) = _read(stream, order + count)
        (table,) = _read(stream, f"{entries * struct.calcsize(order + entry)}s")
        if not seen or not _kind(table, order, entry) & (_REDUCED | _TRANSPARENCY):
            pages.append(len(seen))
        seen.add(place)
        (place,) = _read(stream, order + pointer)
    return pages


def _kind(table: bytes, order: str, entry: str) -> int:
    for tag, type_, _, value in struct.iter_unpack(order + entry, table):
        if tag == _KIND:
            return int(struct.unpack_from(order + ("I" if type_ == _LONG else "H"), value)[0])
    return 0


def _read(stream: IO[bytes], form: str) -> tuple[Any, ...]:
    data = stream.read(struct.calcsize(form))
    try:
        return struct.unpack(form, data)
    except struct.error:
        raise ValueError("a page begins behind the end of the file") from None
