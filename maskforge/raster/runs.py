"""Regions of pixels as horizontal runs: compact, and cheap to unite, count and paint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Horizontal runs of pixels, sorted by region, row and start; disjoint within a region.

    Attributes:
        region: (N,) int64, which region the run belongs to.
        row: (N,) int64, image row.
        start: (N,) int64, first column.
        stop: (N,) int64, column behind the last one; stop > start.
    """

    region: NDArray[np.int64]
    row: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
