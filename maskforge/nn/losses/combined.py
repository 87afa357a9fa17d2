"""Weighted sums of losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from maskforge.errors import OptionError
from maskforge.nn.losses.base import Reduction, SegmentationLoss
from maskforge.nn.losses.target_channels import Prepared, Tensor


@keras.saving.register_keras_serializable(package="maskforge")
class CombinedLoss(SegmentationLoss):
    """A sum of losses, each with its factor.

    Args:
        losses: Losses of this package, with one head and all from logits or none. Their own
            reductions do not count.
        weights: Factor of each; all 1 if None.
        reduction: Of the sums per image.
        name: Of the loss in Keras' logs.

    Raises:
        OptionError: If the losses do not go together, or there are more or fewer factors.
    """

    def __init__(
        self,
        losses: Sequence[SegmentationLoss],
        weights: Sequence[float] | None = None,
        *,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        if not losses:
            raise OptionError("a sum of losses needs at least one loss")
        first = losses[0]
        if any((one.head, one.from_logits) != (first.head, first.from_logits) for one in losses):
            raise OptionError(
                "the losses of a sum must have one head, and all take logits or none",
                hint="give each the same head= and from_logits=",
            )
        factors = tuple(1.0 for _ in losses) if weights is None else tuple(map(float, weights))
        if len(factors) != len(losses):
            raise OptionError(f"there are {len(factors)} weights for {len(losses)} losses")
        super().__init__(
            head=first.head,
            from_logits=first.from_logits,
            reduction=reduction,
            name=name or "_".join(one.name for one in losses),
        )
        self.losses = tuple(losses)
        self.weights = factors

    def per_image(self, prepared: Prepared) -> Tensor:
        """Return the sum of every image, (B,)."""
        total: Tensor = 0.0
        for loss, weight in zip(self.losses, self.weights, strict=True):
            total = total + weight * loss.per_image(prepared)
        return total

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {
            "losses": [keras.saving.serialize_keras_object(one) for one in self.losses],
            "weights": list(self.weights),
            "reduction": self.reduction,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> CombinedLoss:
        """Return the loss that a configuration describes."""
        losses = [keras.saving.deserialize_keras_object(one) for one in config["losses"]]
        return cls(**{**config, "losses": losses})
