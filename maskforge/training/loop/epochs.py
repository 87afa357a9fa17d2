"""What happens at every step and after every epoch of a training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from maskforge.errors import TrainingError
from maskforge.masks.classes import BACKGROUND
from maskforge.nn.backend import reset_peak_memory
from maskforge.prediction.tiling import Infer
from maskforge.training.curves import draw_curves
from maskforge.training.diagnostics import is_better, not_finite
from maskforge.training.loop.checkpoint import Checkpoint, arrays_of, state_of
from maskforge.training.loop.checkpoint_writer import CheckpointWriter
from maskforge.training.loop.feed import Feed
from maskforge.training.loop.validation import scores_of, validate
from maskforge.training.plan import TrainPlan
from maskforge.training.run_folder import CURVES, Epoch, Scores

Log = Callable[[str], None]
Marked = dict[str, int] | None
Logs = dict[str, Any] | None
Report = Callable[[str, int, int | None], None]
Track = Callable[[Epoch], None]

_CHECKED_EVERY = 10  # steps: looking at the loss makes the host wait for the device
_REDRAWN_AFTER = 30.0  # seconds: drawing takes a second
_PLATEAU = 5  # validations without a better score until the rate is halved
_PLATEAU_FACTOR = 0.5


class Epochs(keras.callbacks.Callback):
    """Validates, keeps the best weights, lowers the learning rate, saves, and stops.

    Args:
        plan: The plan.
        folder: Folder of the run.
        feed: The batches.
        infer: Gives the probabilities of the network that is learning.
        checkpoint: Where the training was left, or begins; changed in place.
        writer: Writes checkpoints.
        log: Takes lines for people.
        report: Takes phase, images done and images in all.
        track: Takes every epoch that is finished.

    Attributes:
        metrics: Metrics of the training batches by name: ``dice``, ``iou``, ``accuracy``.
        checkpoint: Where the training is.
        speeds: Images or crops in a second of training, of every epoch of this sitting.
        compiles: Whether the next step is compiled before it runs.
    """

    def __init__(
        self,
        plan: TrainPlan,
        folder: Path,
        feed: Feed,
        infer: Infer,
        checkpoint: Checkpoint,
        writer: CheckpointWriter,
        log: Log,
        report: Report,
        track: Track,
    ) -> None:
        super().__init__()
        self._plan = plan
        self._folder = folder
        self._feed = feed
        self._infer = infer
        self._writer = writer
        self._log = log
        self._report = report
        self._track = track
        self._checked = 0
        self._began = time.monotonic()
        self._earlier = checkpoint.progress.seconds
        self._sitting = self._drawn = time.monotonic()
        self.metrics: dict[str, Any] = {}
        self.checkpoint = checkpoint
        self.progress = checkpoint.progress
        self.speeds: list[float] = []
        self.compiles = False

    def score_initial(self, network: keras.Model) -> None:
        """Score the weights that the training begins with: the best until an epoch is better."""
        if self._plan.validation and self._plan.validation_has_foreground:
            scores, _ = self._validate()
            self.checkpoint.best = arrays_of(network.weights)
            self.progress.best_score = scores.dice
            self._log(f"before the first epoch: validation Dice {_class_dice(scores)}")

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Turn to the batches of the epoch."""
        self._feed.begin(epoch)
        self._began = time.monotonic()
        self._checked = 0

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Say why nothing moves for a while."""
        if self.compiles:
            self._log("compiling the network; the first step takes longer")
            self._report_steps(0)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look whether the loss is a number, and report progress."""
        if self.compiles:
            reset_peak_memory()
            self.compiles = False
        last = batch + 1 == len(self._feed)
        if last or batch + 1 - self._checked >= _CHECKED_EVERY:
            self._check_loss(batch, logs or {})
            self._checked = batch + 1
        self._report_steps(batch + 1)

    def _report_steps(self, done: int) -> None:
        epoch = len(self.progress.history) + 1
        size = self._plan.options.batch_size
        phase = f"epoch {epoch}/{self._plan.options.epochs}"
        self._report(phase, done * size, len(self._feed) * size)

    def _check_loss(self, batch: int, logs: dict[str, Any]) -> None:
        if math.isfinite(float(logs.get("loss", 0.0))):
            return
        suspects = [name for step in range(self._checked, batch + 1) for name in self._names(step)]
        epoch = len(self.progress.history) + 1
        policy = keras.config.dtype_policy().name
        message, hint = not_finite(batch + 1, epoch, suspects, policy)
        raise TrainingError(message, hint=hint)

    def _names(self, step: int) -> Sequence[str]:
        return self._feed.batches.names(step)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Validate, keep what is best, save, and decide whether to go on."""
        trained = time.monotonic() - self._began
        self.speeds.append(len(self._feed) * self._plan.options.batch_size / trained)
        options = self._plan.options
        loss = float((logs or {}).get("loss", math.nan))
        batch = {name: _finite(one.result()) for name, one in self.metrics.items()}
        train = Scores(dice=batch["dice"], iou=batch["iou"], accuracy=batch["accuracy"])
        scores: Scores | None = None
        marked: tuple[Marked, Marked] = (None, None)
        if (epoch + 1) % options.validate_every == 0 or epoch + 1 == options.epochs:
            if self._plan.validation:
                scores, marked = self._validate()
            self._keep(epoch + 1, scores)
        self._warn(self.progress.watch.look(loss, *marked))
        rate = float(np.asarray(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))
        seconds = time.monotonic() - self._began
        self.progress.history.append(
            Epoch(
                epoch=epoch + 1,
                loss=loss,
                learning_rate=rate,
                seconds=seconds,
                train=train,
                validation=scores,
            )
        )
        self._count_time()
        self._say(self.progress.history[-1])
        self._save()
        self._track(self.progress.history[-1])

    def close(self) -> None:
        """End the sitting: time that was spent on an epoch that is not whole counts, too."""
        self._count_time()
        if self.progress.history:
            self._draw()

    def _count_time(self) -> None:
        self.progress.seconds = self._earlier + time.monotonic() - self._sitting

    def _validate(self) -> tuple[Scores, tuple[Marked, Marked]]:
        """Return scores on the validation images, and the pixels marked in them and drawn."""
        counts = validate(self._infer, self._plan, self._plan.validation)
        names = [self._plan.classes.names[id_] for id_ in self._plan.classes.ids]
        cells = counts.counts.cells
        marked = dict(zip(names, (cells[:, 0] + cells[:, 1]).tolist(), strict=True))
        drawn = dict(zip(names, (cells[:, 0] + cells[:, 2]).tolist(), strict=True))
        return scores_of(counts, self._plan.classes.names[BACKGROUND]), (marked, drawn)

    def _keep(self, epoch: int, scores: Scores | None) -> None:
        """Keep the weights if they are the best, or if nothing can tell which are."""
        # Without any foreground, 0 would say no more than that a single pixel was marked.
        score = scores.dice if scores and self._plan.validation_has_foreground else None
        if score is None or is_better(score, self.progress.best_score):
            self.checkpoint.best = arrays_of(self.model.weights)
            self.progress.best_epoch = epoch
            self.progress.best_score = score
            self.progress.waited = 0
            return
        self.progress.waited += 1
        options = self._plan.options
        if options.patience and self.progress.waited >= options.patience:
            self._log(f"no better score for {self.progress.waited} validations: stopped")
            self.model.stop_training = True
        elif options.schedule == "plateau" and not self.progress.waited % _PLATEAU:
            rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
            self.model.optimizer.learning_rate = rate * _PLATEAU_FACTOR

    def _say(self, epoch: Epoch) -> None:
        validation = "" if epoch.validation is None else _class_dice(epoch.validation)
        self._log(
            f"epoch {epoch.epoch}/{self._plan.options.epochs}: loss {epoch.loss:.4f}"
            + (f", validation Dice {validation}" if validation else "")
            + f", {epoch.seconds:.1f} s"
        )

    def _warn(self, warnings: Sequence[str]) -> None:
        for warning in warnings:
            self._log(f"warning: {warning}")
            self.progress.warnings.append(warning)

    def _save(self) -> None:
        self._writer.wait()  # first, since two states at once could be too many
        state = arrays_of(state_of(self.model))
        self._writer.begin(Checkpoint(self.progress, state, self.checkpoint.best))
        if time.monotonic() - self._drawn > _REDRAWN_AFTER:
            self._draw()

    def _draw(self) -> None:
        draw_curves(self._folder / CURVES, self.progress.history)
        self._drawn = time.monotonic()


def _class_dice(scores: Scores) -> str:
    return ", ".join(
        f"{name} {'undefined' if value is None else f'{value:.4f}'}"
        for name, value in scores.class_dice.items()
    )


def _finite(value: Any) -> float | None:  # noqa: ANN401 - a tensor of whichever backend
    number = float(keras.ops.convert_to_numpy(value))
    return number if math.isfinite(number) else None
