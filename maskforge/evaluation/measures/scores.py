"""Scores of counted pixels: Dice, IoU, precision, recall, specificity.

All take counts of the shape (..., 4): true positive, false positive, false negative, true negative
(TP, FP, FN, TN). A score whose denominator is 0 is NaN: it is neither good nor bad.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Score: TypeAlias = Callable[[NDArray[Any]], NDArray[np.float64]]


def dice(cells: NDArray[Any]) -> NDArray[np.float64]:
    """Return 2 TP / (2 TP + FP + FN), which is also called F1 (Dice 1945)."""
    both = 2 * cells[..., 0]
    return divide(both, both + cells[..., 1] + cells[..., 2])


def iou(cells: NDArray[Any]) -> NDArray[np.float64]:
    """Return TP / (TP + FP + FN), the intersection over union (Jaccard 1901)."""
    return divide(cells[..., 0], cells[..., :3].sum(axis=-1))


def precision(cells: NDArray[Any]) -> NDArray[np.float64]:
    """Return TP / (TP + FP): the share of what is predicted that is true."""
    return divide(cells[..., 0], cells[..., 0] + cells[..., 1])


def recall(cells: NDArray[Any]) -> NDArray[np.float64]:
    """Return TP / (TP + FN), also called sensitivity: the share of the truth that is found."""
    return divide(cells[..., 0], cells[..., 0] + cells[..., 2])


def specificity(cells: NDArray[Any]) -> NDArray[np.float64]:
    """Return TN / (TN + FP): the share of what is not of the class that is left alone."""
    return divide(cells[..., 3], cells[..., 3] + cells[..., 1])


SCORES: Mapping[str, Score] = {
    "dice": dice,
    "iou": iou,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
}


def divide(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Return ``part / whole``, NaN where ``whole`` is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    result = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=result, where=whole != 0)
    return result


def mean(values: NDArray[Any], axis: int = -1) -> NDArray[np.float64]:
    """Return the mean of the values that are defined; NaN if none is."""
    values = np.asarray(values, np.float64)
    known = ~np.isnan(values)
    return divide(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis))


def share(part: int, whole: int) -> float | None:
    """Return ``part / whole``, None if ``whole`` is 0."""
    return part / whole if whole else None


def defined(value: Any) -> float | None:  # noqa: ANN401 - whatever NumPy calls a number
    """Return a number as float, and NaN as None, as it stands in reports."""
    number = float(value)
    return None if math.isnan(number) else number
