"""Metrics that count pixels over all batches, void left out, for any Keras model.

A mean of the Dice of batches is not the Dice of the data set, and counting the background makes any
network look good; these metrics do neither.
"""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

import keras
from keras import ops

from maskforge.choices import Head
from maskforge.errors import OptionError
from maskforge.nn.losses.target_channels import Tensor, read_targets

_CARRY = 2.0**22
"""Float32 counts exactly up to 2**24: what is above this is carried to a second number."""


class MetricOptions(TypedDict, total=False):
    """Arguments of ``PixelMetric``."""

    head: Head
    from_logits: bool
    threshold: float
    name: str


class PixelMetric(keras.metrics.Metric):
    """Base of metrics that are quotients of counts of pixels.

    Targets may be integer, one-hot or multi-hot (see ``losses.target_channels``). Counts are
    exact up to 2**46 pixels, as long as one batch has no more than 2**22.

    Args:
        outputs: Channels of the network.
        head: ``sigmoid``: a channel is on from the threshold; ``softmax``: the largest channel is.
        from_logits: Whether the outputs are logits rather than probabilities.
        threshold: Probability from which on a pixel belongs to the class; for sigmoid.
        name: In Keras' logs.

    Raises:
        OptionError: If an argument is out of its range.
    """

    def __init__(
        self,
        outputs: int,
        *,
        head: Head = "sigmoid",
        from_logits: bool = True,
        threshold: float = 0.5,
        name: str = "pixels",
    ) -> None:
        if head not in ("sigmoid", "softmax"):
            raise OptionError(f"{head!r} is not a head", hint="use 'sigmoid' or 'softmax'")
        if not 0 < threshold < 1:
            raise OptionError(f"the threshold is {threshold}, not between 0 and 1")
        super().__init__(name=name, dtype="float32")
        self.outputs = outputs
        self.head = head
        self.from_logits = from_logits
        self.threshold = threshold
        # three rows: right, only true, only predicted
        self._low = self.add_variable((3, outputs), "zeros", name="low")
        self._high = self.add_variable((3, outputs), "zeros", name="high")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Count the pixels of a batch.

        Raises:
            OptionError: If weights are given, or targets and outputs do not fit.
        """
        if sample_weight is not None:
            raise OptionError("pixels are counted, not weighted", hint="leave the weights out")
        truth, valid = read_targets(y_true, self.outputs, self.head)
        scores = ops.cast(y_pred, "float32")
        if self.head == "softmax":
            chosen = ops.expand_dims(ops.argmax(scores, axis=-1), -1)
            on = ops.equal(ops.cast(chosen, "int32"), ops.arange(self.outputs, dtype="int32"))
        else:
            on = (ops.sigmoid(scores) if self.from_logits else scores) >= self.threshold
        predicted = ops.cast(on, "float32")
        axes = tuple(range(len(truth.shape) - 1))
        counts = ops.stack(
            [
                ops.sum(values * valid, axis=axes)
                for values in (
                    self._right(truth, predicted),
                    truth * (1.0 - predicted),
                    (1.0 - truth) * predicted,
                )
            ]
        )
        low = self._low + counts
        carried = ops.floor(low / _CARRY)
        self._low.assign(low - carried * _CARRY)
        self._high.assign(self._high + carried)

    def _right(self, truth: Tensor, predicted: Tensor) -> Tensor:
        return truth * predicted

    def _counts(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the pixels of every class that are right, only true, and only predicted."""
        counts = self._low + self._high * _CARRY
        return counts[0], counts[1], counts[2]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {
            "outputs": self.outputs,
            "head": self.head,
            "from_logits": self.from_logits,
            "threshold": self.threshold,
            "name": self.name,
        }


class ClassMetric(PixelMetric):
    """Base of metrics with a value for every class and their mean over the foreground classes."""

    def per_class(self) -> Tensor:
        """Return the value of every channel, (outputs,) float32.

        NaN for classes that are neither in the targets nor predicted.
        """
        raise NotImplementedError

    def result(self) -> Tensor:
        """Return the mean over foreground classes that are in the targets or predicted.

        NaN if there are none: nothing is known then, which is neither good nor bad.
        """
        values = self.per_class()
        if self.head == "softmax":
            values = values[1:]
        known = ops.logical_not(ops.isnan(values))
        return _quotient(
            ops.sum(ops.where(known, values, 0.0)), ops.sum(ops.cast(known, "float32"))
        )


@keras.saving.register_keras_serializable(package="maskforge", name="DiceMetric")
class Dice(ClassMetric):
    """Dice coefficient 2 TP / (2 TP + FP + FN), counted over all batches.

    Args:
        outputs: Channels of the network.
        **options: As in ``PixelMetric``.
    """

    def __init__(self, outputs: int, **options: Unpack[MetricOptions]) -> None:
        options.setdefault("name", "dice")
        super().__init__(outputs, **options)

    def per_class(self) -> Tensor:
        """Return the Dice of every channel, (outputs,) float32; NaN where there is nothing."""
        right, missed, wrong = self._counts()
        return _quotient(2.0 * right, 2.0 * right + missed + wrong)


@keras.saving.register_keras_serializable(package="maskforge", name="IoUMetric")
class IoU(ClassMetric):
    """Intersection over union TP / (TP + FP + FN), counted over all batches.

    Args:
        outputs: Channels of the network.
        **options: As in ``PixelMetric``.
    """

    def __init__(self, outputs: int, **options: Unpack[MetricOptions]) -> None:
        options.setdefault("name", "iou")
        super().__init__(outputs, **options)

    def per_class(self) -> Tensor:
        """Return the IoU of every channel, (outputs,) float32; NaN where there is nothing."""
        right, missed, wrong = self._counts()
        return _quotient(right, right + missed + wrong)


@keras.saving.register_keras_serializable(package="maskforge", name="PixelAccuracyMetric")
class PixelAccuracy(PixelMetric):
    """Share of the pixels that are right, the background among them.

    For sigmoid, of the decisions for every pixel and channel. High by nature where most of a
    image is background: look at Dice.

    Args:
        outputs: Channels of the network.
        **options: As in ``PixelMetric``.
    """

    def __init__(self, outputs: int, **options: Unpack[MetricOptions]) -> None:
        options.setdefault("name", "pixel_accuracy")
        super().__init__(outputs, **options)

    def _right(self, truth: Tensor, predicted: Tensor) -> Tensor:
        right = truth * predicted
        if self.head == "softmax":
            return right
        return right + (1.0 - truth) * (1.0 - predicted)

    def result(self) -> Tensor:
        """Return the share; NaN before the first valid pixel."""
        right, missed, wrong = (ops.sum(counts) for counts in self._counts())
        # a wrong pixel of a softmax head is missed in one class and wrong in another
        errors = missed if self.head == "softmax" else missed + wrong
        return _quotient(right, right + errors)


def _quotient(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return a quotient; NaN if the denominator is 0."""
    there = denominator > 0
    return ops.where(there, numerator / ops.where(there, denominator, 1.0), float("nan"))
