"""Choosing how the images of a training are scaled."""

from __future__ import annotations

from collections.abc import Iterable

from maskforge.choices import Color, Scaling
from maskforge.errors import DatasetError
from maskforge.examples.example import Example
from maskforge.images.decoder import read_header
from maskforge.images.intensity import ScalingRecord, white_level
from maskforge.issues import Origin

_BITS = 8


def choose_scaling(
    examples: Iterable[Example],
    kind: Scaling = "zero-one",
    color: Color = "auto",
    window: str = "voi",
) -> ScalingRecord:
    """Return the scaling for images, which should be those of the training part alone.

    White is 255 for images of 8 bits. With more bits it is the smallest of 1023, 4095, 16383 and
    65535 that holds the largest value of all. ``auto`` is gray if every file has a single channel;
    files with three equal channels count as color, because only decoding would tell.

    Args:
        examples: The images; of those with 8 bits only the header is read.
        kind: The way of scaling.
        color: ``gray``, ``rgb`` or ``auto``.
        window: Which values of DICOM files are black and white.

    Raises:
        DatasetError: If an image cannot be read.
    """
    gray = True
    white = 255
    for one in examples:
        try:
            header = read_header(one.image)
        except OSError as error:
            raise DatasetError(
                f"cannot be read as an image: {error.strerror or error}",
                origin=Origin(one.image, ""),
            ) from None
        gray = gray and header.channels == 1
        if header.bits > _BITS:
            white = max(white, white_level(int(one.read_image(window).max())))
    channels = {"gray": 1, "rgb": 3, "auto": 1 if gray else 3}[color]
    return ScalingRecord(kind=kind, white=float(white), channels=channels, window=window)
