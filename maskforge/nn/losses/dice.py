"""Soft Dice."""

from __future__ import annotations

from typing import Any, Unpack

import keras

from maskforge.nn.losses.overlap import Areas, OverlapLoss, OverlapOptions, ratio
from maskforge.nn.losses.target_channels import Tensor


@keras.saving.register_keras_serializable(package="maskforge")
class Dice(OverlapLoss):
    """Soft Dice (Milletari et al. 2016, V-Net).

    One minus the mean over classes of

        (2 Σ t p + smooth) / (Σ t + Σ p + smooth)

    or, with ``squared``, of (2 Σ t p + smooth) / (Σ t² + Σ p² + smooth), as the paper has it. The
    plain denominator is the default, as in nnU-Net and MONAI.

    Args:
        squared: Whether the denominator has squares.
        **options: As in ``OverlapLoss``.
    """

    NAME = "dice"

    def __init__(self, *, squared: bool = False, **options: Unpack[OverlapOptions]) -> None:
        super().__init__(**options)
        self.squared = squared

    def error(self, areas: Areas) -> Tensor:
        """Return one minus the Dice of every class."""
        # numerators of the difference, not 1 - ratio, which loses the small errors to rounding
        if self.squared:
            return ratio(areas.squared_difference, areas.squared_sum + self.smooth)
        difference = areas.missed + areas.wrong
        return ratio(difference, 2.0 * areas.both + difference + self.smooth)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "squared": self.squared}
