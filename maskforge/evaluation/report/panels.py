"""Images of a report side by side: the image, the truth, the prediction, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.display.colors import Color, default_color
from maskforge.display.page import Figure, Panels
from maskforge.display.table import Swatch, cell_text
from maskforge.evaluation.report.records import ImageRow
from maskforge.evaluation.report.worst import (
    CONFUSED,
    FOUND,
    INVENTED,
    MISSED,
    OPACITY,
    OUTCOME_COLORS,
    Case,
    case_title,
    outcome_entries,
    outcomes,
)
from maskforge.images.thumbnail import fitted, thumbnail
from maskforge.masks.overlay import blend

MOST_CASES = 40

_BEST = 3
_MOST_COLORS = 12
_LONGEST_SIDE = 640
_BYTES = 3_300_000
"""Of all images of a page; as text, they take a third more."""

_CLASS_COLORS: tuple[Color, ...] = (
    (204, 121, 167),
    (230, 159, 0),
    (0, 114, 178),
    CONFUSED,
    FOUND,
    INVENTED,
    MISSED,
)
"""The palette of Okabe and Ito: first those that stand for no outcome."""


def choose_cases(rows: Sequence[ImageRow], worst: int) -> tuple[list[ImageRow], list[ImageRow]]:
    """Return the worst images of a report and its best, of which there are a few.

    Args:
        rows: All images, the worst first; those without any foreground are neither.
        worst: Number of the worst; if it is 0, there are no best ones either.
    """
    scored = [row for row in rows if row.dice is not None]
    best = scored[::-1][: min(_BEST, len(scored) // 2)] if worst else []
    others = scored[: len(scored) - len(best)]
    return others[: min(worst, MOST_CASES - len(best))], best


def draw_panels(case: Case, classes: Sequence[str], cases: int) -> Panels:
    """Draw an image four times: as it is, with the truth, with the prediction, and with outcomes.

    Args:
        case: The image.
        classes: Names of the classes without the background.
        cases: Number of images on the page, among which the bytes are divided.
    """
    colors = class_colors(len(classes))
    sides = case.regions.truth, case.regions.predicted
    truth, predicted = map(class_numbers, sides)
    outcome = outcomes(case.regions)
    views: tuple[tuple[str, NDArray[Any], Mapping[int, Color]], ...] = (
        ("image", np.zeros_like(outcome), {0: (0, 0, 0)}),
        ("truth", truth, colors),
        ("prediction", predicted, colors),
        ("difference", outcome, OUTCOME_COLORS),
    )
    most = _BYTES // (4 * cases)
    figures = []
    for what, values, palette in views:
        drawn = blend(*fitted(case.image, values, _LONGEST_SIDE), palette, opacity=OPACITY)
        content = thumbnail(drawn, _LONGEST_SIDE, most)
        figures.append(Figure(content, f"{cell_text(case.row.name)}: {what}", what))
    shown = [one for one in colors if any(planes[one].any() for planes in sides)]
    present = [(cell_text(classes[one - 1]), colors[one]) for one in shown[:_MOST_COLORS]]
    legend = {
        word: [(Swatch(*color), text) for text, color in entries]
        for word, entries in (
            ("truth and prediction", present),
            ("difference", outcome_entries(outcome, case.step)),
        )
    }
    return Panels(cell_text(case_title(case.row)), figures, legend)


def class_colors(classes: int) -> dict[int, Color]:
    """Return the colors of so many classes, by their numbers from 1."""
    known = dict(enumerate(_CLASS_COLORS[:classes], 1))
    return known | {number + 1: default_color(number) for number in range(len(known), classes)}


def class_numbers(planes: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Return (H, W): the number of the class of every pixel, of several the last.

    Args:
        planes: (C, H, W), the background first.
    """
    numbers = np.zeros(planes.shape[1:], dtype=np.uint16)
    for number, plane in enumerate(planes):
        numbers[plane] = number
    return numbers
