"""Choosing how the images of a training are scaled."""

from __future__ import annotations

from collections.abc import Iterable

from maskforge.choices import Color, Scaling
from maskforge.errors import DatasetError
from maskforge.examples.example import Example
from maskforge.examples.pixels import read_image
from maskforge.images.decoder import open_image
from maskforge.images.intensity import ScalingRecord, white_level
from maskforge.issues import Origin

_GRAY_MODES = ("1", "L", "LA", "La", "I", "F")


def choose_scaling(
    examples: Iterable[Example], kind: Scaling = "zero-one", color: Color = "auto"
) -> ScalingRecord:
    """Return the scaling for images, which should be those of the training part alone.

    White is 255 for images of 8 bits. With more bits it is the smallest of 1023, 4095, 16383 and
    65535 that holds the largest value of all. ``auto`` is gray if every file has a single channel;
    files with three equal channels count as color, because only decoding would tell.

    Args:
        examples: The images; of those with 8 bits only the header is read.
        kind: The way of scaling.
        color: ``gray``, ``rgb`` or ``auto``.

    Raises:
        DatasetError: If an image cannot be read.
    """
    gray = True
    white = 255
    for one in examples:
        is_gray, deep = _kind_of(one)
        gray = gray and is_gray
        if deep:
            white = max(white, white_level(int(read_image(one).max())))
    channels = {"gray": 1, "rgb": 3, "auto": 1 if gray else 3}[color]
    return ScalingRecord(kind=kind, white=float(white), channels=channels)


def _kind_of(example: Example) -> tuple[bool, bool]:
    """Return whether an image has one channel, and whether it may have more than 8 bits."""
    try:
        with open_image(example.image) as image:
            gray = image.mode in _GRAY_MODES or image.mode.startswith("I;")
            deep = image.mode.startswith(("I", "F")) or ";16" in str(getattr(image, "tile", ()))
            return gray, deep or image.format in ("PPM", "JPEG2000")
    except OSError as error:
        raise DatasetError(
            f"cannot be read as an image: {error.strerror or error}",
            origin=Origin(example.image, ""),
        ) from None
