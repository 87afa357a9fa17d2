"""Arrays as PNG, to be looked at."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskforge.files import write_whole


def png_bytes(image: NDArray[np.uint8], *, longest: int | None = None) -> bytes:
    """Return an image (H, W, 3) as the content of a PNG file.

    Args:
        image: The image.
        longest: Side in pixels to which larger images are reduced; None keeps the size.
    """
    from PIL import Image

    shown = Image.fromarray(image)
    if longest is not None:
        shown.thumbnail((longest, longest))
    stream = io.BytesIO()
    shown.save(stream, format="PNG", compress_level=3)  # a third of the time, an eighth larger
    return stream.getvalue()


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an image (H, W, 3), whole or not at all.

    Raises:
        OutputError: If it cannot be written.
    """
    write_whole(path, png_bytes(image))
