"""Focal loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import keras
from keras import ops

from maskforge.errors import OptionError
from maskforge.nn.loss_catalog import checked_parameters
from maskforge.nn.losses.base import (
    LossOptions,
    SegmentationLoss,
    channel_weights,
    checked_class_weights,
    pixel_mean,
)
from maskforge.nn.losses.target_channels import Prepared, Tensor, log_probabilities

_ALPHA = 0.25


@keras.saving.register_keras_serializable(package="maskforge")
class Focal(SegmentationLoss):
    """Focal loss (Lin et al. 2017): cross-entropy in which what is already right counts little.

    For the sigmoid head the mean over pixels and channels of

        - alpha w t (1 - p)^gamma log p - (1 - alpha) (1 - t) p^gamma log(1 - p)

    and for the softmax head, where the class weights w take the place of alpha, over pixels of

        - Σ_c w_c t_c (1 - p_c)^gamma log p_c

    The paper divides by the number of positive pixels instead of all; that is left out, as it makes
    the loss explode on images with few.

    Args:
        gamma: How fast well-classified pixels lose their weight; 0 is the cross-entropy.
        alpha: Weight of the foreground pixels, 1 - alpha of the others; 0.25 if None. For the
            sigmoid head alone.
        class_weights: Weight of every channel; all 1 if None.
        **options: As in ``SegmentationLoss``.

    Raises:
        OptionError: If a value is out of its range, or alpha is given with softmax.
    """

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        alpha: float | None = None,
        class_weights: Sequence[float] | None = None,
        **options: Unpack[LossOptions],
    ) -> None:
        options.setdefault("name", "focal")
        super().__init__(**options)
        checked_parameters("focal", gamma=gamma, alpha=alpha)
        if self.head == "softmax" and alpha is not None:
            raise OptionError(
                "alpha of the focal loss weighs foreground against the rest of one channel, but "
                "softmax has a channel for each",
                hint="use class weights instead",
            )
        self.gamma = gamma
        self.alpha = alpha
        self.class_weights = checked_class_weights(class_weights)

    def per_image(self, prepared: Prepared) -> Tensor:
        """Return the mean over pixels of every image, (B,)."""
        truth, valid, logits = prepared
        weights = channel_weights(self.class_weights, logits.shape[-1])
        log = log_probabilities(logits, self.head)
        if self.head == "softmax":
            values = ops.sum(weights * truth * self._focus(log) * log, axis=-1, keepdims=True)
            return pixel_mean(-values, valid)
        alpha = _ALPHA if self.alpha is None else self.alpha
        log_rest = log_probabilities(-logits, self.head)
        positive = alpha * weights * truth * ops.exp(self.gamma * log_rest) * log
        negative = (1.0 - alpha) * (1.0 - truth) * ops.exp(self.gamma * log) * log_rest
        return pixel_mean(-(positive + negative), valid)

    def _focus(self, log: Tensor) -> Tensor:
        """Return (1 - p)^gamma; its slope at p = 1 is infinite for gamma below 1, and cut off."""
        return ops.power(ops.maximum(-ops.expm1(log), keras.config.epsilon()), self.gamma)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        config = {"gamma": self.gamma, "alpha": self.alpha, "class_weights": self.class_weights}
        return {**super().get_config(), **config}
