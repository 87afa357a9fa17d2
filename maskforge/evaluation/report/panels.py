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
_SIDES = ("truth", "prediction")
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
    outcome = outcomes(case.regions)
    views: list[tuple[str, NDArray[Any], Mapping[int, Color]]] = [
        *((word, numbers(one), colors) for word, one in zip(_SIDES, sides, strict=True)),
        ("difference", outcome, OUTCOME_COLORS),
    ]
    legend = {
        " and ".join(_SIDES): class_legend(sides, classes, colors),
        "difference": outcome_entries(outcome),
    }
    return view_panels(case.image, case.row.name, case_title(case.row), views, legend, cases)


def class_colors(classes: int) -> dict[int, Color]:
    """Return the color of each of so many classes, from 1."""
    return {
        number: _CLASS_COLORS[number - 1]
        if number <= len(_CLASS_COLORS)
        else default_color(number - 1)
        for number in range(1, classes + 1)
    }


def class_legend(
    sides: Sequence[NDArray[np.bool_]], classes: Sequence[str], colors: Mapping[int, Color]
) -> list[tuple[str, Color]]:
    """Return the lines of a legend: the first classes that a side (K + 1, H, W) shows."""
    shown = [one for one in colors if any(planes[one].any() for planes in sides)]
    return [(cell_text(classes[one - 1]), colors[one]) for one in shown[:_MOST_COLORS]]


def view_panels(
    image: NDArray[np.uint8],
    name: str,
    title: str,
    views: Sequence[tuple[str, NDArray[Any], Mapping[int, Color]]],
    legend: Mapping[str, Sequence[tuple[str, Color]]],
    cases: int,
) -> Panels:
    """Draw an image as it is, and with several masks laid over it.

    Args:
        image: (H, W, 3).
        name: Its name.
        title: What stands above.
        views: A word for each mask, its values (H, W), and their colors.
        legend: What the colors mean, by a word for the views that have them.
        cases: Number of images on the page, among which the bytes are divided.
    """
    plain = ("image", np.zeros_like(views[0][1]), {0: (0, 0, 0)})
    most = _BYTES // ((1 + len(views)) * cases)
    figures = []
    for what, values, palette in (plain, *views):
        drawn = blend(*fitted(image, values, _LONGEST_SIDE), palette, opacity=OPACITY)
        content = thumbnail(drawn, _LONGEST_SIDE, most)
        figures.append(Figure(content, f"{cell_text(name)}: {what}", what))
    lines = {
        word: [(Swatch(*color), text) for text, color in entries]
        for word, entries in legend.items()
    }
    return Panels(cell_text(title), figures, lines)


def numbers(planes: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Return (H, W): the number of the class of every pixel, of several the last."""
    result = np.zeros(planes.shape[1:], dtype=np.uint16)
    for number, plane in enumerate(planes):
        result[plane] = number
    return result
