"""What a search for better options found, as it is written and printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from maskforge.display.brief import Brief
from maskforge.display.table import Shown, Table, as_html
from maskforge.evaluation.difference import DiceDifference

SCHEMA = 1
REPORT = "tune.json"

_MOST_SHOWN = 10
_FLATTERS = "the best of several validation scores flatters"


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One trial of a search: a training.

    Attributes:
        number: Its number, from 0; its folder has it as name.
        state: ``finished``, ``pruned``, ``failed``, or ``unfinished`` if time or somebody ended it:
            a search that goes on goes on with it.
        score: Best validation Dice of its epochs; None if there is none.
        epochs: The last epoch that has a score.
        values: Values of the searched options, by key; those of trial 0 may be outside of what
            is searched.
        reason: Why it was pruned, or failed.
    """

    number: int
    state: str
    score: float | None = None
    epochs: int = 0
    values: dict[str, bool | int | float | str] = {}
    reason: str = ""


class TuneReport(Brief, msgspec.Struct, frozen=True, kw_only=True):
    """What a search for better options found: ``tune.json``.

    Attributes:
        schema: Version of this document.
        folder: Folder of the search.
        state: ``finished``, or ``interrupted``.
        space: What is searched, by key of the option: ``LOW..HIGH`` or ``VALUE,VALUE``.
        trials: The trials, the first of them with the options that were given.
        best: Number of the best that finished, whose folder is ``best``, too; None if none did.
        gain: Its score minus that of trial 0; None if no other finished.
        test: The best model and that of trial 0 on the test part; None if there is no test
            part, or nothing to compare.
        verdict: What was gained, and whether it holds on the test part, in words.
        seconds: Time that all sittings took.
        notes: What has to be known.
    """

    schema: int = SCHEMA
    folder: str
    state: str
    space: dict[str, str]
    trials: tuple[Trial, ...]
    best: int | None = None
    gain: float | None = None
    test: DiceDifference | None = None
    verdict: tuple[str, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 if no trial but the first one finished, otherwise 0."""
        return int(self.gain is None)

    def _repr_html_(self) -> str:
        return as_html(shown(self))


def finished(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that finished, the best first, of equal ones the earlier."""
    done = [one for one in trials if one.state == "finished"]
    return sorted(done, key=lambda one: (-(one.score or 0.0), one.number))


def gain(trials: Sequence[Trial]) -> float | None:
    """Return by how much the best score is above that of the given options; None if unknown."""
    done = finished(trials)
    given = [one for one in done if not one.number]
    if not given or not done[1:]:
        return None
    return (done[0].score or 0.0) - (given[0].score or 0.0)


def verdict(
    trials: Sequence[Trial], test: DiceDifference | None, *, has_test: bool
) -> tuple[str, ...]:
    """Return what was gained, and whether it holds on the test part, in sentences.

    Args:
        trials: The trials.
        test: The best model and the first one on the test part, if they were compared.
        has_test: Whether there is a test part.
    """
    gained, done = gain(trials), finished(trials)
    if gained is None:
        only = "Only the trial with the given options" if done else "No trial"
        return (f"{only} has finished: the same command with more time goes on.",)
    best, given = done[0], next(one for one in done if not one.number)
    if best is given:
        return (f"Nothing was better than the given options: validation Dice {_score(given)}.",)
    said = (
        f"Validation Dice {_score(given)} with the given options, {_score(best)} with those of "
        f"trial {best.number}: {gained:+.4f}."
    )
    if test is not None:
        return (said, _on_test(test))
    if has_test:
        return (said, "Whether it holds on the test part was not measured.")
    return (
        said,
        f"Whether it holds is not known, since there is no test part, and {_FLATTERS}. Search anew "
        "with --test 0.2, or evaluate both models on other images.",
    )


def _on_test(test: DiceDifference) -> str:
    if test.difference is None:
        return "Whether it holds is not known: the test part has no foreground."
    of = f"test Dice {test.before:.4f} and {test.after:.4f}: {test.difference:+.4f}"
    if test.interval is None:
        return (
            f"Whether it holds is not known, since the test part is a single image or group: {of}."
        )
    low, high = test.interval
    of += f" ({low:+.4f} to {high:+.4f}, 95 % confidence, {test.images} images)"
    if low > 0:
        return f"It holds on the test part: {of}."
    if high < 0:
        return f"It does not hold on the test part, where it is worse: {of}."
    return (
        f"The test part does not show that it holds: {of}. The interval includes 0; "
        f"{_FLATTERS}, or there are too few test images."
    )


def shown(report: TuneReport) -> Iterator[Shown]:
    """Yield a report as tables and sentences."""
    counts = Counter(one.state for one in report.trials)
    counted = ", ".join(f"{count} {state}" for state, count in counts.items())
    yield f"{len(report.trials)} trials in {_duration(report.seconds)}: {counted or 'none'}"
    best = finished(report.trials)[:_MOST_SHOWN]
    yield Table(
        "The best trials" if len(best) == _MOST_SHOWN else "The trials that finished",
        ("trial", "Dice", "epochs", *(key.rpartition(".")[2] for key in report.space)),
        [
            (
                str(one.number) if one.number else "0 (given)",
                _score(one),
                one.epochs,
                *(_short(one.values.get(key, "")) for key in report.space),
            )
            for one in best
        ],
    )
    for one in report.trials:
        if one.state == "failed":
            yield f"trial {one.number} failed: {one.reason}"
    yield from report.verdict


def described(values: Mapping[str, object]) -> str:
    """Return values in one line."""
    return ", ".join(f"{key.rpartition('.')[2]} {_short(value)}" for key, value in values.items())


def told(trial: Trial, seconds: float, *, is_best: bool) -> str:
    """Return what came of a trial, in one line.

    Args:
        trial: The trial.
        seconds: How long it took in this sitting.
        is_best: Whether none was better so far.
    """
    outcome = f"trial {trial.number}: {trial.state}"
    if trial.score is not None:
        outcome += f", validation Dice {_score(trial)}"
    outcome += f", {trial.epochs} epochs, {seconds:.0f} s"
    outcome += f": {trial.reason}" if trial.reason else ""
    return f"{outcome}; the best so far" if is_best else outcome


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _score(trial: Trial) -> str:
    return "undefined" if trial.score is None else f"{trial.score:.4f}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{seconds / 60:.1f} min"
