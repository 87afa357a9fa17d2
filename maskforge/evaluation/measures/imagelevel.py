"""Is there any? Images, not pixels, told apart: ROC curve and the area under it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.measure import ImageMeasure
from maskforge.evaluation.measures.measured import Sample
from maskforge.evaluation.measures.ratios import divide
from maskforge.evaluation.measures.scores import recall, specificity


def image_score(
    probabilities: NDArray[Any], valid: NDArray[np.bool_], top_pixels: int = 1
) -> float:
    """Return how sure it is that an image shows a class: the mean of its largest probabilities.

    Args:
        probabilities: (H, W).
        valid: (H, W) bool: the pixels that count.
        top_pixels: Number of pixels; 1 for the largest probability alone.

    Returns:
        0.0 if no pixel counts.
    """
    values = probabilities[valid]
    if not len(values):
        return 0.0
    if top_pixels < len(values):
        values = np.partition(values, len(values) - top_pixels)[-top_pixels:]
    return float(values.mean(dtype=np.float64))


def auc(
    present: NDArray[np.bool_], scores: NDArray[Any], weights: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Return the area under the ROC curve.

    It is the probability that an image with the class has a higher score than one without, where
    equal scores count half (Mann and Whitney).

    Args:
        present: (N,) bool: whether an image shows the class.
        scores: (N,) how sure the prediction is.
        weights: (..., N) how often each image counts; once if None.

    Returns:
        (...), NaN where all images are of one kind.
    """
    counted = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)
    order = np.argsort(scores, kind="stable")
    # Where a run of equal scores begins.
    _, starts = np.unique(np.asarray(scores)[order], return_index=True)
    positive, negative = (
        np.add.reduceat((counted * kind)[..., order], starts, axis=-1)
        if len(starts)
        else np.zeros((*counted.shape[:-1], 0))
        for kind in (present, ~present)
    )
    below = negative.cumsum(axis=-1) - negative
    area = (positive * (below + negative / 2)).sum(axis=-1)
    return divide(area, positive.sum(axis=-1) * negative.sum(axis=-1))


def roc_curve(
    present: NDArray[np.bool_], scores: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return false positive rate and sensitivity for every threshold on the score, falling.

    Both begin at 0 and end at 1; they are NaN if all images are of one kind.
    """
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    ordered = np.asarray(scores)[order]
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, len(ordered) > 0)[: len(ordered)])
    rates = []
    for kind in (~present, present):
        found = np.concatenate([[0], kind[order].cumsum()[last]])
        rates.append(divide(found, np.asarray(kind.sum())))
    return rates[0], rates[1]


def _areas(sample: Sample) -> NDArray[np.float64]:
    measured = sample.measured
    columns = zip(measured.present.T, measured.scores.T, strict=True)
    return np.stack([auc(*column, sample.weights) for column in columns], axis=-1)


IMAGE_SENSITIVITY = ImageMeasure(
    "image_sensitivity",
    "image sensitivity",
    "share of the images with the class that are flagged",
    lambda sample: recall(sample.images),
    unit="share",
    key="sensitivity",
    beside="interval",
)
IMAGE_SPECIFICITY = ImageMeasure(
    "image_specificity",
    "image specificity",
    "share of the images without the class that are not flagged",
    lambda sample: specificity(sample.images),
    unit="share",
    key="specificity",
    beside="interval",
)
AUC = ImageMeasure(
    "auc",
    "AUC",
    "area under the ROC curve: the probability that an image with the class has a higher score "
    "than one without",
    _areas,
    beside="interval",
    by_group=False,
)
