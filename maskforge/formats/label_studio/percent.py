"""Between pixels and the percent of an image in which Label Studio writes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

DECIMALS = 10
"""Decimals of a pixel that percent hold: a tenth of them differs from whole pixels in the last bit.

So that whole, half and any pixels with so many decimals come back, they are rounded when read.
"""


def to_pixels(percent: ArrayLike, side: ArrayLike) -> NDArray[np.float64]:
    """Return percent of a side as pixels, with ten decimals."""
    pixels = np.asarray(percent, np.float64) * np.asarray(side, np.float64) / 100
    return np.round(pixels, DECIMALS)


def to_percent(pixels: ArrayLike, side: ArrayLike) -> NDArray[np.float64]:
    """Return pixels as percent of a side."""
    return np.asarray(pixels, np.float64) * 100 / np.asarray(side, np.float64)
