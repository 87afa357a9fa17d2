"""Categorical cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import keras
from keras import ops

from maskforge.errors import OptionError
from maskforge.nn.losses.base import (
    LossOptions,
    SegmentationLoss,
    channel_weights,
    checked_class_weights,
    pixel_mean,
)
from maskforge.nn.losses.target_channels import Prepared, Tensor, log_probabilities


class CrossentropyOptions(LossOptions, total=False):
    """Arguments of ``CategoricalCrossentropy``."""

    class_weights: Sequence[float] | None


@keras.saving.register_keras_serializable(package="maskforge")
class CategoricalCrossentropy(SegmentationLoss):
    """Categorical cross-entropy of classes that exclude each other, for the softmax head.

    With truth t and probability p of class c, and its weight w, the mean over pixels of

        - Σ_c w_c t_c log p_c

    (not divided by the sum of the weights, as PyTorch does it).

    Args:
        class_weights: Weight of each class, the background's first; all 1 if None.
        **options: As in ``SegmentationLoss``; ``head`` is ``softmax`` here.

    Raises:
        OptionError: If the head is sigmoid.
    """

    def __init__(
        self, *, class_weights: Sequence[float] | None = None, **options: Unpack[LossOptions]
    ) -> None:
        options.setdefault("name", "cce")
        options.setdefault("head", "softmax")
        super().__init__(**options)
        if self.head != "softmax":
            raise OptionError(
                "categorical cross-entropy needs channels that compete for every pixel, but "
                "sigmoid decides each channel by itself",
                hint="use BinaryCrossentropy, or the softmax head",
            )
        self.class_weights = checked_class_weights(class_weights)

    def per_image(self, prepared: Prepared) -> Tensor:
        """Return the mean over pixels of every image, (B,)."""
        truth, valid, logits = prepared
        log = log_probabilities(logits, self.head)
        weights = channel_weights(self.class_weights, logits.shape[-1])
        return pixel_mean(-ops.sum(weights * truth * log, axis=-1, keepdims=True), valid)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "class_weights": self.class_weights}
