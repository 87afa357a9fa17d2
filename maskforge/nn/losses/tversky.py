"""Tversky loss."""

from __future__ import annotations

from typing import Any, Unpack

import keras

from maskforge.nn.loss_catalog import checked_parameters
from maskforge.nn.losses.overlap import Areas, OverlapLoss, OverlapOptions, ratio
from maskforge.nn.losses.target_channels import Tensor


class TverskyOptions(OverlapOptions, total=False):
    """Arguments of ``Tversky``."""

    alpha: float
    beta: float


@keras.saving.register_keras_serializable(package="maskforge")
class Tversky(OverlapLoss):
    """Tversky loss (Salehi et al. 2017).

    One minus the mean over classes of

        (TP + smooth) / (TP + alpha FN + beta FP + smooth)

    with TP = Σ t p, FN = Σ t (1 - p) and FP = Σ (1 - t) p. **alpha is for missed pixels**, as in
    Abraham & Khan 2019, so 0.7 and 0.3 find more of a small class than Dice does; Salehi et al. and
    MONAI name the two the other way round. (``keras.losses.Tversky`` says the same as they do, but
    up to Keras 3.15 computes as here.) With 0.5 and 0.5 it is Dice of twice the ``smooth``, with 1
    and 1 Jaccard.

    Args:
        alpha: Weight of missed pixels (false negatives).
        beta: Weight of wrongly marked pixels (false positives).
        **options: As in ``OverlapLoss``.
    """

    NAME = "tversky"

    def __init__(
        self, *, alpha: float = 0.7, beta: float = 0.3, **options: Unpack[OverlapOptions]
    ) -> None:
        super().__init__(**options)
        checked_parameters(self.NAME, alpha=alpha, beta=beta)
        self.alpha = alpha
        self.beta = beta

    def error(self, areas: Areas) -> Tensor:
        """Return one minus the Tversky index of every class."""
        difference = self.alpha * areas.missed + self.beta * areas.wrong
        return ratio(difference, areas.both + difference + self.smooth)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta}
