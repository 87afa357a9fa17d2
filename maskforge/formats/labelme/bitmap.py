"""LabelMe's `mask` shapes: a PNG in base64 text, pasted into the image."""

from __future__ import annotations

from collections.abc import Sequence

from maskforge.errors import GeometryError, shorten
from maskforge.formats.fields import bad_bitmap
from maskforge.formats.jsonio import structure
from maskforge.formats.pixels import MOST_MASK_PIXELS
from maskforge.geometry import checked_points
from maskforge.images.decoder import read_header, read_stored
from maskforge.images.embedded import decoded_base64
from maskforge.issues import Code, Origin
from maskforge.limits.allowance import Allowance
from maskforge.shapes import Bitmap, Size

_BOX_TOLERANCE = 1.0  # corners that were rounded or cut one by one


def read_bitmap(
    mask: object,
    points: Sequence[tuple[float, float]],
    origin: Origin,
    allowed: Allowance,
) -> Bitmap:
    """Read a `mask` shape.

    The corners of the box are pixel indices, both inclusive; they have fractions after the shape
    was moved. LabelMe (``labelme/_utils/shape.py``) pastes the PNG in its own size at the top left
    corner, rounded half to even.

    Args:
        mask: The value of the key `mask`.
        points: Two opposite corners of the box.
        origin: Place of the shape.
        allowed: Counts the pixels.

    Raises:
        GeometryError: If the PNG cannot be decoded, or differs from the box by more than a pixel.
        LimitError: If there are more pixels than are left.
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
        raise bad_bitmap(f"the bitmap has {size} px, its box in `points` {box} px", place)
    if size.width * size.height > MOST_MASK_PIXELS:
        raise bad_bitmap(
            f"a bitmap of {size} px is larger than the {MOST_MASK_PIXELS:,} px that are read", place
        )
    allowed.take(size.width * size.height)
    try:
        if header.format != "png":
            raise OSError(f"a bitmap is a PNG, found {header.format}")
        pixels = read_stored(data, checked=True).values
    except OSError:
        raise _undecodable(text, place) from None
    if pixels.ndim != 2:
        raise bad_bitmap(
            "the bitmap has colors or transparency, expected one value per pixel", place
        )
    inside = pixels > 0
    inside.flags.writeable = False
    return Bitmap(round(top), round(left), inside)


def _undecodable(text: str, origin: Origin) -> GeometryError:
    return bad_bitmap(f"expected a whole PNG as base64 text, found {shorten(text)}", origin)
