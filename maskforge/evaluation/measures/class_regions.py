"""One class in one image, in truth and prediction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.outlines import Distances, border_distances


@dataclass(frozen=True, eq=False)
class ClassRegions:
    """Where a class is in an image, without the margin in which it is on neither side.

    Attributes:
        truth: (H, W) bool.
        predicted: Likewise.
        options: How it is measured.
    """

    truth: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    options: MeasureOptions

    @cached_property
    def distances(self) -> Distances:
        """The distances between the outlines; on neither side the region may be empty."""
        found = border_distances(self.truth, self.predicted, self.options.spacing)
        assert found is not None
        return found
