"""Soft Jaccard index, also called intersection over union."""

from __future__ import annotations

import keras

from maskforge.nn.losses.overlap import Areas, OverlapLoss, ratio
from maskforge.nn.losses.target_channels import Tensor


@keras.saving.register_keras_serializable(package="maskforge")
class Jaccard(OverlapLoss):
    """Soft Jaccard (Rahman & Wang 2016).

    One minus the mean over classes of

        (Σ t p + smooth) / (Σ t + Σ p - Σ t p + smooth)

    Args:
        **options: As in ``OverlapLoss``.
    """

    NAME = "jaccard"

    def error(self, areas: Areas) -> Tensor:
        """Return one minus the Jaccard index of every class."""
        difference = areas.missed + areas.wrong
        return ratio(difference, areas.both + difference + self.smooth)
