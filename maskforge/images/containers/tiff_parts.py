"""Parts of TIFF files, decoded without the rest."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import require
from maskforge.images.containers.base import Window
from maskforge.images.stored import Stored
from maskforge.shapes import MOST_PIXELS, Size

_OPAQUE = 255
_JPEG = (6, 7)
_JPEG_2000_OF_APERIO = 33003  # holds YCbCr, whatever else is said


def read_part(stream: IO[bytes], page: int, window: Window, step: int) -> Stored:
    """Decode the tiles or strips of a part of a page, one after the other.

    Args:
        stream: The file.
        page: Its number among all directories, from 0.
        window: The part, inside the image.
        step: Of every so many rows and columns of the part, the first is returned.

    Raises:
        MissingDependencyError: If a package that decodes the tiles is not installed.
        ValueError: If the page holds neither gray, colors nor a palette.
        Exception: Whatever the decoder raises.
    """
    from tifffile import TiffFile

    stream.seek(0)
    with TiffFile(stream, name="image") as file:  # the name of the stream may be a number
        return part_of(file.pages[page].aspage(), window, step)


def part_of(page: Any, window: Window, step: int) -> Stored:  # noqa: ANN401 - of tifffile
    """Decode a part of a page; see ``read_part``."""
    from tifffile import PHOTOMETRIC, PLANARCONFIG

    kind, samples = page.photometric, page.samplesperpixel
    is_joined = samples == 1 or page.planarconfig == PLANARCONFIG.CONTIG
    gray = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.PALETTE)
    colors = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
    is_known = kind in (*gray, *colors) and samples in (1, 2, 3, 4)
    if not is_joined or not is_known:
        raise ValueError("such TIFF files cannot be read in parts; save it as gray or RGB")
    is_ycbcr = kind == PHOTOMETRIC.YCBCR or page.compression == _JPEG_2000_OF_APERIO
    if is_ycbcr and page.compression not in _JPEG:  # whose decoder turns it into colors
        raise ValueError("its colors are YCbCr, which is read in JPEG tiles only; save it as RGB")
    values = _rows(page, window, step) if page.is_contiguous else _values(page, window, step)
    palette = None
    if kind == PHOTOMETRIC.PALETTE:
        table = np.asarray(page.colormap, np.uint16).T >> 8
        palette = np.column_stack((table, np.full(len(table), _OPAQUE))).astype(np.uint8)
    if page.bitspersample == 1:
        values = values.astype(np.bool_)
    return Stored(values, palette, alpha=samples in (2, 4), color=kind in colors)


def _channels(page: Any) -> tuple[int, ...]:  # noqa: ANN401 - of tifffile
    return (page.samplesperpixel,) if page.samplesperpixel > 1 else ()


def _rows(page: Any, window: Window, step: int) -> NDArray[Any]:  # noqa: ANN401 - of tifffile
    """Return a part of a page whose values lie in the file as in an array, however large."""
    dtype = page.dtype.newbyteorder(page.parent.byteorder)
    row = page.imagewidth * page.samplesperpixel * dtype.itemsize
    handle = page.parent.filehandle
    found = []
    for top in range(window.top, window.top + window.height, step):
        handle.seek(page.dataoffsets[0] + top * row)
        values = np.frombuffer(handle.read(row), dtype).reshape(-1, *_channels(page))
        found.append(values[window.left : window.left + window.width : step])
    return np.stack(found).astype(page.dtype, copy=False)


def _values(page: Any, window: Window, step: int) -> NDArray[Any]:  # noqa: ANN401 - of tifffile
    height, width = page.chunks[-3:-1] if len(page.chunks) > 2 else page.chunks
    _check_tiles(page, Size(width, height))
    across = -(-page.imagewidth // width)
    channels = _channels(page)
    rows, columns = -(-window.height // step), -(-window.width // step)
    values = np.zeros((rows, columns, *channels), dtype=page.dtype)
    right, bottom = window.left + window.width, window.top + window.height
    for row in range(window.top // height, -(-bottom // height)):
        for column in range(window.left // width, -(-right // width)):
            chunk = _chunk(page, row * across + column)
            if chunk is None:
                continue
            top, left = row * height, column * width
            inner_rows, outer_rows = _overlap(top, chunk.shape[0], window.top, bottom, step)
            inner, outer = _overlap(left, chunk.shape[1], window.left, right, step)
            values[outer_rows, outer] = chunk[inner_rows, inner].reshape(
                outer_rows.stop - outer_rows.start, outer.stop - outer.start, *channels
            )
    return values


def _check_tiles(page: Any, size: Size) -> None:  # noqa: ANN401 - of tifffile
    """Make sure that the tiles or strips of a page can be decoded, one at a time.

    Raises:
        MissingDependencyError: If a package is not installed.
        ValueError: If they are too large.
    """
    from tifffile import TIFF

    if size.width * size.height > MOST_PIXELS:
        raise ValueError(f"it is stored in pieces of {size} px; save it in tiles")
    if page.compression not in TIFF.DECOMPRESSORS or page.predictor not in TIFF.UNPREDICTORS:
        name = getattr(page.compression, "name", page.compression)
        require("imagecodecs", "maskforge[slides]", f"TIFF files with the compression {name}")


def _chunk(page: Any, number: int) -> NDArray[Any] | None:  # noqa: ANN401 - of tifffile
    """Return a tile or strip (h, w, C), without what is beyond the edges; None if it is empty."""
    offset, length = page.dataoffsets[number], page.databytecounts[number]
    if not length:
        return None
    handle = page.parent.filehandle
    handle.seek(offset)
    data = handle.read(length)  # now: the decoder may look into the file when it is made
    found, _, shape = page.decode(
        data, number, jpegtables=page.jpegtables, jpegheader=page.jpegheader
    )
    if found is None:
        return None
    chunk: NDArray[Any] = found[0, : shape[1], : shape[2]]
    return chunk


def _overlap(start: int, length: int, first: int, stop: int, step: int) -> tuple[slice, slice]:
    """Return which part of a chunk is seen, and where: of an axis, at every ``step``."""
    begin = max(start, first)
    begin += (first - begin) % step
    end = max(begin, min(start + length, stop))
    place = (begin - first) // step
    return slice(begin - start, end - start, step), slice(place, place + -(-(end - begin) // step))
