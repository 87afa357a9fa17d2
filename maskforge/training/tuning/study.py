"""The trainings of a search in a database, from which the next values are drawn."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from maskforge.choices import Between, Searched
from maskforge.errors import TrainingError, require
from maskforge.issues import Origin
from maskforge.training.tuning.space import Space, Value, written
from maskforge.training.tuning.tune_folder import check_same
from maskforge.training.tuning.tune_report import Trial

_NAME = "maskforge"
_STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed"}
_SECONDS_WAITED = 60.0  # for another process that reads the database
_PRUNED_AFTER = 5  # a fifth of the epochs: the first ones say little
_MOST_REPEATED = 20  # draws in a row that were tried before: the others are hardly to be found


def check_optuna() -> None:
    """Make sure that Optuna is installed.

    Raises:
        MissingDependencyError: If it is not; the hint holds the command.
    """
    require("optuna", "maskforge[tune]", "searches for options")


class Study:
    """The trainings of a search, and what to try next.

    What is tried depends on the seed and on the scores alone, however often the search was ended.
    Everything is in the database as soon as it is known.

    Args:
        path: The SQLite file; made if it is missing.
        space: What is searched.
        given: The values of training 0.
        seed: Another seed tries other values.
        startup: Trainings from which nothing is concluded.
        epochs: Most epochs of a training.

    Raises:
        TrainingError: If the file is no such database.
        OptionError: If it is that of a search for something else.
    """

    def __init__(
        self,
        path: Path,
        space: Space,
        given: Mapping[str, Value],
        *,
        seed: int,
        startup: int,
        epochs: int,
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = space
        self._given = dict(given)
        self._seed = seed
        self._startup = startup

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(path, timeout=_SECONDS_WAITED, check_same_thread=False)

        try:
            # A URL could not hold every character of a path.
            self._storage: Any = optuna.storages.RDBStorage(
                "sqlite://", engine_kwargs={"creator": connect}
            )
            self._study: Any = optuna.create_study(
                storage=self._storage,
                study_name=_NAME,
                direction="maximize",
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(
                    n_startup_trials=startup,
                    n_warmup_steps=1 + max(1, epochs // _PRUNED_AFTER),
                ),
            )
            known = self._study.user_attrs.get("space")
            if known is None:
                self._study.set_user_attr("space", written(space))
        except Exception as error:  # SQLAlchemy and Optuna raise what they like
            reason = " ".join(str(error).split())[:200]
            raise TrainingError(
                f"is not the database of a search: {reason}",
                origin=Origin(path, ""),
                hint="start anew with --overwrite",
            ) from None
        if known not in (None, written(space)):
            self.close()
            check_same("what is searched", known, written(space), path)

    def close(self) -> None:
        """Close the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    @property
    def seconds(self) -> float:
        """Time that all sittings took; what is set is kept."""
        return float(self._study.user_attrs.get("seconds", 0.0))

    @seconds.setter
    def seconds(self, value: float) -> None:
        self._study.set_user_attr("seconds", value)

    def trials(self) -> tuple[Trial, ...]:
        """Return all trainings, without draws that were tried before."""
        return tuple(
            self._described(one) for one in self._frozen() if "repeats" not in one.user_attrs
        )

    def _frozen(self) -> list[Any]:
        frozen: list[Any] = self._study.get_trials(deepcopy=False)
        return [one for one in frozen if one.state.name != "WAITING"]

    def _described(self, frozen: Any) -> Trial:  # noqa: ANN401 - a trial of Optuna
        return Trial(
            number=frozen.number,
            state=_STATES.get(frozen.state.name, "unfinished"),
            score=max(frozen.intermediate_values.values(), default=None),
            epochs=max(frozen.intermediate_values, default=0),
            values=dict(frozen.params) if frozen.number else self._given,
            reason=frozen.user_attrs.get("reason", ""),
        )

    def next(self) -> Running | None:
        """Return the training that was not finished, or else a new one; None if all were tried."""
        ended = [one for one in self._frozen() if one.state.is_finished()]
        for _ in range(_MOST_REPEATED):
            running = self._draw()
            values = running.values
            same = next((one for one in ended if self._described(one).values == values), None)
            if running.is_again or same is None:
                return running
            running.repeat(same)
        return None

    def _draw(self) -> Running:
        from optuna.samplers import TPESampler
        from optuna.trial import Trial as OpenTrial

        trials = self._frozen()
        open_ = [one.number for one in trials if not one.state.is_finished()]
        number = open_[0] if open_ else len(trials)
        seed = int(np.random.SeedSequence((self._seed, number)).generate_state(1)[0])
        self._study.sampler = TPESampler(seed=seed, n_startup_trials=self._startup)
        # From a value outside of what is searched nothing can be concluded.
        inside = {key: one for key, one in self._given.items() if one in self._space[key]}
        if open_:
            study_id = self._storage.get_study_id_from_name(_NAME)
            id_ = self._storage.get_trial_id_from_study_id_trial_number(study_id, number)
            trial = OpenTrial(self._study, id_)
        else:
            if not self._study.get_trials(deepcopy=False):
                self._study.enqueue_trial(inside)
            trial = self._study.ask()
        # One that was ended while its values were drawn draws the others now.
        drawn = {
            key: _drawn(trial, key, one)
            for key, one in self._space.items()
            if number or key in inside
        }
        values = drawn if number else self._given
        known = max(trials[number].intermediate_values, default=0) if open_ else 0
        return Running(self._study, trial, values, known, is_again=bool(open_))


class Running:
    """A training that is under way.

    Attributes:
        number: Its number.
        values: The values of its options, by key.
        is_again: Whether it was begun in an earlier sitting.
    """

    def __init__(
        self,
        study: Any,  # noqa: ANN401 - of Optuna
        trial: Any,  # noqa: ANN401 - likewise
        values: dict[str, Value],
        known: int,
        *,
        is_again: bool,
    ) -> None:
        self._study = study
        self._trial = trial
        self.number: int = trial.number
        self.values = values
        self._known = known
        self.is_again = is_again

    def count_kill(self) -> int:
        """Note that the process ended in it, and return how often."""
        count = int(self._trial.user_attrs.get("kills", 0)) + 1
        self._trial.set_user_attr("kills", count)
        return count

    def report(self, epoch: int, score: float | None) -> bool:
        """Note an epoch, which may be known, and return whether its score is too low to go on.

        Args:
            epoch: Number of the epoch, from 1.
            score: Its score; None if there is none.
        """
        if score is None:
            return False
        if epoch > self._known:
            self._trial.report(score, epoch)
        return bool(self._trial.should_prune())

    def finish(self) -> None:
        """Note that it has finished."""
        frozen = self._study.get_trials(deepcopy=False)[self.number]
        score = max(frozen.intermediate_values.values(), default=None)
        if score is None:
            self.fail("no epoch has a score")
        else:
            self._study.tell(self._trial, score)

    def prune(self, reason: str) -> None:
        """Note that it was stopped."""
        self._end("PRUNED", reason)

    def fail(self, reason: str) -> None:
        """Note that it could not finish."""
        self._end("FAIL", reason)

    def repeat(self, earlier: Any) -> None:  # noqa: ANN401 - a trial of Optuna
        """Note that it would come to the same as an earlier one."""
        self._trial.set_user_attr("repeats", earlier.number)
        if earlier.state.name == "COMPLETE":
            self._study.tell(self._trial, earlier.value)
        else:
            self._end(earlier.state.name, "")

    def _end(self, state: str, reason: str) -> None:
        from optuna.trial import TrialState

        self._trial.set_user_attr("reason", reason)
        self._study.tell(self._trial, state=TrialState[state])


def _drawn(trial: Any, key: str, values: Searched) -> Value:  # noqa: ANN401 - a trial of Optuna
    """Draw a value, or return the one that was drawn already."""
    if not isinstance(values, Between):
        chosen: Value = trial.suggest_categorical(key, values.values)
        return chosen
    if isinstance(values.low, int) and isinstance(values.high, int):
        return int(trial.suggest_int(key, values.low, values.high, log=values.is_wide))
    return float(trial.suggest_float(key, values.low, values.high, log=values.is_wide))
