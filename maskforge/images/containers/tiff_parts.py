"""Parts of TIFF files, decoded without the rest."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from maskforge.images.containers.base import Window
from maskforge.images.stored import Stored

_OPAQUE = 255


def read_part(stream: IO[bytes], page: int, window: Window, step: int) -> Stored:
    """Decode the tiles or strips of a part of a page, one after the other.

    Args:
        stream: The file.
        page: Its number among all directories, from 0.
        window: The part, inside the image.
        step: Of every so many rows and columns of the part, the first is returned.

    Raises:
        ValueError: If the page holds neither gray, colors nor a palette.
        Exception: Whatever the decoder raises.
    """
    from tifffile import PHOTOMETRIC, PLANARCONFIG, TiffFile

    stream.seek(0)
    with TiffFile(stream, name="image") as file:  # the name of the stream may be a number
        found = file.pages[page].aspage()
        kind, samples = found.photometric, found.samplesperpixel
        is_joined = samples == 1 or found.planarconfig == PLANARCONFIG.CONTIG
        gray = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.PALETTE)
        colors = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
        if not is_joined or kind not in (*gray, *colors) or samples not in (1, 2, 3, 4):
            raise ValueError("such TIFF files cannot be read in parts; save it as gray or RGB")
        values = _values(found, window, step)
        palette = None
        if kind == PHOTOMETRIC.PALETTE:
            table = np.asarray(found.colormap, np.uint16).T >> 8
            palette = np.column_stack((table, np.full(len(table), _OPAQUE))).astype(np.uint8)
    if found.bitspersample == 1:
        values = values.astype(np.bool_)
    return Stored(values, palette, alpha=samples in (2, 4), color=kind in colors)


def _values(page: Any, window: Window, step: int) -> NDArray[Any]:  # noqa: ANN401 - of tifffile
    height, width = page.chunks[-3:-1] if len(page.chunks) > 2 else page.chunks
    across = -(-page.imagewidth // width)
    channels = (page.samplesperpixel,) if page.samplesperpixel > 1 else ()
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


def _chunk(page: Any, number: int) -> NDArray[Any] | None:  # noqa: ANN401 - of tifffile
    """Return a tile or strip (h, w, C), without what is beyond the edges; None if it is empty."""
    offset, length = page.dataoffsets[number], page.databytecounts[number]
    if not length:
        return None
    handle = page.parent.filehandle
    handle.seek(offset)
    found, _, shape = page.decode(handle.read(length), number, jpegtables=page.jpegtables)
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
