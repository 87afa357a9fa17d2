"""How far scores would move with other images: percentile intervals by resampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SAMPLES_AT_A_TIME = 64  # so that weights of 100,000 images need no gigabytes as floats


def resampled_weights(
    groups: Sequence[str | None], samples: int, seed: int = 0
) -> NDArray[np.uint16]:
    """Return how often each image is drawn in every resampled data set.

    Images of a group, such as a patient, are drawn together, because they are alike: as many
    groups as there are, with replacement (Efron 1979; Field and Welsh 2007 for groups).

    Args:
        groups: The group of each image; an image with None stands for itself.
        samples: Number of resampled data sets.
        seed: Another seed draws others.

    Returns:
        (samples, images).
    """
    numbers: dict[object, int] = {}
    members = np.array(
        [
            numbers.setdefault((i,) if group is None else group, len(numbers))
            for i, group in enumerate(groups)
        ],
        dtype=np.int64,
    )
    if not numbers:
        return np.zeros((samples, 0), dtype=np.uint16)
    generator = np.random.default_rng(seed)
    share = np.full(len(numbers), 1 / len(numbers))
    weights = np.empty((samples, len(members)), dtype=np.uint16)
    for row in weights:
        row[:] = generator.multinomial(len(numbers), share)[members]
    return weights


def weighted_sums(weights: NDArray[Any], values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sums (B, ...) of values (N, ...) with weights (B, N), some of these at a time."""
    flat = values.reshape(len(values), math.prod(values.shape[1:])).astype(np.float64)
    sums = np.empty((len(weights), flat.shape[1]))
    for start in range(0, len(weights), _SAMPLES_AT_A_TIME):
        part = slice(start, start + _SAMPLES_AT_A_TIME)
        sums[part] = weights[part].astype(np.float64) @ flat
    return sums.reshape(len(weights), *values.shape[1:])


def interval(values: NDArray[np.float64], level: float = 0.95) -> tuple[float, float] | None:
    """Return the percentile interval of a score over the resampled data sets.

    Args:
        values: (samples,), NaN where the score is not defined.
        level: Share of the samples inside.

    Returns:
        Lower and upper limit; None if the score is defined in fewer than half of the samples.
    """
    known = values[~np.isnan(values)]
    if 2 * len(known) < max(1, len(values)):
        return None
    low, high = np.quantile(known, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)
