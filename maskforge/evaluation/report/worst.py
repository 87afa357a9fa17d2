"""The worst images, drawn: what was found, missed and invented."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

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
from maskforge.shapes import Size

FOUND: Color = (0, 158, 115)
MISSED: Color = (213, 94, 0)
INVENTED: Color = (86, 180, 233)
CONFUSED: Color = (240, 228, 66)
"""From the palette of Okabe and Ito, whose colors everybody can tell apart."""

OUTCOME_COLORS = {1: FOUND, 2: MISSED, 3: INVENTED, 4: CONFUSED}
OPACITY = 0.45
_LONGEST_SIDE = 2048
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


class Case(NamedTuple):
    """One image with truth and prediction, to be drawn.

    Attributes:
        row: What was measured.
        image: (H, W, 3): the image, or black if there is none.
        regions: Truth and prediction.
        step: Of every so many rows and columns, the first is there.
    """

    row: ImageRow
    image: NDArray[np.uint8]
    regions: Regions
    step: int = 1


def drawn_step(size: Size) -> int:
    """Return of how many rows and columns one is drawn, of an image that is read in parts."""
    return -(-max(size) // _LONGEST_SIDE)


def read_case(row: ImageRow, example: Example, regions: Regions, step: int = 1) -> Case:
    """Return what it takes to draw an image of a report."""
    return Case(row, shown_image(example, regions.valid.shape, step), regions, step)


def draw_worst(cases: Iterable[Case]) -> Iterator[tuple[str, bytes]]:
    """Draw images with what was found, missed and invented, for the folder ``worst/``.

    Args:
        cases: The images, the worst first.

    Yields:
        Name and content of every image.
    """
    return as_files((case.row.name, _draw(case)) for case in cases)


def as_files(pages: Iterable[tuple[str, Image.Image]]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of drawn images, for the folder ``worst/``.

    Args:
        pages: Name of the image, and what was drawn of it.
    """
    names = MaskNames()
    for number, (name, page) in enumerate(pages, 1):
        file = f"{WORST}/{number:02}-{names.assign('', name.replace('/', '-'))}.png"
        yield file, png_bytes(np.asarray(page))


def outcome_image(example: Example, image: Regions) -> NDArray[np.uint8]:
    """Return an image (H, W, 3) with what was found, missed and invented laid over it.

    Args:
        example: Where the image is; without one, all is black.
        image: Truth and prediction.
    """
    return overlay(
        shown_image(example, image.valid.shape), outcomes(image), OUTCOME_COLORS, opacity=OPACITY
    )


def outcome_entries(result: NDArray[np.uint8], step: int = 1) -> list[tuple[str, Color]]:
    """Return the lines of a legend of outcomes, with their pixels if all of them are there."""
    counts = np.bincount(result.ravel(), minlength=5)
    return [
        (_MEANINGS[value] + (f"  {counts[value]} px" if step == 1 else ""), OUTCOME_COLORS[value])
        for value in _MEANINGS
        if counts[value] or value < 4
    ]


def case_title(row: ImageRow) -> str:
    """Return the name of an image with its chief numbers."""
    dice = "no foreground" if row.dice is None else f"Dice {row.dice:.3f}"
    lesions = f"lesions missed: {row.missed_lesions}, invented: {row.false_lesions}"
    return f"{row.name}: {dice}, {lesions}"


def shown_image(example: Example, size: tuple[int, ...], step: int = 1) -> NDArray[np.uint8]:
    """Return the image of an example; the numbers do not depend on it, and black shows them too.

    Args:
        example: The example.
        size: Height and width of its mask, or of what is taken of it.
        step: Of every so many rows and columns, the first is returned.

    Returns:
        (H, W, 3).
    """
    shape = (*size, 3)
    if has_image(example):
        with contextlib.suppress(MaskforgeError):
            image = read_to_show(example.image, upright=example.upright, step=step)
            if image.shape == shape:
                return image
    return np.zeros(shape, dtype=np.uint8)


def _draw(case: Case) -> Image.Image:
    result = outcomes(case.regions)
    shown = overlay(case.image, result, OUTCOME_COLORS, opacity=OPACITY)
    return with_legend(shown, case_title(case.row), outcome_entries(result, case.step))
