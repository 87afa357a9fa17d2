"""Ratios of counts, of which some are not defined."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def divide(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Return ``part / whole``, NaN where ``whole`` is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    result = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=result, where=whole != 0)
    return result


def mean(values: NDArray[Any], axis: int = -1) -> NDArray[np.float64]:
    """Return the mean of the values that are defined; NaN if none is."""
    values = np.asarray(values, np.float64)
    known = ~np.isnan(values)
    return divide(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis))


def share(part: int, whole: int) -> float | None:
    """Return ``part / whole``, None if ``whole`` is 0."""
    return part / whole if whole else None


def defined(value: Any) -> float | None:  # noqa: ANN401 - whatever NumPy calls a number
    """Return a number as float, and NaN as None, as it stands in reports."""
    number = float(value)
    return None if math.isnan(number) else number
