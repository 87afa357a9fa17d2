"""Going through the trials of a search, one training after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from maskforge.choices import Progress
from maskforge.errors import DatasetError, MaskforgeError, MissingDependencyError, OutputError
from maskforge.examples.example import ExampleSet
from maskforge.files import RECORD
from maskforge.training.run_folder import Epoch, RunRecord, TrainingStopped, read_record
from maskforge.training.train import begin_training, continue_training
from maskforge.training.train_options import TrainOptions
from maskforge.training.tuning.space import with_values
from maskforge.training.tuning.study import Running, Study
from maskforge.training.tuning.tune_folder import keep_models, trial_folder
from maskforge.training.tuning.tune_options import TuneOptions
from maskforge.training.tuning.tune_report import Trial, described, finished, told

_MOST_KILLS = 2
_MOST_FAILURES = 10  # in a row: then it is not the values that fail


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search that is under way.

    Attributes:
        options: Its options.
        train: The options of its trainings, with the split that all of them have.
        folder: Its folder.
        examples: All examples.
        study: Its trials.
        began: When it would have begun without pauses between sittings, on the monotonic clock.
        log: Takes lines for people.
        progress: Takes phase, images done and images in all.
    """

    options: TuneOptions
    train: TrainOptions
    folder: Path
    examples: ExampleSet
    study: Study
    began: float
    log: Callable[[str], None]
    progress: Progress

    def run(self) -> str:
        """Try one set of values after the other, until the time is over or all trials are done.

        Returns:
            Why it ended earlier; empty if it did not.

        Raises:
            KeyboardInterrupt: If somebody ended it.
            MaskforgeError: If the first training fails, or every other one would.
        """
        failures = 0
        while not self._is_enough() and self._seconds_left() > 0:
            running = self.study.next()
            if running is None:
                return "hardly anything is left that was not tried"
            trial = self._try(running)
            if trial.state == "unfinished":
                break
            failures = failures + 1 if trial.state == "failed" else 0
            if failures == _MOST_FAILURES:
                return f"WARNING: {failures} trials in a row failed, the last one: {trial.reason}"
        return ""

    def _is_enough(self) -> bool:
        ended = sum(one.state != "unfinished" for one in self.study.trials())
        return self.options.trials is not None and ended >= self.options.trials

    def _seconds_left(self) -> float:
        limit = float("inf") if self.options.time is None else self.options.time
        return limit - (time.monotonic() - self.began)

    def _try(self, running: Running) -> Trial:
        """Train with some values, and note what came of it."""
        number, began = running.number, time.monotonic()
        self.log(f"trial {number}: {described(running.values) if number else 'as given'}")
        try:
            record = self._train(running)
        except (DatasetError, MissingDependencyError, OutputError):
            raise  # no other values would help
        except Exception as error:  # some raise what the framework ran into
            if not number:
                raise
            reason = error.message if isinstance(error, MaskforgeError) else str(error)
            running.fail(" ".join(reason.split())[:500] or type(error).__name__)
        else:
            if record is None:
                running.fail(f"the process was killed in it {_MOST_KILLS} times")
            elif record.state == "interrupted":
                raise KeyboardInterrupt
            elif record.state == "finished":
                running.finish()
        finally:
            self.study.seconds = time.monotonic() - self.began
        trials = self.study.trials()
        trial = next(one for one in trials if one.number == number)
        best = [one.number for one in finished(trials)[:1]]
        if trial.state != "unfinished":
            keep_models(self.folder, {0, *best})
        self.log(told(trial, time.monotonic() - began, is_best=best == [number]))
        return trial

    def _train(self, running: Running) -> RunRecord | None:
        """Train, or go on with what an earlier sitting began; None if that kills the process."""
        number, folder = running.number, trial_folder(self.folder, running.number)
        log = _nothing_said if number else self.log

        def progress(phase: str, done: int, total: int | None) -> None:
            if self._seconds_left() <= 0:
                raise TrainingStopped
            self.progress(f"trial {number}, {phase}", done, total)

        def watch(epoch: Epoch) -> None:
            self.study.seconds = time.monotonic() - self.began
            score = None if epoch.validation is None else epoch.validation.dice
            is_behind = running.report(epoch.epoch, score)
            if epoch.epoch == self.train.epochs:
                return
            if is_behind and self.options.prune:
                running.prune(f"behind the median of the others after epoch {epoch.epoch}")
                raise TrainingStopped
            if self._seconds_left() < epoch.seconds:
                raise TrainingStopped

        if running.is_again and (folder / RECORD).is_file():
            earlier = read_record(folder)
            if earlier.state == "finished":
                return earlier
            is_killed = earlier.state == "running"
            if number and is_killed and running.count_kill() >= _MOST_KILLS:
                return None
            return continue_training(folder, self.examples, progress=progress, log=log, watch=watch)
        options = with_values(self.train, running.values) if number else self.train
        return begin_training(
            self.examples,
            folder,
            options,
            overwrite=True,
            progress=progress,
            log=log,
            watch=watch,
        )


def _nothing_said(line: str) -> None:
    del line
