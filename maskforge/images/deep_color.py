"""Colors of more than 8 bits, which Pillow would cut to 8 without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from maskforge.images.decoder import open_image, read_header

Scalar = TypeVar("Scalar", bound=np.generic)

_WHITE = 255


def is_deep_color(source: Path | bytes) -> bool:
    """Tell whether an image has more than 8 bits in several channels: Pillow would cut them."""
    with open_image(source) as image:
        if image.mode not in ("RGB", "RGBA", "RGBX", "LA"):
            return False
        return any(
            ";16" in str(arguments) or (codec.startswith("ppm") and arguments[-1] > _WHITE)
            for codec, _, _, arguments in getattr(image, "tile", ())
        )


def read_deep_color(source: Path | bytes, *, upright: bool) -> NDArray[np.uint16]:
    """Return an image for which :func:`is_deep_color` holds: (H, W, 1) or (H, W, 3).

    Alpha is dropped.

    Args:
        source: The image, or its file.
        upright: Whether to apply the EXIF orientation.

    Raises:
        OSError: If it cannot be read.
        ValueError: If its pixels cannot be decoded.
    """
    import cv2

    data = source if isinstance(source, bytes) else source.read_bytes()
    decoded: NDArray[Any] | None = cv2.imdecode(
        np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED
    )
    if decoded is None or decoded.dtype != np.uint16:
        raise ValueError("its 16-bit colors cannot be decoded")
    pixels: NDArray[np.uint16] = decoded
    header = read_header(data)
    is_tiff = data[:2] in (b"II", b"MM")
    if is_tiff != upright:  # decoding turns TIFF upright by itself, and nothing else
        pixels = turn(pixels, header.orientation, back=is_tiff)
    if pixels.ndim == 2:
        return pixels[..., None]
    if pixels.shape[-1] == 2 or _is_gray_alpha(data):
        return np.ascontiguousarray(pixels[..., :1])
    return np.ascontiguousarray(pixels[..., 2::-1])  # OpenCV has blue first


def _is_gray_alpha(data: bytes) -> bool:
    with open_image(data) as image:
        return image.mode == "LA"


def turn(pixels: NDArray[Scalar], orientation: int, *, back: bool = False) -> NDArray[Scalar]:
    """Turn pixels from their EXIF orientation to the upright one, or back.

    Args:
        pixels: (H, W) or (H, W, C).
        orientation: 1 to 8.
        back: Whether upright pixels are turned to how they are stored.
    """
    if back and orientation in (6, 8):
        orientation = 14 - orientation
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::rows, ::columns]
