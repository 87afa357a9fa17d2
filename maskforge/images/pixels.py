"""Pixel values of any image as a network takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from maskforge.errors import DatasetError
from maskforge.images.decoder import read_pixels
from maskforge.images.deep_color import is_deep_color, read_deep_color
from maskforge.issues import Origin

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_LARGEST = 65535


def decode(source: Path | bytes, *, upright: bool) -> Pixels:
    """Return any image as :func:`read_image` does, without a mask.

    Args:
        source: The image, or its file.
        upright: Whether to apply the EXIF orientation.

    Raises:
        DatasetError: If it cannot be read, or holds fractions or values beyond 16 bits.
    """
    origin = None if isinstance(source, bytes) else Origin(source, "")
    try:
        if is_deep_color(source):
            return read_deep_color(source, upright=upright)
        return _plain(read_pixels(source, upright=upright))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(
            f"cannot be used as an image: {reason}",
            origin=origin,
        ) from None


def _plain(image: Image) -> Pixels:
    mode = image.mode
    if mode == "F":
        raise ValueError("it holds fractions; save it with 8 or 16 bits")
    if mode.startswith("I"):
        values: NDArray[Any] = np.asarray(image)
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > _LARGEST:
            raise ValueError(f"it holds values from {low} to {high}; save it with 8 or 16 bits")
        return values.astype(np.uint16)[..., None]
    if mode in ("1", "L", "LA", "La"):
        return np.array(image.convert("L"), dtype=np.uint8)[..., None]
    return np.array(image.convert("RGB"), dtype=np.uint8)
