"""The size that a coded image inside another file tells itself: JPEG, JPEG-LS and JPEG 2000."""

from __future__ import annotations

import struct

from maskforge.shapes import Size

_JPEG2000 = b"\xff\x4f\xff\x51"
_JPEG = b"\xff\xd8"
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG, and of JPEG-LS, behind which the size stands."""


def coded_size(data: bytes) -> Size | None:
    """Return the size of a coded image; None if it is of another kind.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        if data.startswith(_JPEG):
            return _size_of_jpeg(data)
        place = data.find(_JPEG2000, 0, 2**12)
        if place < 0:
            return None
        right, bottom, left, top = struct.unpack_from(">4I", data, place + 8)
        return Size(right - left, bottom - top)
    except (struct.error, IndexError):
        raise ValueError("its coded pixels are cut off or damaged") from None


def _size_of_jpeg(data: bytes) -> Size:
    place = len(_JPEG)
    while True:
        while data[place] == 0xFF:
            place += 1
        marker = data[place]
        (length,) = struct.unpack_from(">H", data, place + 1)
        if marker in _FRAMES:
            height, width = struct.unpack_from(">2H", data, place + 4)
            return Size(width, height)
        place += 1 + length
