"""Focal Tversky loss."""

from __future__ import annotations

from typing import Any, Unpack

import keras
from keras import ops

from maskforge.nn.loss_catalog import checked_parameters
from maskforge.nn.losses.overlap import Areas
from maskforge.nn.losses.target_channels import Tensor
from maskforge.nn.losses.tversky import Tversky, TverskyOptions


@keras.saving.register_keras_serializable(package="maskforge")
class FocalTversky(Tversky):
    """Focal Tversky loss (Abraham & Khan 2019).

    The mean over classes of

        (1 - TI)^gamma

    with the Tversky index TI of every class. **gamma is the exponent itself**, as in the authors'
    code; their paper writes the exponent 1 / γ, so its γ = 4/3 is 0.75 here. Below 1, classes that
    are nearly right keep a say; above 1, the loss looks at the worst classes.

    Args:
        gamma: Exponent.
        **options: As in ``Tversky``.
    """

    NAME = "focal-tversky"

    def __init__(self, *, gamma: float = 0.75, **options: Unpack[TverskyOptions]) -> None:
        super().__init__(**options)
        checked_parameters(self.NAME, gamma=gamma)
        self.gamma = gamma

    def error(self, areas: Areas) -> Tensor:
        """Return the power of one minus the Tversky index of every class."""
        error = super().error(areas)
        # below 1, the slope of the power is infinite at 0
        small = keras.config.epsilon()
        return ops.where(error <= small, 0.0, ops.power(ops.maximum(error, small), self.gamma))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "gamma": self.gamma}
