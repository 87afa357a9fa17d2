"""Binary cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import keras

from maskforge.errors import OptionError
from maskforge.nn.losses.base import (
    LossOptions,
    SegmentationLoss,
    channel_weights,
    checked_class_weights,
    pixel_mean,
)
from maskforge.nn.losses.target_channels import Prepared, Tensor, log_probabilities


@keras.saving.register_keras_serializable(package="maskforge")
class BinaryCrossentropy(SegmentationLoss):
    """Binary cross-entropy of every channel by itself, for the sigmoid head.

    With truth t, probability p and weight w of the class, the mean over pixels and channels of

        - w t log p - (1 - t) log(1 - p)

    Args:
        class_weights: Weight of the positive pixels of each channel; all 1 if None. Above 1, missed
            pixels cost more than wrongly marked ones.
        **options: As in ``SegmentationLoss``.

    Raises:
        OptionError: If the head is softmax.
    """

    def __init__(
        self, *, class_weights: Sequence[float] | None = None, **options: Unpack[LossOptions]
    ) -> None:
        options.setdefault("name", "bce")
        super().__init__(**options)
        if self.head != "sigmoid":
            raise OptionError(
                "binary cross-entropy treats every channel by itself, but softmax makes them "
                "compete",
                hint="use CategoricalCrossentropy, or the sigmoid head",
            )
        self.class_weights = checked_class_weights(class_weights)

    def per_image(self, prepared: Prepared) -> Tensor:
        """Return the mean over pixels and channels of every image, (B,)."""
        truth, valid, logits = prepared
        log = log_probabilities(logits, self.head)
        log_rest = log_probabilities(-logits, self.head)
        weights = channel_weights(self.class_weights, logits.shape[-1])
        return pixel_mean(-(weights * truth * log + (1.0 - truth) * log_rest), valid)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "class_weights": self.class_weights}
