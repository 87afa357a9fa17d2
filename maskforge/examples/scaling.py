"""Choosing how the pictures of a training are scaled."""

from __future__ import annotations

from collections.abc import Iterable

from maskforge.choices import Color, Scaling
from maskforge.errors import DatasetError
from maskforge.examples.example import Example
from maskforge.examples.pixels import read_image
from maskforge.images.decoder import open_picture
from maskforge.images.intensity import ScalingRecord, white_level
from maskforge.issues import Origin

_GREY_MODES = ("1", "L", "LA", "La", "I", "F")


def choose_scaling(
    examples: Iterable[Example], kind: Scaling = "zero-one", color: Color = "auto"
) -> ScalingRecord:
    """Return the scaling for pictures, which should be those of the training part alone.

    White is 255 for pictures of 8 bits. With more bits it is the smallest of 1023, 4095, 16383 and
    65535 that holds the largest value of all. ``auto`` is grey if every file has a single channel;
    files with three equal channels count as colour, because only decoding would tell.

    Args:
        examples: The pictures; of those with 8 bits only the header is read.
        kind: The way of scaling.
        color: ``grey``, ``rgb`` or ``auto``.

    Raises:
        DatasetError: If a picture cannot be read.
    """
    grey = True
    white = 255
    for one in examples:
        is_grey, deep = _kind_of(one)
        grey = grey and is_grey
        if deep:
            white = max(white, white_level(int(read_image(one).max())))
    channels = {"grey": 1, "rgb": 3, "auto": 1 if grey else 3}[color]
    return ScalingRecord(kind=kind, white=float(white), channels=channels)


def _kind_of(example: Example) -> tuple[bool, bool]:
    """Return whether a picture has one channel, and whether it may have more than 8 bits."""
    try:
        with open_picture(example.image) as picture:
            grey = picture.mode in _GREY_MODES or picture.mode.startswith("I;")
            deep = picture.mode.startswith(("I", "F")) or ";16" in str(getattr(picture, "tile", ()))
            return grey, deep or picture.format in ("PPM", "JPEG2000")
    except OSError as error:
        raise DatasetError(
            f"cannot be read as a picture: {error.strerror or error}",
            origin=Origin(example.image, ""),
        ) from None
