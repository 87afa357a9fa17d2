"""Whether predicted probabilities are what they say."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from maskforge.evaluation.measures.histogram import BINS, ProbabilityHistogram

CALIBRATION_BINS = 16
"""Divides the number of fine bins, so that no pixel is counted in the wrong one."""


class CalibrationBin(msgspec.Struct, frozen=True, kw_only=True):
    """Pixels with about the same probability.

    Attributes:
        low: Smallest probability of the bin.
        high: Largest; not itself in the bin, but for 1.
        pixels: Their number.
        predicted: Mean probability, to 1/2048; None without pixels.
        true: Share of them that has the class; None without pixels.
    """

    low: float
    high: float
    pixels: int
    predicted: float | None
    true: float | None


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The reliability diagram of a class.

    Attributes:
        bins: From low to high probability.
        error: Expected calibration error: mean of |true - predicted| over all pixels (Naeini,
            Cooper, Hauskrecht 2015); None without pixels. Where nearly everything is background
            it is small whatever the network says about the rest: look at the bins.
    """

    bins: tuple[CalibrationBin, ...]
    error: float | None


def calibrate(histogram: ProbabilityHistogram, names: Sequence[str]) -> dict[str, Calibration]:
    """Return the calibration of every channel by name.

    Args:
        histogram: Of probabilities.
        names: A name for each of its channels.
    """
    return {name: _channel(histogram, channel) for channel, name in enumerate(names)}


def _channel(histogram: ProbabilityHistogram, channel: int) -> Calibration:
    shape = (CALIBRATION_BINS, BINS // CALIBRATION_BINS)
    positive = histogram.positive[channel].reshape(shape)
    counted = positive + histogram.negative[channel].reshape(shape)
    centers = ((np.arange(BINS) + 0.5) / BINS).reshape(shape)
    pixels = counted.sum(axis=1)
    sums = (counted * centers).sum(axis=1)
    true = positive.sum(axis=1)
    bins = tuple(
        CalibrationBin(
            low=index / CALIBRATION_BINS,
            high=(index + 1) / CALIBRATION_BINS,
            pixels=int(pixels[index]),
            predicted=float(sums[index] / pixels[index]) if pixels[index] else None,
            true=float(true[index] / pixels[index]) if pixels[index] else None,
        )
        for index in range(CALIBRATION_BINS)
    )
    total = int(pixels.sum())
    error = float(np.abs(sums - true).sum() / total) if total else None
    return Calibration(bins=bins, error=error)
