"""The worst images, drawn: what was found, missed and invented."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskforge.display.colors import Color
from maskforge.errors import MaskforgeError
from maskforge.evaluation.measures.regions import Regions
from maskforge.evaluation.report.records import ImageRow
from maskforge.examples.example import Example
from maskforge.examples.mask_folders import has_image
from maskforge.files import WORST
from maskforge.images.decoder import read_to_show
from maskforge.images.png import png_bytes
from maskforge.masks.masknames import MaskNames
from maskforge.masks.overlay import overlay, with_legend

FOUND: Color = (0, 158, 115)
MISSED: Color = (213, 94, 0)
INVENTED: Color = (86, 180, 233)
CONFUSED: Color = (240, 228, 66)
"""From the palette of Okabe and Ito, whose colors everybody can tell apart."""

_COLORS = {1: FOUND, 2: MISSED, 3: INVENTED, 4: CONFUSED}
_MEANINGS = {1: "found", 2: "missed", 3: "invented", 4: "of another class"}


def outcomes(image: Regions) -> NDArray[np.uint8]:
    """Return what became of every pixel.

    Returns:
        (H, W): 0 background on both sides or void, 1 found, 2 missed, 3 invented, 4 foreground
        with other classes.
    """
    truth, predicted = image.truth[1:].any(axis=0), image.predicted[1:].any(axis=0)
    equal = (image.truth == image.predicted).all(axis=0)
    result = np.zeros(truth.shape, dtype=np.uint8)
    result[truth & predicted & equal] = 1
    result[truth & ~predicted] = 2
    result[~truth & predicted] = 3
    result[truth & predicted & ~equal] = 4
    return result


def draw_worst(
    worst: Sequence[tuple[ImageRow, Example]],
    regions: Callable[[Example], Regions],
) -> Iterator[tuple[str, bytes]]:
    """Draw images with what was found, missed and invented, for the folder ``worst/``.

    Args:
        worst: The images, the worst first.
        regions: Returns truth and prediction of an example.

    Yields:
        Name and content of every image.
    """
    names = MaskNames()
    for number, (row, example) in enumerate(worst, 1):
        name = f"{WORST}/{number:02}-{names.assign('', row.name.replace('/', '-'))}.png"
        yield name, png_bytes(np.asarray(_draw(row, example, regions(example))))


def outcome_image(example: Example, image: Regions) -> NDArray[np.uint8]:
    """Return an image (H, W, 3) with what was found, missed and invented laid over it.

    Args:
        example: Where the image is; without one, all is black.
        image: Truth and prediction.
    """
    shape = image.valid.shape
    shown = np.zeros((*shape, 3), dtype=np.uint8)
    if has_image(example):
        # The numbers do not depend on the image, and black shows them as well.
        with contextlib.suppress(MaskforgeError):
            shown = read_to_show(example.image, upright=example.upright)
    if shown.shape[:2] != shape:
        shown = np.zeros((*shape, 3), dtype=np.uint8)
    return overlay(shown, outcomes(image), _COLORS, opacity=0.45)


def _draw(row: ImageRow, example: Example, image: Regions) -> Image.Image:
    counts = np.bincount(outcomes(image).ravel(), minlength=5)
    entries = [
        (f"{_MEANINGS[value]}  {counts[value]} px", _COLORS[value])
        for value in _MEANINGS
        if counts[value] or value < 4
    ]
    dice = "no foreground" if row.dice is None else f"Dice {row.dice:.3f}"
    title = f"{row.name}  {dice}  {row.missed_lesions} lesions missed, {row.false_lesions} invented"
    return with_legend(outcome_image(example, image), title, entries)
