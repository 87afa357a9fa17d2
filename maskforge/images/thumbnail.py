"""Images made small for pages: in sides, and in bytes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def thumbnail(image: NDArray[np.uint8], longest: int, most: int | None = None) -> bytes:
    """Return an image as JPEG with sides of bounded length.

    Args:
        image: (H, W, 3).
        longest: Side in pixels to which larger images are reduced.
        most: Bytes beyond which it is reduced further; None for as many as it takes.
    """
    shown = Image.fromarray(image)
    while True:
        shown.thumbnail((longest, longest))
        stream = io.BytesIO()
        shown.save(stream, format="JPEG", quality=85, subsampling=0)  # thin lines keep their color
        if most is None or stream.tell() <= most or longest == 1:
            return stream.getvalue()
        longest = max(1, longest * 3 // 4)


def fitted(
    image: NDArray[np.uint8], mask: NDArray[Any], longest: int
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return an image and the values of its pixels by a whole factor smaller or larger.

    Of every block of pixels that becomes one, the image has the mean, and the mask the largest
    value, so that nothing is too small to be seen.

    Args:
        image: (H, W, 3).
        mask: (H, W).
        longest: Side in pixels that is not larger.
    """
    step, factor = -(-max(mask.shape) // longest), max(1, longest // max(mask.shape))
    if step > 1:
        image = np.asarray(Image.fromarray(image).reduce(step))
        height, width = (-side % step for side in mask.shape)
        blocks = np.pad(mask, ((0, height), (0, width)))
        rows, columns = (side // step for side in blocks.shape)
        mask = blocks.reshape(rows, step, columns, step).max(axis=(1, 3))
    larger = [one.repeat(factor, axis=0).repeat(factor, axis=1) for one in (image, mask)]
    return larger[0], larger[1]
