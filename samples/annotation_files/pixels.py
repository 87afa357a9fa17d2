"""What is drawn on an image as pixels, and palette PNG files of them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from bitewings.curves import Points
from numpy.typing import NDArray

from annotation_files.marks import Sheet

_PIXEL = 2**60
"""So that every coordinate above 0.01 px is a whole number."""

_HALF = _PIXEL // 2


def painted(sheet: Sheet, labels: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return what people see on top: the class at every pixel, and the mark, both from 1.

    Args:
        sheet: What was drawn: polygons without holes, not more than 254.
        labels: The classes.
    """
    classes = np.zeros((sheet.height, sheet.width), np.uint8)
    objects = np.zeros_like(classes)
    for number, mark in enumerate(sheet.marks, 1):
        inside = _inside(mark.points, sheet.width, sheet.height)
        classes[inside] = labels.index(mark.labels[0]) + 1
        objects[inside] = number
    return classes, objects


def _inside(ring: Points, width: int, height: int) -> NDArray[np.bool_]:
    """Return the pixels whose centers are inside a ring, (height, width), without any rounding."""
    whole = [(round(x * _PIXEL), round(y * _PIXEL)) for x, y in ring.tolist()]
    toggled = np.zeros((height, width + 1), bool)
    for ends in zip(whole, whole[1:] + whole[:1], strict=True):
        (x0, y0), (x1, y1) = sorted(ends, key=lambda one: one[1])
        for row in range(max(0, -((_HALF - y0) // _PIXEL)), height):
            y = _PIXEL * row + _HALF
            if not y0 <= y < y1:
                break
            # The first column with a center at or right of the edge.
            across = x0 * (y1 - y0) + (y - y0) * (x1 - x0)
            column = -((_HALF * (y1 - y0) - across) // (_PIXEL * (y1 - y0)))
            toggled[row, min(max(column, 0), width)] ^= True
    return np.logical_xor.accumulate(toggled[:, :width], axis=1)


def write_palette_png(path: Path, values: NDArray[np.uint8], colors: Mapping[int, str]) -> None:
    """Write values (H, W) as a PNG with a palette of ``#rrggbb``, the same bytes everywhere."""
    palette = b"".join(bytes.fromhex(colors.get(one, "#000000")[1:]) for one in range(256))
    lines = np.pad(values, ((0, 0), (1, 0)))  # every line begins with its filter: none
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 8, 3, 0, 0, 0)
    chunks = (b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(lines.tobytes(), 9))
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in (*chunks, (b"IEND", b"")):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        content += struct.pack(">I", len(data)) + kind + data + checksum
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
