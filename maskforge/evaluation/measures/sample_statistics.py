"""Every score of data sets: of all images, of some, or resampled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.catalog import measures_of
from maskforge.evaluation.measures.measure import Measure, PixelMeasure
from maskforge.evaluation.measures.measured import Measured, Sample
from maskforge.evaluation.measures.ratios import divide, mean

_Scores: TypeAlias = dict[str, NDArray[np.float64]]

_SAMPLES_AT_A_TIME = 64  # of resampled data sets, so that 10,000 images need a few megabytes


def class_statistics(
    measured: Measured, weights: NDArray[Any], measures: Sequence[Measure] | None = None
) -> _Scores:
    """Return measures per class, for data sets made of the images.

    Args:
        measured: N images.
        weights: (B, N): how often each image is in each data set.
        measures: Which; every one if None.

    Returns:
        By name (B, K), NaN where undefined.
    """
    chosen = measures_of(Measure) if measures is None else measures
    return _in_pieces(
        lambda sample: {one.name: one.over(sample) for one in chosen},
        measured,
        weights,
    )


def overall_statistics(measured: Measured, weights: NDArray[Any]) -> _Scores:
    """Return the scores over all classes, for data sets made of the images.

    Returns:
        By name (B,): ``accuracy`` and ``background_accuracy`` (that of a prediction without any
        foreground), and for each measure of pixels its mean over the classes without the
        background (``dice``) and with it (``dice_with_background``).
    """
    return _in_pieces(_overall_statistics, measured, weights)


def _overall_statistics(sample: Sample) -> _Scores:
    right, valid, background = (sample.weights @ sample.measured.totals).T
    result = {
        "accuracy": divide(right, valid),
        "background_accuracy": divide(background, valid),
    }
    for one in measures_of(PixelMeasure):
        values = one.formula(sample.cells)
        result[one.name] = mean(values[:, 1:])
        result[f"{one.name}_with_background"] = mean(values)
    return result


def _in_pieces(
    function: Callable[[Sample], _Scores], measured: Measured, weights: NDArray[Any]
) -> _Scores:
    parts = [
        function(Sample(measured, weights[start : start + _SAMPLES_AT_A_TIME].astype(np.float64)))
        for start in range(0, len(weights), _SAMPLES_AT_A_TIME)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
