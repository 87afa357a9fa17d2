"""How far two people differ in a quantity: mean difference and limits of agreement."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.bootstrap import weighted_sums
from maskforge.evaluation.measures.ratios import divide

_LIMIT = 1.96
"""Standard deviations between which 95 % of normally distributed differences lie."""


def bland_altman(differences: NDArray[np.float64], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return bias and limits of agreement (Bland and Altman 1986) for data sets of differences.

    Args:
        differences: (N,) of the first person minus the second.
        weights: (B, N): how often each difference is in each data set.

    Returns:
        (B, 3): mean difference, lower and upper limit, which are 1.96 standard deviations (with
        N - 1) from it; NaN where fewer than two differences are left.
    """
    middle = differences.mean() if len(differences) else 0.0
    centered = differences - middle  # so that squares of large areas lose no digits
    parts = np.stack([np.ones_like(centered), centered, centered**2], axis=-1)
    count, total, squares = weighted_sums(weights, parts).T
    offset = divide(total, count)
    variance = divide(squares - count * offset**2, np.maximum(count - 1, 0))
    bias, deviation = middle + offset, np.sqrt(np.maximum(variance, 0))
    return np.stack([bias, bias - _LIMIT * deviation, bias + _LIMIT * deviation], axis=-1)
