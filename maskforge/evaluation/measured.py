"""Scores of many images from what was measured on each: of all, of some, or resampled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.image_measures import ImageMeasures
from maskforge.evaluation.measures.imagelevel import auc
from maskforge.evaluation.measures.scores import SCORES, divide, mean

_Scores: TypeAlias = dict[str, NDArray[np.float64]]

_SAMPLES_AT_A_TIME = 64  # of resampled data sets, so that 10,000 images need a few megabytes


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What was measured on N images, as arrays with a row per image.

    Attributes:
        cells: (N, K + 1, 4) TP, FP, FN, TN, the background first.
        totals: (N, 3) right pixels, valid pixels, background pixels of the truth.
        hd95: (N, K), NaN where undefined.
        surface_dice: (N, K), likewise.
        lesions: (N, K, 4) in the truth, found, predicted, false.
        scores: (N, K) how sure it is that the image shows the class.
    """

    cells: NDArray[np.int64]
    totals: NDArray[np.int64]
    hd95: NDArray[np.float64]
    surface_dice: NDArray[np.float64]
    lesions: NDArray[np.int64]
    scores: NDArray[np.float64]

    @property
    def present(self) -> NDArray[np.bool_]:
        """(N, K) whether the image shows the class."""
        return self.lesions[..., 0] > 0

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """(N, K) whether the class was predicted somewhere in the image."""
        return self.lesions[..., 2] > 0


def stack(images: Sequence[ImageMeasures]) -> Measured:
    """Return the measures of images as arrays; there must be at least one image."""
    return Measured(
        cells=np.stack([one.counts.cells for one in images]),
        totals=np.array(
            [(one.counts.right, one.counts.valid, one.counts.background) for one in images]
        ),
        hd95=np.stack([one.hd95 for one in images]),
        surface_dice=np.stack([one.surface_dice for one in images]),
        lesions=np.stack([one.lesions for one in images]),
        scores=np.stack([one.scores for one in images]),
    )


def class_statistics(measured: Measured, weights: NDArray[Any]) -> _Scores:
    """Return every score per class, for data sets made of the images.

    Args:
        measured: N images.
        weights: (B, N): how often each image is in each data set.

    Returns:
        By name (B, K), NaN where undefined: the scores of pixels (``dice``, ``iou``,
        ``precision``, ``recall``, ``specificity``) and ``hd95``, ``surface_dice`` (means over the
        images in which both are defined), ``lesion_sensitivity``, ``false_lesions_per_image``,
        ``image_sensitivity``, ``image_specificity``, ``auc``.
    """
    return _in_pieces(_class_statistics, measured, weights)


def _class_statistics(measured: Measured, weights: NDArray[np.float64]) -> _Scores:
    cells = _sums(weights, measured.cells)[:, 1:]
    lesions = _sums(weights, measured.lesions)
    images = weights.sum(axis=1, keepdims=True)
    result = {name: score(cells) for name, score in SCORES.items()}
    for name, values in (("hd95", measured.hd95), ("surface_dice", measured.surface_dice)):
        known = ~np.isnan(values)
        result[name] = divide(weights @ np.where(known, values, 0), weights @ known)
    result["lesion_sensitivity"] = divide(lesions[..., 1], lesions[..., 0])
    result["false_lesions_per_image"] = divide(lesions[..., 3], images)
    present, flagged = measured.present, measured.flagged
    result["image_sensitivity"] = divide(weights @ (present & flagged), weights @ present)
    result["image_specificity"] = divide(weights @ ~(present | flagged), weights @ ~present)
    columns = [
        auc(present[:, number], measured.scores[:, number], weights)
        for number in range(present.shape[1])
    ]
    result["auc"] = np.stack(columns, axis=-1) if columns else np.zeros((len(weights), 0))
    return result


def overall_statistics(measured: Measured, weights: NDArray[Any]) -> _Scores:
    """Return the scores over all classes, for data sets made of the images.

    Returns:
        By name (B,): ``accuracy`` and ``background_accuracy`` (that of a prediction without any
        foreground), and for each score of pixels its mean over the classes without the background
        (``dice``) and with it (``dice_with_background``).
    """
    return _in_pieces(_overall_statistics, measured, weights)


def _overall_statistics(measured: Measured, weights: NDArray[np.float64]) -> _Scores:
    cells = _sums(weights, measured.cells)
    right, valid, background = (weights @ measured.totals).T
    result = {
        "accuracy": divide(right, valid),
        "background_accuracy": divide(background, valid),
    }
    for name, score in SCORES.items():
        values = score(cells)
        result[name] = mean(values[:, 1:])
        result[f"{name}_with_background"] = mean(values)
    return result


def _in_pieces(
    function: Callable[[Measured, NDArray[np.float64]], _Scores],
    measured: Measured,
    weights: NDArray[Any],
) -> _Scores:
    parts = [
        function(measured, weights[start : start + _SAMPLES_AT_A_TIME].astype(np.float64))
        for start in range(0, len(weights), _SAMPLES_AT_A_TIME)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _sums(weights: NDArray[np.float64], values: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return weighted sums over images, exact up to 2^53."""
    flat = values.reshape(len(values), -1).astype(np.float64)
    return (weights @ flat).reshape(len(weights), *values.shape[1:])
