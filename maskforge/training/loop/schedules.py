"""Learning rates that fall, and optimizers by name."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from maskforge.choices import Schedule
from maskforge.training.train_options import TrainOptions

_OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "nadam": keras.optimizers.Nadam,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}
_LAST_SHARE = 0.01  # of the highest learning rate, at the end of an exponential decay


@keras.saving.register_keras_serializable(package="maskforge")
class FallingRate(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises in a straight line and then falls.

    It depends on the number of the step alone, so a run that is continued has the right one.

    Args:
        kind: ``constant``, ``cosine`` (to 0; Loshchilov and Hutter 2017, without restarts) or
            ``exponential`` (to a hundredth).
        peak: Highest learning rate.
        steps: Steps of the whole training.
        warmup: Steps in which it rises from 0.
    """

    def __init__(self, kind: Schedule, peak: float, steps: int, warmup: int = 0) -> None:
        super().__init__()
        self.kind = kind
        self.peak = peak
        self.steps = steps
        self.warmup = warmup

    def __call__(self, step: Any) -> Any:  # noqa: ANN401 - a tensor of whichever backend
        """Return the learning rate of a step, counted from 0."""
        step = ops.cast(step, "float32")
        share = ops.clip((step - self.warmup) / max(self.steps - self.warmup, 1), 0.0, 1.0)
        rate = ops.ones_like(share)
        if self.kind == "cosine":
            rate = 0.5 * (1.0 + ops.cos(share * 3.141592653589793))
        elif self.kind == "exponential":
            rate = ops.power(_LAST_SHARE, share)
        rising = (step + 1.0) / max(self.warmup, 1)
        return self.peak * ops.where(step < self.warmup, rising, rate)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of this object."""
        return {
            "kind": self.kind,
            "peak": self.peak,
            "steps": self.steps,
            "warmup": self.warmup,
        }


def make_optimizer(options: TrainOptions, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Return the optimizer that options ask for.

    Args:
        options: The options.
        steps_per_epoch: Steps of one epoch.
    """
    rate: object = options.learning_rate
    if options.schedule != "plateau":  # which a callback lowers
        rate = FallingRate(
            options.schedule,
            options.learning_rate,
            options.epochs * steps_per_epoch,
            round(options.warmup * steps_per_epoch),
        )
    arguments: dict[str, Any] = {"learning_rate": rate}
    if options.optimizer == "sgd":
        arguments |= {"momentum": 0.9, "nesterov": True}
    if options.weight_decay:
        arguments["weight_decay"] = options.weight_decay
    if options.gradient_clip:
        arguments["global_clipnorm"] = options.gradient_clip
    return _OPTIMIZERS[options.optimizer](**arguments)
