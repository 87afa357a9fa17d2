"""Telling a tracker of experiments what every epoch of a training came to."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from maskforge.choices import Tracker
from maskforge.training.configfile import to_document
from maskforge.training.loop.epochs import Log, Track
from maskforge.training.plan import TrainPlan
from maskforge.training.run_folder import TENSORBOARD, Epoch, Scores, TrainingStopped

_PROJECT = "maskforge"


class _Open(Protocol):
    """A run in a tracker."""

    def log(self, numbers: Mapping[str, float], epoch: int) -> None: ...

    def close(self, *, failed: bool) -> None: ...


@contextlib.contextmanager
def tracking(plan: TrainPlan, folder: Path, earlier: Sequence[Epoch], log: Log) -> Iterator[Track]:
    """Open a run in the tracker that the options name, and yield what takes epochs.

    A training that goes on is a new run there, which begins with the epochs of the earlier one. A
    tracker that fails is left alone from then on: the training does not depend on it.

    Args:
        plan: The plan.
        folder: Folder of the run.
        earlier: Epochs that were finished before.
        log: Takes lines for people.
    """
    opened: _Open | None = None

    def attempt(act: Callable[[], None]) -> None:
        nonlocal opened
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # which is for results
                act()
        except Exception as error:  # each tracker raises what it likes
            opened = None
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            log(f"warning: {plan.options.track} is told no more: {reason}")

    def begin() -> None:
        nonlocal opened
        parts = folder.parts[-2:] if folder.name.startswith("fold-") else folder.parts[-1:]
        opened = _TRACKERS[plan.options.track](folder, "/".join(parts), _settings(plan))

    def track(epoch: Epoch) -> None:
        if opened is not None:
            run = opened
            attempt(lambda: run.log(_numbers(epoch), epoch.epoch))

    def end(*, failed: bool) -> None:
        if opened is not None:
            run = opened
            attempt(lambda: run.close(failed=failed))

    if plan.options.track != "none":
        attempt(begin)
    for epoch in earlier:
        track(epoch)
    try:
        yield track
    except TrainingStopped:
        end(failed=False)
        raise
    except BaseException:
        end(failed=True)
        raise
    end(failed=False)


def _settings(plan: TrainPlan) -> dict[str, Any]:
    """Return the options as they stand in the configuration, with dots between the levels."""

    def flat(document: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
        for key, value in document.items():
            if isinstance(value, Mapping):
                yield from flat(value, f"{before}{key}.")
            else:
                yield before + key, value

    return dict(flat(to_document(plan.options)))


def _numbers(epoch: Epoch) -> dict[str, float]:
    """Return what is known of an epoch by name, such as ``validation/dice/caries``."""

    def known(part: str, scores: Scores) -> Iterator[tuple[str, float | None]]:
        for name in ("dice", "iou", "accuracy"):
            yield f"{part}/{name}", getattr(scores, name)
        for label, value in scores.class_dice.items():
            yield f"{part}/dice/{label}", value

    found = {
        "loss": epoch.loss,
        "learning_rate": epoch.learning_rate,
        "seconds": epoch.seconds,
        **dict(known("train", epoch.train)),
        **dict(known("validation", epoch.validation or Scores())),
    }
    return {name: value for name, value in found.items() if value is not None}


class _TensorBoard:
    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        del name, settings
        import tensorflow as tf

        self._summary = tf.summary
        self._writer = tf.summary.create_file_writer(str(folder / TENSORBOARD))

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        with self._writer.as_default():
            for key, value in numbers.items():
                self._summary.scalar(key, value, step=epoch)
        self._writer.flush()

    def close(self, *, failed: bool) -> None:
        del failed
        self._writer.close()


class _MLflow:
    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        del folder
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        self._client = MlflowClient()
        project = os.environ.get("MLFLOW_EXPERIMENT_NAME", _PROJECT)
        known = self._client.get_experiment_by_name(project)
        place = known.experiment_id if known else self._client.create_experiment(project)
        self._run: str = self._client.create_run(place, run_name=name).info.run_id
        for key, value in settings.items():
            self._client.log_param(self._run, key, str(value)[:500])

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        for key, value in numbers.items():
            self._client.log_metric(self._run, key, value, step=epoch)

    def close(self, *, failed: bool) -> None:
        self._client.set_terminated(self._run, "FAILED" if failed else "FINISHED")


class _WeightsAndBiases:
    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        del folder
        import wandb

        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", _PROJECT),
            name=name,
            config=dict(settings),
            mode=None if "WANDB_MODE" in os.environ else "offline",
            reinit="create_new",  # folds are one run after the other
            settings=wandb.Settings(silent=True),
        )

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        self._run.log(dict(numbers), step=epoch)

    def close(self, *, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))


class _Trackio:
    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        del folder
        import trackio

        # Its functions rather than the run's: they know at the end that it is finished.
        self._trackio = trackio
        trackio.init(
            project=_PROJECT,
            name=name,
            config=dict(settings),
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        self._trackio.log(dict(numbers), step=epoch)

    def close(self, *, failed: bool) -> None:
        del failed
        self._trackio.finish()


_TRACKERS: dict[Tracker, Callable[[Path, str, Mapping[str, Any]], _Open]] = {
    "tensorboard": _TensorBoard,
    "mlflow": _MLflow,
    "wandb": _WeightsAndBiases,
    "trackio": _Trackio,
}
