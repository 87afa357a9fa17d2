"""Sparse categorical cross-entropy."""

from __future__ import annotations

from typing import Unpack

import keras

from maskforge.errors import OptionError
from maskforge.nn.losses.categorical_crossentropy import (
    CategoricalCrossentropy,
    CrossentropyOptions,
)
from maskforge.nn.losses.target_channels import Tensor


@keras.saving.register_keras_serializable(package="maskforge")
class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """Categorical cross-entropy that takes integer targets alone, for the softmax head.

    The value is that of ``CategoricalCrossentropy``, which takes both; this one refuses one-hot
    targets, for those who want to be sure of what they feed.

    Args:
        **options: As in ``CategoricalCrossentropy``.
    """

    def __init__(self, **options: Unpack[CrossentropyOptions]) -> None:
        options.setdefault("name", "sparse_cce")
        super().__init__(**options)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of every image, (B,) float32."""
        if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] != 1:
            raise OptionError(
                f"sparse cross-entropy takes integer targets, not {y_true.shape[-1]} channels",
                hint="use cce, which takes one-hot targets, too",
            )
        return super().call(y_true, y_pred)
