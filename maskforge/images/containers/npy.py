"""NPY files: one array, which is one image or mask."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import IO

import numpy as np

from maskforge.images.containers.base import Container, ImageHeader, Window
from maskforge.images.stored import Stored
from maskforge.shapes import Size


class _NpyFile:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        version = np.lib.format.read_magic(stream)
        first = version == (1, 0)
        read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        self._shape, _, self._dtype = read(stream)

    def count(self) -> int:
        return 1

    def header(self, page: int) -> ImageHeader:
        if len(self._shape) not in (2, 3):
            raise ValueError(
                f"holds an array of the shape {self._shape}, expected (H, W) or (H, W, classes)"
            )
        height, width, *channels = self._shape
        return ImageHeader(
            Size(width, height),
            channels=3 if channels == [3] else 1,
            bits=8 * self._dtype.itemsize,
            format="npy",
        )

    def read(self, page: int, *, checked: bool, step: int) -> Stored:
        self._stream.seek(0)
        return Stored(np.lib.format.read_array(self._stream, allow_pickle=False))

    def read_part(self, page: int, window: Window, step: int) -> Stored | None:
        return None


@contextlib.contextmanager
def _open(stream: IO[bytes]) -> Iterator[_NpyFile]:
    yield _NpyFile(stream)


CONTAINER = Container(recognizes=lambda start: start.startswith(b"\x93NUMPY"), open=_open)
