"""What every check of a training is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from maskforge.checks.base import CheckPlace, Survey
from maskforge.training.doctor.crops import Crops
from maskforge.training.doctor.machine import Machine
from maskforge.training.doctor.past_run import PastRun
from maskforge.training.doctor.shrinking import Shrinking
from maskforge.training.plan import TrainPlan


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outlook:
    """All that is known of a training that has not begun.

    Attributes:
        survey: The images, as they are learned from.
        plans: The plan, or those of all folds; empty if none can be made.
        problems: What would stop the training.
        shrinking: What resizing leaves of the regions; None without resizing.
        crops: What the first epoch shows to the network; None if it could not be drawn.
        machine: Packages and devices.
        runs: The run that was, or its folds; empty if a new one is looked at.
        changed: Images and masks that are not those of the run.
    """

    survey: Survey
    plans: tuple[TrainPlan, ...] = ()
    problems: tuple[CheckPlace, ...] = ()
    shrinking: Shrinking | None = None
    crops: Crops | None = None
    machine: Machine
    runs: tuple[PastRun, ...] = ()
    changed: tuple[CheckPlace, ...] = ()


def concern(code: str) -> Callable[[Outlook], Iterable[CheckPlace]]:
    """Return a check for what a training warns of when it is planned."""

    def find(outlook: Outlook) -> Iterator[CheckPlace]:
        texts = [one.text for plan in outlook.plans for one in plan.concerns if one.code == code]
        for text in dict.fromkeys(texts):
            yield CheckPlace(message=text)

    return find
