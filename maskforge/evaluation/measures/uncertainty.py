"""How doubtful a prediction is, by its most doubtful region."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Connectivity

POSSIBLE = 0.1
"""Probability from which on a pixel may belong to a class."""


def uncertainty(
    probabilities: NDArray[Any], valid: NDArray[np.bool_], connectivity: Connectivity = 8
) -> float:
    """Return how doubtful the most doubtful region of a class is.

    A region is one of connected pixels that may belong to the class. Its doubt is the mean of
    ``1 - |2p - 1|``: 1 where all its pixels are as likely in as out. A mean over the whole image
    would hide a small doubtful lesion beside a large sure one.

    Args:
        probabilities: (H, W).
        valid: (H, W) bool: the pixels that count.
        connectivity: Whether pixels that touch at a corner are connected.

    Returns:
        From 0 to 1; 0.0 if no pixel may belong to the class.
    """
    possible = (probabilities >= POSSIBLE) & valid
    count, regions = cv2.connectedComponents(possible.astype(np.uint8), connectivity=connectivity)
    if count == 1:
        return 0.0
    inside = regions[possible]
    doubts = 1 - np.abs(2 * probabilities[possible].astype(np.float64) - 1)
    means = np.bincount(inside, doubts)[1:] / np.bincount(inside)[1:]
    return float(means.max())
