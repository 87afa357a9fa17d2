"""Whether the parts of the split can teach and tell anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from maskforge.checks.base import CheckPlace
from maskforge.examples.example import Example
from maskforge.examples.statistics import statistics_of
from maskforge.training.doctor.outlook import Outlook
from maskforge.training.plan import TrainPlan

_FEWEST_TO_LEARN = 10
_FEWEST_TO_CHOOSE = 5
_FEWEST_STEPS = 100


def few_groups(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield the smallest training part if it is learned from few groups or images."""
    for number, plan, count in _smallest(outlook, lambda plan: _count(plan.train)):
        if count < _FEWEST_TO_LEARN:
            images = f" with {len(plan.train)} images" if _are_grouped(plan.train) else ""
            yield _of_fold(outlook, number).saying(
                f"training learns from {_counted(plan.train, plan.train)}{images}"
            )


def small_validation(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield classes that few groups or images of a validation part show."""
    for id_ in outlook.survey.classes.foreground_ids if outlook.plans else ():
        name = outlook.survey.classes.names[id_]

        def showing(plan: TrainPlan, id_: int = id_) -> list[Example]:
            return [one for one in plan.validation if id_ in statistics_of(one).present]

        for number, plan, count in _smallest(outlook, lambda plan: _count(showing(plan))):
            if 0 < count < _FEWEST_TO_CHOOSE:
                shown = _counted(showing(plan), plan.validation)
                yield _of_fold(outlook, number).saying(f"{name!r} is in {shown} of the validation")


def few_steps(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield a training that ends before the weights can move far."""
    for plan in outlook.plans[:1]:
        each, epochs = len(plan.batches()), plan.options.epochs
        if each * epochs < _FEWEST_STEPS:
            yield CheckPlace(
                message=f"{epochs} epochs of {each} step{'s' if each > 1 else ''} change the "
                f"weights {each * epochs} times"
            )


def _smallest(
    outlook: Outlook, count: Callable[[TrainPlan], int]
) -> Iterable[tuple[int, TrainPlan, int]]:
    """Return number, plan and count of the fold with the lowest count; nothing without plans."""
    counted = [(number, plan, count(plan)) for number, plan in enumerate(outlook.plans, 1)]
    return [min(counted, key=lambda one: one[2])] if counted else []


def _count(examples: Iterable[Example]) -> int:
    """Return how many groups there are; an image without one stands for itself."""
    return len({(one.group is None, one.group or one.name) for one in examples})


def _are_grouped(examples: Iterable[Example]) -> bool:
    return any(one.group is not None for one in examples)


def _counted(examples: Iterable[Example], part: Iterable[Example]) -> str:
    count, word = _count(examples), "group" if _are_grouped(part) else "image"
    return f"{count} {word}{'' if count == 1 else 's'}"


def _of_fold(outlook: Outlook, number: int) -> CheckPlace:
    return CheckPlace(name=f"fold {number}" if len(outlook.plans) > 1 else "")
