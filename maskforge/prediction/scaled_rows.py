"""The rows of a large image as a network is to see them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import DatasetError
from maskforge.images.intensity import ScalingRecord, scale
from maskforge.images.large_image import LargeImage
from maskforge.prediction.tiling import Floats


class ScaledRows:
    """Stands for the (H, W, C) float32 of an image; rows are read and scaled when asked for.

    Attributes:
        shape: Height and width.
    """

    def __init__(self, image: LargeImage, scaling: ScalingRecord) -> None:
        """Take an image.

        Raises:
            DatasetError: If its values cannot be scaled without looking at all of them.
        """
        if scaling.kind not in ("zero-one", "minus-one-one"):
            raise DatasetError(
                f"{image.size} px are too many for a model with the scaling {scaling.kind}, which "
                "looks at all pixels first",
                hint="cut the image into tiles, or train with the scaling zero-one",
            )
        self.shape = image.shape
        self._image = image
        self._scaling = scaling

    def __getitem__(self, rows: slice) -> Floats:
        return scale(self._image.rows(rows.start, rows.stop), self._scaling)

    def take(self, indices: NDArray[np.intp], axis: int) -> Floats:
        """Return rows by their numbers, which are near each other."""
        del axis  # rows alone are asked for
        first = int(indices.min())
        rows = self[first : int(indices.max()) + 1]
        return rows[indices - first]
