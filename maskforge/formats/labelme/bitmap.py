"""LabelMe's `mask` shapes: a PNG in base64 text, pasted into the image."""

from __future__ import annotations

from collections.abc import Sequence

from maskforge.errors import GeometryError, shorten
from maskforge.formats.jsonio import structure
from maskforge.geometry import checked_points
from maskforge.images.decoder import read_header, read_stored
from maskforge.images.embedded import decoded_base64
from maskforge.issues import Code, Origin
from maskforge.shapes import Bitmap, Size

_MOST_PIXELS = 89_478_485  # Pillow suspects a decompression bomb beyond it, too
_BOX_TOLERANCE = 1.0  # corners that were rounded or cut one by one
_HINT = "redraw or delete this shape in the labeling tool"


def claimed_pixels(record: object) -> int:
    """Return how many pixels the PNG of a shape says that it has; 0 if it is not read at all."""
    mask = record.get("mask") if isinstance(record, dict) else None
    if not isinstance(mask, str):
        return 0
    try:
        size = read_header(decoded_base64(mask)).stored
    except (OSError, ValueError):
        return 0
    pixels = size.width * size.height
    return pixels if pixels <= _MOST_PIXELS else 0


def read_bitmap(
    mask: object,
    points: Sequence[tuple[float, float]],
    origin: Origin,
) -> Bitmap:
    """Read a `mask` shape.

    The corners of the box are pixel indices, both inclusive; they have fractions after the shape
    was moved. LabelMe (``labelme/_utils/shape.py``) pastes the PNG in its own size at the top left
    corner, rounded half to even.

    Args:
        mask: The value of the key `mask`.
        points: Two opposite corners of the box.
        origin: Place of the shape.

    Raises:
        GeometryError: If the PNG cannot be decoded, or differs from the box by more than a pixel.
    """
    corners = checked_points(points, origin.at(".points"))
    left, top = corners.min(axis=0).tolist()
    right, bottom = corners.max(axis=0).tolist()
    place = origin.at(".mask")
    text = structure(mask, str, place, Code.INVALID_BITMAP, GeometryError)
    try:
        data = decoded_base64(text)
        header = read_header(data)
    except (OSError, ValueError):
        raise _undecodable(text, place) from None
    size = header.stored
    box = Size(round(right - left + 1), round(bottom - top + 1))
    drift = max(abs(right - left + 1 - size.width), abs(bottom - top + 1 - size.height))
    if drift > _BOX_TOLERANCE:
        raise GeometryError(
            Code.INVALID_BITMAP,
            f"the bitmap has {size} px, its box in `points` {box} px",
            origin=place,
            hint=_HINT,
        )
    if size.width * size.height > _MOST_PIXELS:
        raise GeometryError(
            Code.INVALID_BITMAP,
            f"a bitmap of {size} px is larger than the {_MOST_PIXELS:,} px that are read",
            origin=place,
            hint=_HINT,
        )
    try:
        if header.format != "png":
            raise OSError(f"a bitmap is a PNG, found {header.format}")
        pixels = read_stored(data, checked=True).values
    except OSError:
        raise _undecodable(text, place) from None
    if pixels.ndim != 2:
        raise GeometryError(
            Code.INVALID_BITMAP,
            "the bitmap has colors or transparency, expected one value per pixel",
            origin=place,
            hint=_HINT,
        )
    inside = pixels > 0
    inside.flags.writeable = False
    return Bitmap(round(top), round(left), inside)


def _undecodable(text: str, origin: Origin) -> GeometryError:
    return GeometryError(
        Code.INVALID_BITMAP,
        f"expected a whole PNG as base64 text, found {shorten(text)}",
        origin=origin,
        hint=_HINT,
    )
