"""What all losses have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypedDict

import keras
from keras import ops

from maskforge.choices import Head
from maskforge.errors import OptionError
from maskforge.nn.losses.target_channels import Prepared, Tensor, prepare

Reduction: TypeAlias = Literal["sum_over_batch_size", "sum", "mean", "none"] | None


class LossOptions(TypedDict, total=False):
    """Arguments of ``SegmentationLoss``."""

    head: Head
    from_logits: bool
    reduction: Reduction
    name: str | None


class SegmentationLoss(keras.losses.Loss):
    """Base of the losses: one value per image, void left out, always computed in float32.

    Targets may be integer, one-hot or multi-hot (see ``losses.target_channels``). A sample
    weight is a weight per image, (B,).

    Args:
        head: ``sigmoid`` for channels that are decided one by one, ``softmax`` for channels that
            exclude each other.
        from_logits: Whether the outputs are logits rather than probabilities. Prefer logits.
        reduction: Of the values per image, as in every Keras loss.
        name: Of the loss in Keras' logs.
    """

    def __init__(
        self,
        *,
        head: Head = "sigmoid",
        from_logits: bool = True,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        if head not in ("sigmoid", "softmax"):
            raise OptionError(f"{head!r} is not a head", hint="use 'sigmoid' or 'softmax'")
        # float32 whatever the policy: sums over pixels overflow in float16, and bfloat16 cannot
        # count above 256
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.head = head
        self.from_logits = from_logits

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of every image, (B,) float32."""
        prepared = prepare(y_true, y_pred, head=self.head, from_logits=self.from_logits)
        return self.per_image(prepared)

    def per_image(self, prepared: Prepared) -> Tensor:
        """Return the loss of every image, (B,) float32, from prepared targets and logits."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "head": self.head, "from_logits": self.from_logits}


def spatial_axes(tensor: Tensor) -> tuple[int, ...]:
    """Return the axes between batch and channels."""
    return tuple(range(1, len(tensor.shape) - 1))


def pixel_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Return the mean of (B, ..., C) over what is valid of each image, (B,); 0 if nothing is."""
    axes = tuple(range(1, len(values.shape)))
    count = ops.sum(valid, axis=axes)
    return ops.sum(values * valid, axis=axes) / ops.maximum(count, 1.0)


def checked_class_weights(weights: Sequence[float] | None) -> tuple[float, ...] | None:
    """Return class weights as a tuple.

    Raises:
        OptionError: If one is negative.
    """
    if weights is None:
        return None
    values = tuple(float(weight) for weight in weights)
    if not values or any(not weight >= 0 for weight in values):
        raise OptionError(f"class weights {values} must be numbers of at least 0")
    return values


def channel_weights(weights: tuple[float, ...] | None, channels: int) -> Tensor:
    """Return a weight for each channel, (K,) float32.

    Raises:
        OptionError: If there are more or fewer weights than channels.
    """
    if weights is None:
        return ops.ones((channels,), dtype="float32")
    if len(weights) != channels:
        raise OptionError(
            f"there are {len(weights)} class weights, but the network has {channels} channels"
        )
    return ops.convert_to_tensor(weights, dtype="float32")
