"""Scores of counted pixels: Dice, IoU, precision, recall, specificity.

All take counts of the shape (..., 4): true positive, false positive, false negative, true negative
(TP, FP, FN, TN). A score whose denominator is 0 is NaN: it is neither good nor bad.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.measure import PixelMeasure
from maskforge.evaluation.measures.ratios import divide


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


DICE = PixelMeasure(
    "dice", "Dice", "2 TP / (2 TP + FP + FN), also called F1", dice, beside="interval"
)
IOU = PixelMeasure("iou", "IoU", "TP / (TP + FP + FN)", iou)
PRECISION = PixelMeasure("precision", "precision", "TP / (TP + FP)", precision, by_group=False)
RECALL = PixelMeasure(
    "recall", "recall", "TP / (TP + FN), also called sensitivity", recall, by_group=False
)
SPECIFICITY = PixelMeasure(
    "specificity", "specificity", "TN / (TN + FP)", specificity, by_group=False
)
