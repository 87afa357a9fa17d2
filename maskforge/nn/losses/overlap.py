"""Losses that are one minus a ratio of areas, for every class."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Unpack

import keras
from keras import ops

from maskforge.nn.devices import sum_over_devices
from maskforge.nn.loss_catalog import checked_parameters
from maskforge.nn.losses.base import LossOptions, SegmentationLoss, spatial_axes
from maskforge.nn.losses.target_channels import Prepared, Tensor, probabilities


class Areas(NamedTuple):
    """Soft areas of every class in pixels, (B, K), or (1, K) over the batch.

    Attributes:
        both: Sum of t p: true and predicted.
        missed: Sum of t (1 - p).
        wrong: Sum of (1 - t) p.
        squared_difference: Sum of (t - p)².
        squared_sum: Sum of t² + p².
    """

    both: Tensor
    missed: Tensor
    wrong: Tensor
    squared_difference: Tensor
    squared_sum: Tensor


class OverlapOptions(LossOptions, total=False):
    """Arguments of ``OverlapLoss``."""

    smooth: float
    per_image: bool
    include_background: bool


class OverlapLoss(SegmentationLoss):
    """Base of the losses that are one minus a ratio of areas; the mean over classes.

    Args:
        smooth: Pixels added to numerator and denominator, so that a class that is neither there nor
            predicted costs nothing, and one that is not there costs more the more is predicted.
        per_image: Whether every image has its own ratio. By default there is one over the batch, as
            nnU-Net does it in two dimensions: an image without any foreground then does not make
            the ratio jump with its first wrong pixel.
        include_background: Whether the background of a softmax head counts as a class. By default
            only the foreground does: the background is nearly right from the start and would halve
            the say of the others. The sigmoid head has no such channel.
        **options: As in ``SegmentationLoss``.

    Raises:
        OptionError: If a value is out of its range.
    """

    NAME: ClassVar[str]

    def __init__(
        self,
        *,
        smooth: float = 1.0,
        per_image: bool = False,
        include_background: bool = False,
        **options: Unpack[LossOptions],
    ) -> None:
        options.setdefault("name", self.NAME.replace("-", "_"))
        super().__init__(**options)
        checked_parameters(self.NAME, smooth=smooth)
        self.smooth = smooth
        self.ratio_per_image = per_image
        self.include_background = include_background

    def error(self, areas: Areas) -> Tensor:
        """Return one minus the ratio of every class."""
        raise NotImplementedError

    def per_image(self, prepared: Prepared) -> Tensor:
        """Return the mean over the classes of every image, (B,)."""
        truth, valid, logits = prepared
        predicted = probabilities(logits, self.head)
        rest = 1.0 - predicted
        if self.head == "softmax" and not self.include_background:
            truth, predicted, rest = truth[..., 1:], predicted[..., 1:], rest[..., 1:]
        axes = spatial_axes(truth)
        if not self.ratio_per_image:
            axes = (0, *axes)

        def area(values: Tensor) -> Tensor:
            return ops.sum(values * valid, axis=axes)

        sums = (
            area(truth * predicted),
            area(truth * rest),
            area((1.0 - truth) * predicted),
            area(ops.square(truth - predicted)),
            area(ops.square(truth) + ops.square(predicted)),
        )
        areas = Areas(*(sums if self.ratio_per_image else sum_over_devices(sums)))
        error = ops.mean(self.error(areas), axis=-1)
        # one value per image even if all are the same, so that weights and strategies that divide
        # by the number of images work
        return error + ops.zeros_like(logits[(slice(None), *[0] * (len(logits.shape) - 1))])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {
            **super().get_config(),
            "smooth": self.smooth,
            "per_image": self.ratio_per_image,
            "include_background": self.include_background,
        }


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return a quotient; 0 / 0 is 0."""
    return numerator / ops.maximum(denominator, keras.config.epsilon())
