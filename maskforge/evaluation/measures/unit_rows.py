"""What is asked of units, and what was measured of those of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class UnitQuestion:
    """Is there a lesion in each unit?

    Attributes:
        source: Where the units come from, for people.
        unit_classes: The classes of which they are made.
        lesion_classes: The classes whose regions make them positive.
        least: Number of pixels of a lesion that make a unit positive.
    """

    source: str
    unit_classes: tuple[str, ...]
    lesion_classes: tuple[str, ...]
    least: int


@dataclass(frozen=True, slots=True, eq=False)
class UnitRows:
    """The U units of an image.

    Attributes:
        names: What they are called.
        pixels: (U,) their sizes.
        truth: (U,) bool: whether there is a lesion.
        predicted: (U,) bool: whether one was predicted.
        scores: (U,) how sure the prediction is; NaN without probabilities.
        depths: (2, U) how deep lesions reach in truth and prediction; None if nobody asked.
        lost: Number of units of which the instance map shows no pixel.
        outside: Pixels of lesions in no unit, and lesions wholly there: of the truth, and of the
            prediction.
    """

    names: tuple[str, ...]
    pixels: NDArray[np.int64]
    truth: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    scores: NDArray[np.float64]
    depths: NDArray[np.uint8] | None
    lost: int
    outside: tuple[int, int, int, int]
