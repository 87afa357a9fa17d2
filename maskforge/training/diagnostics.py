"""What goes wrong in trainings, found early and said in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from maskforge.masks.classes import BACKGROUND, ClassMap

_COLLAPSED_AFTER = 3  # validations; many networks mark nothing in the first one or two
_RISEN = 1.5
_HARDLY_ANY = 0.01  # of the pixels that a class has in the masks


class Concern(NamedTuple):
    """Something that looks wrong in a training before it begins.

    Attributes:
        code: Its kind, one of those that ``doctor`` knows.
        text: For people, with what to do.
    """

    code: str
    text: str


def check_distribution(
    classes: ClassMap, train: Mapping[int, int], validation: Mapping[int, int]
) -> list[Concern]:
    """Say what is missing in the examples before the training begins.

    Args:
        classes: The class map.
        train: Pixels per class id in the training examples.
        validation: Likewise in the validation examples; empty if there are none.
    """
    concerns = []
    foreground = [id_ for id_ in classes.ids if id_ != BACKGROUND]
    for id_ in foreground:
        name = repr(classes.names[id_])
        if not train.get(id_):
            text = (
                f"class {name} appears in no training example, so it cannot be learned; leave it "
                "out with --only, or label some"
            )
            concerns.append(Concern("not-in-training", text))
        elif validation and not validation.get(id_):
            text = (
                f"class {name} appears in no validation example, so its score is unknown; use more "
                "validation examples, or --folds"
            )
            concerns.append(Concern("not-in-validation", text))
    if not validation:
        text = (
            "there are no validation examples: nothing is known about the quality, the last epoch "
            "is kept, and thresholds stay 0.5"
        )
        concerns.insert(0, Concern("no-validation", text))
    elif not any(validation.get(id_) for id_ in foreground):
        text = (
            "the validation examples have no foreground at all: every score is undefined, and the "
            "last epoch is kept"
        )
        concerns.insert(0, Concern("empty-validation", text))
    return concerns


class Watch(msgspec.Struct, kw_only=True):
    """Looks at every epoch, and says once what looks wrong.

    Attributes:
        said: What was said already.
        losses: Of the epochs so far.
        single: Validations in a row in which a single class was marked.
    """

    said: list[str] = []
    losses: list[float] = []
    single: int = 0

    def look(
        self, loss: float, predicted: Mapping[str, int] | None, truth: Mapping[str, int] | None
    ) -> list[str]:
        """Return warnings about an epoch.

        Args:
            loss: Mean loss of the epoch.
            predicted: Pixels per class name, background among them, that the network marked in the
                validation images; None if there was no validation.
            truth: Likewise of their masks.
        """
        found: list[str] = []
        self.losses.append(loss)
        lowest = min(self.losses)
        if loss > max(_RISEN * lowest, self.losses[0]):
            self._say(
                found,
                "rate",
                f"the loss rose from {lowest:.3g} to {loss:.3g}: the learning rate may be too "
                "high; try a tenth of it",
            )
        if predicted and truth:
            self._look_for_collapse(found, predicted, truth)
        return found

    def _look_for_collapse(
        self, found: list[str], predicted: Mapping[str, int], truth: Mapping[str, int]
    ) -> None:
        name = max(predicted, key=lambda one: predicted[one])
        others = [one for one in truth if one != name and truth[one]]
        lost = all(predicted.get(one, 0) < _HARDLY_ANY * truth[one] for one in others)
        self.single = self.single + 1 if others and lost else 0
        if self.single == _COLLAPSED_AFTER:
            self._say(
                found,
                "collapse",
                f"{self.single} validations in a row, nearly every pixel was marked as {name!r}: "
                "the network has collapsed to one class; try a loss with dice or tversky in it, "
                "--class-weights balanced, crops with --rare-share 0.7, or a lower learning rate",
            )

    def _say(self, found: list[str], kind: str, text: str) -> None:
        if kind not in self.said:
            self.said.append(kind)
            found.append(text)


def not_finite(step: int, epoch: int, names: Sequence[str], precision: str) -> tuple[str, str]:
    """Return message and hint for a loss that is not a number.

    Args:
        step: Number of the step in its epoch, from 1.
        epoch: Number of the epoch, from 1.
        names: Examples of the steps in question.
        precision: Precision of the computation.
    """
    shown = ", ".join(dict.fromkeys(names))
    hint = "look at these images and masks; if they are right, use a lower --learning-rate"
    if precision == "mixed_float16":
        hint += ", or --precision bfloat16"
    return (
        f"the loss is not finite in epoch {epoch}, step {step}; the batch was made of {shown}",
        hint + ", or --gradient-clip 1",
    )


def is_better(score: float | None, best: float | None) -> bool:
    """Tell whether a score is better than the best so far; undefined ones never are."""
    if score is None or math.isnan(score):
        return False
    return best is None or score > best
