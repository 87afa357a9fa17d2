"""Bringing images and masks to another size, so that they stay registered.

A pixel is a square of side 1 whose center is at (column + 0.5, row + 0.5). Resizing stretches the
plane from the outer edges of the image, for images and masks alike, so that a point at the
share s of the width stays there.
"""

from __future__ import annotations

import re
from typing import Any, Literal, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from maskforge.errors import OptionError
from maskforge.masks.classes import VOID
from maskforge.shapes import MOST_PIXELS, Size

Border: TypeAlias = Literal["reflect", "void"]

_Scalar = TypeVar("_Scalar", bound=np.generic)

# More channels than OpenCV resizes by averaging areas.
_MOST_CHANNELS = 4


def parse_size(text: str) -> Size:
    """Read ``WIDTHxHEIGHT``, such as ``640x480``.

    Raises:
        OptionError: If the text is not a size, or one that no image has.
    """
    match = re.fullmatch(r"\s*(\d{1,9})\s*[xX×]\s*(\d{1,9})\s*", text)
    if match is None:
        raise OptionError(
            f"{text!r} is not a size", hint="give width and height in pixels, such as 640x480"
        )
    size = Size(int(match[1]), int(match[2]))
    if not 0 < size.width * size.height <= MOST_PIXELS:
        raise OptionError(
            f"{text!r} is not a size of an image",
            hint=f"width and height must be at least 1, and all pixels at most {MOST_PIXELS}",
        )
    return size


def size_of(array: NDArray[Any]) -> Size:
    """Return the size of an image or mask (H, W) or (H, W, C)."""
    return Size(array.shape[1], array.shape[0])


def resize_image(image: NDArray[Any], size: Size) -> NDArray[Any]:
    """Resize an image: mean over areas where it becomes smaller, else linear interpolation.

    Args:
        image: (H, W) or (H, W, C), uint8, uint16 or float32.
        size: The new size.

    Returns:
        An image of the same dtype and number of axes; ``image`` itself if it has that size.
    """
    if size_of(image) == size:
        return image
    smaller = size.width <= image.shape[1] and size.height <= image.shape[0]
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    if not smaller and (size.width < image.shape[1] or size.height < image.shape[0]):
        # Linear interpolation would leave out pixels of the side that becomes smaller.
        size_between = Size(min(size.width, image.shape[1]), min(size.height, image.shape[0]))
        image = resize_image(image, size_between)
    channels = image.shape[2] if image.ndim == 3 else 1
    if channels <= _MOST_CHANNELS:
        return cv2.resize(image, size, interpolation=way).reshape(_shape(image, size))
    resized = np.empty(_shape(image, size), dtype=image.dtype)
    for channel in range(channels):
        resized[..., channel] = cv2.resize(image[..., channel], size, interpolation=way)
    return resized


def resize_mask(mask: NDArray[_Scalar], size: Size) -> NDArray[_Scalar]:
    """Resize a mask to the value of the nearest pixel, center to center.

    ``cv2.INTER_NEAREST`` compares outer corners instead and shifts a mask against its image.

    Args:
        mask: (H, W), or (H, W, C) such as multi-hot masks; uint8 or uint16.
        size: The new size.

    Returns:
        A mask of the same dtype and number of axes; ``mask`` itself if it has that size.
    """
    if size_of(mask) == size:
        return mask
    rows = _nearest(mask.shape[0], size.height)
    columns = _nearest(mask.shape[1], size.width)
    return mask[rows[:, None], columns[None, :]]


def _nearest(before: int, after: int) -> NDArray[np.intp]:
    """Return the index of the old pixel that holds the center of every new pixel.

    The center is ((2 k + 1) before) / (2 after). Where it falls on the edge of two pixels, as in
    every place when a mask is halved, the one before and the one after are taken in turn: always
    the same one would shift the mask by half a pixel.
    """
    new = np.arange(after)
    centers = (2 * new + 1) * before
    on_edge = centers % (2 * after) == 0
    nearest: NDArray[np.intp] = (centers // (2 * after) - (on_edge & (new % 2 == 0))).astype(
        np.intp
    )
    return nearest


def padded_size(size: Size, stride: int) -> Size:
    """Return the smallest size that holds ``size`` and is a multiple of ``stride``."""
    return Size(-(-size.width // stride) * stride, -(-size.height // stride) * stride)


def pad_to(array: NDArray[_Scalar], size: Size, border: Border) -> NDArray[_Scalar]:
    """Add pixels to the right and below, so that no coordinate changes.

    Args:
        array: (H, W) or (H, W, C), any dtype.
        size: The new size, not smaller than the old one in any direction.
        border: What is added. ``reflect`` mirrors the image at its edge, without repeating the
            last pixel; beyond that the last pixel is repeated. ``void`` is 255, for masks.

    Raises:
        ValueError: If the array is larger than ``size``.
    """
    height, width = array.shape[:2]
    down, right = size.height - height, size.width - width
    if down < 0 or right < 0:
        raise ValueError(f"{size_of(array)} px cannot be padded to {size} px")
    if not down and not right:
        return array
    others = ((0, 0),) * (array.ndim - 2)
    if border == "void":
        return np.pad(array, ((0, down), (0, right), *others), constant_values=VOID)
    mirrored_down, mirrored_right = min(down, height - 1), min(right, width - 1)
    padded = np.pad(array, ((0, mirrored_down), (0, mirrored_right), *others), mode="reflect")
    rest = ((0, down - mirrored_down), (0, right - mirrored_right), *others)
    return np.pad(padded, rest, mode="edge")


def _shape(image: NDArray[Any], size: Size) -> tuple[int, ...]:
    return (size.height, size.width, *image.shape[2:])
