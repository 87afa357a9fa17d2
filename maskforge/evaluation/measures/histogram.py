"""Histograms of predicted probabilities, streamed over images in constant memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.masks.classes import VOID

BINS = 1024
"""A power of two, so that ``probability >= i / BINS`` is the same as ``bin >= i``, to the bit."""


class ProbabilityHistogram:
    """How often each probability was given to pixels that have a class, and to those without.

    Attributes:
        positive: (K, 1024) int64: per channel, pixels that have the class by probability; bin i
            holds the probabilities from i / 1024 up to (i + 1) / 1024, the last bin also 1.
        negative: Likewise of the pixels without the class.
    """

    def __init__(self, channels: int) -> None:
        """Begin with no image."""
        self.positive = np.zeros((channels, BINS), dtype=np.int64)
        self.negative = np.zeros((channels, BINS), dtype=np.int64)

    def add(self, probabilities: NDArray[Any], target: NDArray[Any]) -> None:
        """Count the pixels of an image.

        Args:
            probabilities: (H, W, K) floats from 0 to 1.
            target: (H, W, K): 1 where a pixel has the class, 255 where it is void (in whichever
                channel), else 0.

        Raises:
            ValueError: If the shapes differ, or a probability is not finite.
        """
        channels = len(self.positive)
        if probabilities.shape != target.shape or target.shape[2:] != (channels,):
            raise ValueError(
                f"expected (H, W, {channels}) twice, found {probabilities.shape} and {target.shape}"
            )
        valid = ~(target == VOID).any(axis=-1)
        self.add_planes(probabilities, np.moveaxis(target == 1, -1, 0), valid)

    def add_planes(
        self,
        probabilities: NDArray[Any],
        planes: NDArray[np.bool_],
        valid: NDArray[np.bool_],
    ) -> None:
        """Count the pixels of an image whose truth is given as planes.

        Args:
            probabilities: (H, W, K) floats from 0 to 1.
            planes: (K, H, W) bool: where each class is.
            valid: (H, W) bool: False where the truth is void.

        Raises:
            ValueError: If the shapes do not belong together, or a probability is not finite.
        """
        if probabilities.shape != (*valid.shape, len(planes)):
            raise ValueError(
                f"probabilities of the shape {probabilities.shape} do not belong to "
                f"{len(planes)} classes of {valid.shape} pixels"
            )
        for channel, plane in enumerate(planes):
            values = probabilities[..., channel][valid]
            if not np.isfinite(values).all():
                raise ValueError("a predicted probability is not a finite number")
            place = (values * BINS).clip(0, BINS - 1).astype(np.int64)
            place += BINS * plane[valid]
            counted = np.bincount(place, minlength=2 * BINS)
            self.negative[channel] += counted[:BINS]
            self.positive[channel] += counted[BINS:]

    def merge(self, other: ProbabilityHistogram) -> None:
        """Add what another histogram has counted."""
        self.positive += other.positive
        self.negative += other.negative
