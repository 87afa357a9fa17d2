"""What was measured on many images, and on data sets that are drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.ratios import divide


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What was measured on N images, as arrays with a row per image.

    Attributes:
        cells: (N, K + 1, 4) TP, FP, FN, TN, the background first.
        totals: (N, 3) right pixels, valid pixels, background pixels of the truth.
        outlines: By name of the measure (N, K), NaN where undefined.
        lesions: (N, K, 4) in the truth, found, predicted, false.
        scores: (N, K) how sure it is that the image shows the class: the largest probability, or
            without probabilities the share of pixels.
        uncertainty: (N, K) how doubtful the most doubtful region of the class is, 0 to 1; NaN
            without probabilities.
    """

    cells: NDArray[np.int64]
    totals: NDArray[np.int64]
    outlines: Mapping[str, NDArray[np.float64]]
    lesions: NDArray[np.int64]
    scores: NDArray[np.float64]
    uncertainty: NDArray[np.float64]

    @property
    def present(self) -> NDArray[np.bool_]:
        """(N, K) whether the image shows the class."""
        return self.lesions[..., 0] > 0

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """(N, K) whether the class was predicted somewhere in the image."""
        return self.lesions[..., 2] > 0


def join(rows: Sequence[Measured]) -> Measured:
    """Return the measures of all images, of which there must be at least one."""
    return Measured(
        cells=np.concatenate([one.cells for one in rows]),
        totals=np.concatenate([one.totals for one in rows]),
        outlines={
            name: np.concatenate([one.outlines[name] for one in rows]) for name in rows[0].outlines
        },
        lesions=np.concatenate([one.lesions for one in rows]),
        scores=np.concatenate([one.scores for one in rows]),
        uncertainty=np.concatenate([one.uncertainty for one in rows]),
    )


@dataclass(frozen=True, eq=False)
class Sample:
    """B data sets, each of which has every image so many times.

    Attributes:
        measured: The N images.
        weights: (B, N): how often each image is in each data set.
    """

    measured: Measured
    weights: NDArray[np.float64]

    @cached_property
    def cells(self) -> NDArray[np.float64]:
        """(B, K + 1, 4) pixels: TP, FP, FN, TN, the background first."""
        return self._sums(self.measured.cells)

    @cached_property
    def lesions(self) -> NDArray[np.float64]:
        """(B, K, 4) lesions: in the truth, found, predicted, false."""
        return self._sums(self.measured.lesions)

    @cached_property
    def images(self) -> NDArray[np.float64]:
        """(B, K, 4) images: with the class and flagged (TP), FP, FN, TN."""
        present, flagged = self.measured.present, self.measured.flagged
        return self._sums(
            np.stack(
                [present & flagged, ~present & flagged, present & ~flagged, ~(present | flagged)],
                axis=-1,
            )
        )

    def mean(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean of (N, K) over the images where they are defined, (B, K)."""
        known = ~np.isnan(values)
        return divide(self.weights @ np.where(known, values, 0), self.weights @ known)

    def _sums(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return weighted sums over the images, exact up to 2^53."""
        flat = values.reshape(len(values), -1).astype(np.float64)
        return (self.weights @ flat).reshape(len(self.weights), *values.shape[1:])
