"""Colors of more than 8 bits, which Pillow would cut to 8 without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maskforge.images.stored import Stored

if TYPE_CHECKING:
    from PIL.Image import Image

_WHITE = 255


def is_deep_color(image: Image) -> bool:
    """Tell whether an image has more than 8 bits in several channels: Pillow would cut them."""
    if image.mode not in ("RGB", "RGBA", "RGBX", "LA"):
        return False
    return any(
        ";16" in str(arguments) or (codec.startswith("ppm") and arguments[-1] > _WHITE)
        for codec, _, _, arguments in getattr(image, "tile", ())
    )


def read_deep_color(data: bytes, frame: int, *, gray: bool) -> Stored:
    """Return an image for which ``is_deep_color`` holds, without its opacity.

    Args:
        data: The file.
        frame: The page, counted from 0.
        gray: Whether its color is gray.

    Raises:
        ValueError: If its pixels cannot be decoded.
    """
    import cv2

    buffer = np.frombuffer(data, dtype=np.uint8)
    decoded: NDArray[Any] | None
    if frame:
        _, pages = cv2.imdecodemulti(buffer, cv2.IMREAD_UNCHANGED, range=(frame, frame + 1))
        decoded = pages[0] if pages else None
    else:
        decoded = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16:
        raise ValueError("its 16-bit colors cannot be decoded")
    is_tiff = data[:2] in (b"II", b"MM")  # which decoding turns upright, and nothing else
    if gray or decoded.ndim == 2 or decoded.shape[-1] == 2:
        return Stored(decoded if decoded.ndim == 2 else decoded[..., 0], upright=is_tiff)
    return Stored(decoded[..., 2::-1], color=True, upright=is_tiff)  # OpenCV has blue first
