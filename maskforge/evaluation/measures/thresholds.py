"""From probabilities to classes, and the threshold with the best Dice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures import scores
from maskforge.evaluation.measures.histogram import BINS, ProbabilityHistogram
from maskforge.masks.targets import DEFAULT_THRESHOLD


class ThresholdTuner:
    """Finds the threshold with the best Dice of every channel of a sigmoid head.

    Dice is that of all pixels of all images, exact for every threshold i / 1024. To be used on
    validation examples: on those that a score is reported for, it would flatter.

    Attributes:
        histogram: The counted probabilities, from which the calibration follows as well.
    """

    def __init__(self, channels: int) -> None:
        """Begin with no image."""
        self.histogram = ProbabilityHistogram(channels)

    def add(self, probabilities: NDArray[Any], target: NDArray[Any]) -> None:
        """Count an image.

        Args:
            probabilities: (H, W, K) floats from 0 to 1.
            target: (H, W, K) of 0 and 1, 255 for void.

        Raises:
            ValueError: If the shapes differ, or a probability is not finite.
        """
        self.histogram.add(probabilities, target)

    def dice(self) -> NDArray[np.float64]:
        """Return (K, 1024): Dice of every channel for every threshold i / 1024."""
        found = self.histogram.positive[:, ::-1].cumsum(axis=1)[:, ::-1]
        false = self.histogram.negative[:, ::-1].cumsum(axis=1)[:, ::-1]
        missed = self.histogram.positive.sum(axis=1, keepdims=True) - found
        return scores.dice(np.stack([found, false, missed], axis=-1))

    def best(self) -> tuple[float, ...]:
        """Return the best threshold of every channel.

        Of equally good ones the nearest to 0.5; 0.5 for a class that no pixel has. Never 0, which
        every pixel reaches.
        """
        thresholds = np.arange(1, BINS) / BINS
        distance = np.abs(thresholds - DEFAULT_THRESHOLD)
        best = []
        for positive, curve in zip(self.histogram.positive, self.dice()[:, 1:], strict=True):
            if not positive.any():
                best.append(DEFAULT_THRESHOLD)
                continue
            # A threshold that nothing reaches leaves the class unfound: Dice 0, never undefined.
            equal = np.flatnonzero(curve == curve.max())
            best.append(float(thresholds[equal[distance[equal].argmin()]]))
        return tuple(best)
