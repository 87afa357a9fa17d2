"""Supervisely's bitmaps: a PNG, packed with zlib, in base64 text, with its place in the image."""

from __future__ import annotations

import base64
import io
import math
import zlib

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import GeometryError, LimitError, shorten
from maskforge.formats.jsonio import structure
from maskforge.geometry import checked_points
from maskforge.images.decoder import read_header, read_stored
from maskforge.images.stored import Stored
from maskforge.issues import Box, Code, Origin
from maskforge.limits.allowance import Allowance
from maskforge.shapes import Bitmap, Size

_HEADER = 1 << 16  # bytes in which the size of every PNG is found
_PIXEL_BYTES = 8  # four channels of 16 bits; packed pixels are hardly ever more


def read_bitmap(value: object, origin: Origin, pixels: Allowance) -> Bitmap:
    """Read the value of the key `bitmap`.

    As in the tool's own package, the opacity decides if there is one, else every value above zero
    is inside.

    Args:
        value: Keys `data` and `origin`, the column and row of the upper left pixel.
        origin: Its place.
        pixels: Counts the pixels that are made.

    Raises:
        GeometryError: If it cannot be decoded, has no place, or not a single pixel.
        LimitError: If there are more pixels than are left.
    """
    fields = structure(value, dict[str, object], origin, Code.INVALID_BITMAP, GeometryError)
    place = origin.at(".origin")
    corner = structure(
        fields.get("origin"), tuple[float, float], place, Code.INVALID_BITMAP, GeometryError
    )
    ((column, row),) = checked_points([corner], place).tolist()
    data = fields.get("data")
    try:
        size = _size(data)
        pixels.take(size.width * size.height)
        png = _unpacked(data, size.width * size.height * _PIXEL_BYTES + _HEADER)
        inside = _inside(read_stored(png, checked=True))
    except LimitError:
        raise
    except (OSError, ValueError):
        raise GeometryError(
            Code.INVALID_BITMAP,
            f"expected a PNG, packed with zlib, as base64 text, found {shorten(data)}",
            origin=origin.at(".data"),
            hint="redraw or delete this object in the labeling tool",
        ) from None
    if not inside.any():
        raise GeometryError(Code.NOT_DRAWABLE, "the bitmap has no pixels", origin=origin)
    inside.flags.writeable = False
    return Bitmap(math.floor(row), math.floor(column), inside)


def box_of(value: object) -> Box | None:
    """Return the box of a bitmap that cannot be read; None if it does not tell."""
    match value:
        case {"data": str(data), "origin": [int() | float() as x, int() | float() as y]}:
            try:
                size = _size(data)
            except (OSError, ValueError):
                return None
            return (x, y, x + size.width, y + size.height)
    return None


def packed(pixels: NDArray[np.bool_]) -> str:
    """Return pixels as the text of the key `data`, with a palette as the tool's package does."""
    from PIL import Image

    image = Image.fromarray(pixels.astype(np.uint8))
    image.putpalette([0, 0, 0, 255, 255, 255])
    stream = io.BytesIO()
    image.save(stream, format="PNG", transparency=0)
    return base64.b64encode(zlib.compress(stream.getvalue())).decode()


def _size(data: object) -> Size:
    """Return the size that a PNG says it has.

    Raises:
        OSError: If it is another file.
        ValueError: If it is not base64 text.
    """
    header = read_header(_unpacked(data, _HEADER))
    if header.format != "png":
        raise OSError(f"a bitmap is a PNG, found {header.format}")
    return header.stored


def _inside(stored: Stored) -> NDArray[np.bool_]:
    values = stored.values
    if stored.palette is not None:
        opacity = stored.palette[:, 3]
        shown = opacity if opacity.min() < 255 else stored.palette[:, :3].max(axis=1)
        return np.asarray(shown[values] > 0, np.bool_)
    if stored.alpha:
        return np.asarray(values[..., -1] > 0, np.bool_)
    return np.asarray(values.reshape(*values.shape[:2], -1).any(axis=2), np.bool_)


def _unpacked(data: object, most: int) -> bytes:
    """Return the beginning of what is packed; old files hold bare PNGs, which are not.

    Raises:
        ValueError: If it is not base64 text.
    """
    content = base64.b64decode(data if isinstance(data, str) else "?")
    try:
        return zlib.decompressobj().decompress(content, most)
    except zlib.error:
        return content
