"""By how much one model is better than another on the same images."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures import ratios, scores
from maskforge.evaluation.measures.bootstrap import interval, resampled_weights, weighted_sums
from maskforge.evaluation.report.evaluation_report import EvaluationReport
from maskforge.evaluation.report.records import ClassRow, ImageRow, Interval
from maskforge.evaluation.report.summary import possible_samples


class DiceDifference(msgspec.Struct, frozen=True, kw_only=True):
    """The Dice of two models on the same images: the mean over the classes.

    Attributes:
        images: Number of images that both were evaluated on.
        before: Dice of the first model.
        after: Dice of the second one.
        difference: The second minus the first.
        interval: Its bootstrap interval with 95 % confidence: both models are evaluated on the same
            resampled images, those of a group together. None if there is none.
        notes: What speaks against the interval.
    """

    images: int
    before: float | None
    after: float | None
    difference: float | None
    interval: Interval | None = None
    notes: tuple[str, ...] = ()


def dice_difference(
    before: EvaluationReport, after: EvaluationReport, *, samples: int = 1000, seed: int = 0
) -> DiceDifference:
    """Compare two evaluations, image by image.

    Args:
        before: Evaluation of the first model.
        after: That of the second one, with the same truth.
        samples: Resampled data sets.
        seed: Another seed draws others.
    """
    partners = {one.name: one for one in after.rows}
    rows = sorted((one for one in before.rows if one.name in partners), key=lambda one: one.name)
    groups = [one.group for one in rows]
    samples, notes = possible_samples(groups, samples)
    weights = np.concatenate(
        [np.ones((1, len(rows)), dtype=np.uint16), resampled_weights(groups, samples, seed)]
    )
    first, second = (
        ratios.mean(scores.dice(weighted_sums(weights, _cells(chosen))))
        for chosen in (rows, [partners[one.name] for one in rows])
    )
    difference = second - first
    return DiceDifference(
        images=len(rows),
        before=ratios.defined(first[0]),
        after=ratios.defined(second[0]),
        difference=ratios.defined(difference[0]),
        interval=interval(difference[1:]) if samples else None,
        notes=notes,
    )


def _cells(rows: Sequence[ImageRow]) -> NDArray[np.float64]:
    """Return TP, FP and FN of every image and class (N, K, 3)."""
    names = list(rows[0].classes) if rows else []
    return np.array([[_counts(row.classes[name]) for name in names] for row in rows]).reshape(
        len(rows), len(names), 3
    )


def _counts(row: ClassRow) -> tuple[float, float, float]:
    both = round((row.dice or 0.0) * (row.truth_pixels + row.predicted_pixels) / 2)
    return both, row.predicted_pixels - both, row.truth_pixels - both
