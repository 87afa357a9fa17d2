"""What the history and the record of a run show."""

from __future__ import annotations

import math
from collections.abc import Iterator

from maskforge.checks.base import CheckPlace
from maskforge.training.doctor.outlook import Outlook
from maskforge.training.doctor.past_run import PastRun

_FAR_BELOW = 0.2
_LAST = 0.2
_FEWEST_VALIDATIONS = 10
_STILL_RISING = 0.02
_HARDLY_FOUND = 0.05
_EDGE = 0.05


def changed_data(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield images and masks that are not those of the run."""
    yield from outlook.changed


def not_finite(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield runs whose loss was not a number."""
    for run in outlook.runs:
        losses = run.history.get("loss", [])
        if epochs := [number for number, one in enumerate(losses, 1) if not math.isfinite(one)]:
            yield _of(run).saying(f"the loss of epoch {epochs[0]} is {losses[epochs[0] - 1]}")


def not_finished(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield runs that were ended early."""
    for run in outlook.runs:
        if run.record.state != "finished":
            epochs = f"{run.record.epochs} epoch{'s' if run.record.epochs != 1 else ''}"
            yield _of(run).saying(f"its state is {run.record.state}, after {epochs}")


def warned(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield what runs have warned of."""
    said = {text for plan in outlook.plans for text in plan.warnings}
    for run in outlook.runs:
        for text in run.record.warnings:
            if text not in said:
                yield _of(run).saying(text)


def missed_class(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield classes that a run has hardly learned."""
    for run in outlook.runs:
        for name, dice in run.record.validation.class_dice.items():
            if dice is not None and dice < _HARDLY_FOUND:
                yield _of(run).saying(f"{name!r} has a Dice of {dice:.3f} in validation")


def overfitted(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield runs that know the training examples far better than others."""
    for run in outlook.runs:
        seen, unseen = run.record.train.dice, run.record.validation.dice
        if seen is not None and unseen is not None and seen - unseen > _FAR_BELOW:
            yield _of(run).saying(f"Dice is {seen:.3f} in training and {unseen:.3f} in validation")


def extreme_threshold(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield thresholds near 0 or 1."""
    for run in outlook.runs:
        model = run.description
        if model is None:
            continue
        names = [model.classes.names[id_] for id_ in model.channel_ids]
        for name, threshold in zip(names, model.thresholds, strict=False):
            if not _EDGE <= threshold <= 1 - _EDGE:
                yield _of(run).saying(f"the threshold of {name!r} is {threshold:.3f}")


def still_rising(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield runs that were getting better when their last epoch came."""
    for run in outlook.runs:
        scores = run.history.get("validation_dice", [])
        defined = [one for one in scores if not math.isnan(one)]
        asked = outlook.plans[0].options.epochs if outlook.plans else 0
        if len(scores) < asked or len(defined) < _FEWEST_VALIDATIONS:
            continue
        last = math.ceil(_LAST * len(defined))
        gain = max(defined[-last:]) - max(defined[:-last])
        if gain >= _STILL_RISING:
            yield _of(run).saying(
                f"the Dice in validation rose by {gain:.3f} in the last {last} of "
                f"{len(defined)} validations"
            )


def _of(run: PastRun) -> CheckPlace:
    return CheckPlace(name=run.name, file=str(run.folder))
