"""Values that are too large for an array, written as TIFF in tiles while they are made.

A file has what other programs expect of whole-slide images: tiles, deflate, and if asked for a
pyramid of smaller versions in sub-IFDs. Each level of it has every second row and column of the one
before, from the first on, so no value is invented, and ``level n`` is ``values[::2**n, ::2**n]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from maskforge.display.colors import Color
from maskforge.images.index_png import palette_bytes
from maskforge.shapes import Size

TILE = 512
_SMALLEST_LEVEL = 1024  # no level beyond the first that fits into it
_CLASSIC_BYTES = 2**32 - 2**25


class Banded(Protocol):
    """Values that come as bands of rows."""

    @property
    def size(self) -> Size:
        """Width and height."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""

    def bands(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield so many rows at a time from top to bottom, (rows, W); the last band may be less."""


def write_tiled(
    stream: IO[bytes],
    values: Banded,
    palette: Mapping[int, Color] | None = None,
    *,
    pyramid: bool = False,
) -> None:
    """Write values as a tiled TIFF file; as BigTIFF if they could take more than 4 GB.

    Held at one time are a band of rows and, of the pyramid, the compressed tiles.

    Args:
        stream: The file, empty, which can be searched and read.
        values: uint8, uint16 or uint32.
        palette: Color of every value of uint8; without it, the file is gray.
        pyramid: Whether to add smaller versions.

    Raises:
        OSError: If it cannot be written.
    """
    from tifffile import TiffWriter

    levels = [_Level(size, values.dtype) for size in _sizes(values.size, pyramid=pyramid)]
    stored = sum(one.size.width * one.size.height for one in levels) * values.dtype.itemsize
    form: dict[str, Any] = {
        "dtype": values.dtype,
        "tile": (TILE, TILE),
        "compression": "zlib",
        "photometric": "minisblack",
        "metadata": None,
        "software": False,
    }
    if palette and values.dtype == np.uint8:
        table = np.frombuffer(palette_bytes(palette), np.uint8).reshape(256, 3).T
        form |= {"photometric": "palette", "colormap": table.astype(np.uint16) * 257}
    with TiffWriter(stream, bigtiff=stored > _CLASSIC_BYTES, byteorder="<") as file:
        first, *smaller = levels
        tiles = _first_tiles(values, first, smaller)
        file.write(tiles, shape=_shape(first.size), subifds=len(smaller) or None, **form)
        for level in smaller:
            level.finish()
            file.write(iter(level.tiles), shape=_shape(level.size), subfiletype=1, **form)


def _sizes(size: Size, *, pyramid: bool) -> Iterator[Size]:
    yield size
    while pyramid and max(size) > _SMALLEST_LEVEL:
        size = Size(-(-size.width // 2), -(-size.height // 2))
        yield size


def _shape(size: Size) -> tuple[int, int]:
    return size.height, size.width


def _first_tiles(values: Banded, first: _Level, smaller: list[_Level]) -> Iterator[bytes]:
    """Yield the tiles of the largest level, and give the others their rows meanwhile."""
    for band in values.bands(TILE):
        rows = band
        for level in smaller:
            rows = level.add(rows)
        yield from first.compressed(band)


class _Level:
    """One level of a pyramid.

    Attributes:
        size: Its size.
        tiles: The compressed tiles so far.
    """

    def __init__(self, size: Size, dtype: DTypeLike) -> None:
        self.size = size
        self.tiles: list[bytes] = []
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._rows: list[NDArray[Any]] = []
        self._above = 0

    def add(self, above: NDArray[Any]) -> NDArray[Any]:
        """Add the next rows of the level above, and return those that are rows of this one."""
        rows = above[self._above % 2 :: 2, ::2].copy()
        self._above += len(above)
        self._rows.append(rows)
        if sum(map(len, self._rows)) == TILE:  # never more: of a band, they are half a tile or less
            self.finish()
        return rows

    def finish(self) -> None:
        """Compress the rows that are there."""
        if rows := [one for one in self._rows if len(one)]:
            self.tiles += self.compressed(np.concatenate(rows))
        self._rows = []

    def compressed(self, band: NDArray[Any]) -> Iterator[bytes]:
        """Yield the tiles of a row of them; what is beyond the edges is 0."""
        from isal import isal_zlib

        height, width = band.shape
        tile = np.zeros((TILE, TILE), dtype=self._dtype)
        for left in range(0, width, TILE):
            part = band[:, left : left + TILE]
            if part.shape != tile.shape:
                tile[:] = 0
            tile[:height, : part.shape[1]] = part
            yield isal_zlib.compress(tile, 1)
