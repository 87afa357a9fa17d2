"""Values as PNG files: with a palette or in gray, 8 or 16 bits, without any loss."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.display.colors import Color

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BYTES_AT_A_TIME = 2**17  # stays in the cache, and a large mask is never held twice


def encode_png(values: NDArray[Any], palette: Mapping[int, Color] | None = None) -> bytes:
    """Return values as the content of a PNG file.

    Args:
        values: (H, W) uint8 or uint16.
        palette: Color of every value of uint8; without it, the file is gray.
    """
    height, width = values.shape
    depth = values.dtype.itemsize
    colors = palette if depth == 1 else None
    header = struct.pack(">IIBBBBB", width, height, 8 * depth, 3 if colors else 0, 0, 0, 0)
    chunks = [_PNG_SIGNATURE, _chunk(b"IHDR", header)]
    if colors:
        chunks.append(_chunk(b"PLTE", palette_bytes(colors)))
    chunks += [_chunk(b"IDAT", _compressed_lines(values)), _chunk(b"IEND", b"")]
    return b"".join(chunks)


def _compressed_lines(values: NDArray[Any]) -> bytes:
    from isal import isal_zlib

    height, width = values.shape
    line_length = 1 + width * values.dtype.itemsize
    # Every line starts with its filter type; masks compress best with 0, no filter.
    lines = np.zeros((max(1, _BYTES_AT_A_TIME // line_length), line_length), dtype=np.uint8)
    compressor = isal_zlib.compressobj(1)
    parts = []
    for top in range(0, height, len(lines)):
        pixels = np.ascontiguousarray(
            values[top : top + len(lines)], dtype=values.dtype.newbyteorder(">")
        )
        lines[: len(pixels), 1:] = pixels.view(np.uint8)
        parts.append(compressor.compress(lines[: len(pixels)]))
    return b"".join((*parts, compressor.flush()))


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def palette_bytes(palette: Mapping[int, Color]) -> bytes:
    """Return red, green and blue of the values 0 to 255; black where there is no color."""
    table = np.zeros((256, 3), dtype=np.uint8)
    for value, color in palette.items():
        if value < 256:
            table[value] = color
    return table.tobytes()
