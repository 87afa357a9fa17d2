"""The free-response curve (FROC): lesions found and false regions at many thresholds.

Bunch, Hamilton, Sanderson, Simmons: A free response approach to the measurement and
characterization of radiographic observer performance, SPIE 127 (1977).
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.lesions import LesionMatcher, Lesions
from maskforge.evaluation.measures.ratios import defined, divide

THRESHOLDS = tuple(number / 20 for number in range(1, 20))
"""Of the points of a curve: 0.05, 0.1, ... 0.95."""


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a threshold would give.

    Attributes:
        threshold: Smallest probability that counts as the class.
        sensitivity: Share of the lesions that are found; None if there are none.
        false_per_image: Predicted regions without lesion, per image.
    """

    threshold: float
    sensitivity: float | None
    false_per_image: float


def count_by_threshold(
    matcher: LesionMatcher, probabilities: NDArray[Any], void: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Count lesions at every threshold.

    Args:
        matcher: The lesions of the truth.
        probabilities: (H, W) of the class, from 0 to 1.
        void: (H, W) bool: where the truth is void; None if nowhere.

    Returns:
        (T, 4): lesions in the truth, found, predicted, false, for each of ``THRESHOLDS``.
    """
    points = np.zeros((len(THRESHOLDS), len(Lesions._fields)), dtype=np.int64)
    points[:, 0] = matcher.total
    for number, threshold in enumerate(THRESHOLDS):
        reached = probabilities >= threshold
        if not reached.any():
            break  # nor does anything reach a higher one
        points[number] = matcher.match(reached, void)
    return points


def operating_points(counted: NDArray[np.int64], images: int) -> tuple[OperatingPoint, ...]:
    """Return the points of the curve.

    Args:
        counted: (T, 4), the sum of ``count_by_threshold`` over all images.
        images: Their number.
    """
    truth, found, _, false = counted.T
    return tuple(
        OperatingPoint(threshold=threshold, sensitivity=defined(share), false_per_image=rate)
        for threshold, share, rate in zip(
            THRESHOLDS, divide(found, truth), (false / images).tolist(), strict=True
        )
    )
