"""Lovász losses."""

from __future__ import annotations

from typing import Unpack

import keras
from keras import ops

from maskforge.nn.losses.base import LossOptions, SegmentationLoss
from maskforge.nn.losses.target_channels import Prepared, Tensor, probabilities

_LAST = -1e30


@keras.saving.register_keras_serializable(package="maskforge")
class Lovasz(SegmentationLoss):
    """Lovász hinge and Lovász softmax (Berman et al. 2018): the Jaccard index made convex.

    With the errors m of the pixels of a class in falling order, and J the Jaccard loss of the set
    of the first i pixels being wrong, the loss of the class is

        Σ_i m_i (J_i - J_(i-1))

    For the sigmoid head, m = max(0, 1 - (2t - 1) logit), and the loss is the mean over channels.
    For the softmax head, m = |t - p|, and the loss is the mean over the classes that are in the
    image, the background among them. Each image by itself. Sorting makes it slow: fine-tune with
    it, or add it to a cross-entropy.

    Args:
        **options: As in ``SegmentationLoss``.
    """

    def __init__(self, **options: Unpack[LossOptions]) -> None:
        options.setdefault("name", "lovasz")
        super().__init__(**options)

    def per_image(self, prepared: Prepared) -> Tensor:
        """Return the loss of every image, (B,)."""
        truth, valid, logits = prepared
        if self.head == "sigmoid":
            errors = ops.relu(1.0 - (2.0 * truth - 1.0) * logits)
        else:
            errors = ops.abs(truth - probabilities(logits, self.head))
        rows = (-1, _count(truth), truth.shape[-1])
        known = ops.reshape(ops.broadcast_to(valid, ops.shape(truth)), rows)
        truth, errors = ops.reshape(truth, rows), ops.reshape(errors, rows)
        # void comes last, where it changes no Jaccard loss of what stands before it
        order = ops.argsort(ops.where(known > 0, -ops.stop_gradient(errors), -_LAST), axis=1)
        values = ops.take_along_axis(errors * known, order, axis=1)
        steps = _jaccard_steps(ops.take_along_axis(truth, order, axis=1))
        of_class = ops.sum(values * ops.stop_gradient(steps), axis=1)
        if self.head == "sigmoid":
            return ops.mean(of_class, axis=-1)
        present = ops.cast(ops.any(truth > 0, axis=1), "float32")
        # a product, unlike a choice, keeps the NaN of a target that is not a class
        return ops.sum(of_class * present, axis=-1) / ops.maximum(ops.sum(present, axis=-1), 1.0)


def _count(tensor: Tensor) -> Tensor:
    """Return the pixels of an image, where a graph may know them only when it runs."""
    count: Tensor = 1
    for side in ops.shape(tensor)[1:-1]:
        count = count * side
    return count


def _jaccard_steps(truth: Tensor) -> Tensor:
    """Return how much each further wrong pixel adds to the Jaccard loss; (B, N, K)."""
    total = ops.sum(truth, axis=1, keepdims=True)
    intersection = total - ops.cumsum(truth, axis=1)
    union = total + ops.cumsum(1.0 - truth, axis=1)
    jaccard = 1.0 - intersection / union
    return ops.concatenate([jaccard[:, :1], jaccard[:, 1:] - jaccard[:, :-1]], axis=1)
