"""Images on which annotators differ, drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskforge.display.colors import Color
from maskforge.display.page import Panels
from maskforge.display.table import cell_text
from maskforge.evaluation.agreement.agreement_records import DifferingImage
from maskforge.evaluation.measures.regions import Planes
from maskforge.evaluation.report.panels import class_colors, class_legend, numbers, view_panels
from maskforge.evaluation.report.worst import CONFUSED, FOUND, INVENTED, MISSED, OPACITY, as_files
from maskforge.masks.overlay import overlay, with_legend

_COLORS: dict[int, Color] = {1: FOUND, 2: MISSED, 3: INVENTED, 4: CONFUSED}


class DifferingCase(NamedTuple):
    """One image with what everybody marked, to be drawn.

    Attributes:
        row: What was measured.
        image: (H, W, 3): the image, or black if there is none.
        marked: What each annotator marked.
        names: What they are called.
    """

    row: DifferingImage
    image: NDArray[np.uint8]
    marked: Sequence[Planes]
    names: Sequence[str]


def differences(marked: Sequence[Planes]) -> NDArray[np.uint8]:
    """Return on which pixels annotators agree.

    Returns:
        (H, W): 0 where nobody marked anything, or somebody is not sure; 1 where all marked the
        same; 4 where all marked something, and not the same. Of two annotators 2 where only the
        first, and 3 where only the second marked something; of more, 2 where only some did.
    """
    planes = np.stack([one.planes for one in marked])
    anything = np.asarray(planes.any(axis=1))
    count = np.asarray(anything.sum(axis=0))
    is_same = np.asarray((planes == planes[:1]).all(axis=(0, 1)))
    result = np.zeros(count.shape, dtype=np.uint8)
    result[count > 0] = 2
    if len(marked) == 2:
        result[~anything[0] & anything[1]] = 3
    result[count == len(marked)] = 4
    result[(count > 0) & is_same] = 1
    result[np.logical_or.reduce([one.void for one in marked])] = 0
    return result


def draw_differences(cases: Iterable[DifferingCase]) -> Iterator[tuple[str, bytes]]:
    """Draw images with the pixels on which annotators differ, for the folder ``worst/``.

    Args:
        cases: The images, the worst first.

    Yields:
        Name and content of every image.
    """
    return as_files((case.row.name, _draw(case)) for case in cases)


def _draw(case: DifferingCase) -> Image.Image:
    values = differences(case.marked)
    shown = overlay(case.image, values, _COLORS, opacity=OPACITY)
    return with_legend(shown, _title(case.row), _legend(values, case.names))


def difference_panels(case: DifferingCase, classes: Sequence[str], cases: int) -> Panels:
    """Draw an image as it is, as each annotator marked it, and with the differences.

    Args:
        case: The image.
        classes: Names of the classes without the background.
        cases: Number of images on the page, among which the bytes are divided.
    """
    colors = class_colors(len(classes))
    values = differences(case.marked)
    views: list[tuple[str, NDArray[Any], Mapping[int, Color]]] = [
        (cell_text(name), numbers(_with_background(one)), colors)
        for name, one in zip(case.names, case.marked, strict=True)
    ]
    views.append(("difference", values, _COLORS))
    planes = [_with_background(one) for one in case.marked]
    legend = {
        "annotators": class_legend(planes, classes, colors),
        "difference": _legend(values, case.names),
    }
    return view_panels(case.image, case.row.name, _title(case.row), views, legend, cases)


def _with_background(marked: Planes) -> NDArray[np.bool_]:
    """Return (K + 1, H, W), first a plane of nothing, which no color is for."""
    return np.concatenate([np.zeros_like(marked.void)[None], marked.planes & ~marked.void])


def _title(row: DifferingImage) -> str:
    dice = "nobody marked anything" if row.dice is None else f"mean Dice {row.dice:.3f}"
    return f"{row.name}: {dice}"


def _legend(values: NDArray[np.uint8], names: Sequence[str]) -> list[tuple[str, Color]]:
    """Return the lines of a legend of ``differences``, with their pixels."""
    meanings = {1: "all marked the same", 2: "only some", 4: "of different classes"}
    if len(names) == 2:
        meanings |= {1: "both", 2: f"only {names[0]}", 3: f"only {names[1]}"}
    counts = np.bincount(values.ravel(), minlength=5)
    return [
        (f"{meanings[value]}  {counts[value]} px", _COLORS[value])
        for value in sorted(meanings)
        if counts[value] or value < 4
    ]
