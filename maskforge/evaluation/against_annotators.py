"""Whether a prediction differs from several annotators more than they from each other.

Every annotator is left out in turn, and the prediction takes their place: how well does it agree
with the others, and how well did the annotator? The mean of the differences is the difference of
the mean agreements whose ratio is the index of Williams (1976), which Chalana and Kim (1997, IEEE
Transactions on Medical Imaging 16, 642-652) brought to the outlines of medical images.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.errors import listing
from maskforge.evaluation.annotators import Annotated
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.evaluation.gathered import Gathered
from maskforge.evaluation.measures.bootstrap import interval, resampled_weights
from maskforge.evaluation.measures.ratios import defined
from maskforge.evaluation.measures.sample_statistics import overall_statistics
from maskforge.evaluation.report.evaluation_report import EvaluationReport
from maskforge.evaluation.report.records import AnnotatorReport, Interval, LeftOut
from maskforge.evaluation.report.summary import possible_samples

_PREDICTION = 1
"""Its number among the raters, between the first annotator and the others."""


def with_annotator_report(
    report: EvaluationReport, annotated: Annotated, gathered: Gathered, options: EvaluateOptions
) -> EvaluationReport:
    """Return a report with the comparison of a prediction and several annotators.

    Args:
        report: What the prediction is, compared with the first of them.
        annotated: Who marked what.
        gathered: What was measured on every two.
        options: How.
    """
    raters = annotated.task.raters
    assert raters is not None
    notes = [
        f"the comparison with the annotators leaves out {len(lacking)} images of which {name} has "
        f"no mask: {listing(lacking)}"
        for name, lacking in annotated.missing.items()
        if lacking and name in raters.names[2:]
    ]
    notes = [*report.notes, *annotated.notes, *notes]
    if not gathered.paired:
        notes.append("no image could be compared with all annotators")
        return msgspec.structs.replace(report, notes=tuple(notes))
    groups = [gathered.kept[one].group for one in gathered.paired]
    samples, few = possible_samples(groups, options.bootstrap)
    weights = np.concatenate(
        [
            np.ones((1, len(groups)), dtype=np.uint16),
            resampled_weights(groups, samples, options.seed),
        ]
    )
    dice = {
        pair: overall_statistics(one, weights)["dice"]
        for pair, one in zip(combinations(range(len(raters.names)), 2), gathered.pairs, strict=True)
    }
    notes += [one for one in few if one not in notes]
    return msgspec.structs.replace(
        report,
        notes=tuple(notes),
        annotators=annotator_report(raters.names, dice, len(groups)),
    )


def annotator_report(
    names: Sequence[str], dice: dict[tuple[int, int], NDArray[np.float64]], images: int
) -> AnnotatorReport:
    """Compare the prediction with the annotators.

    Args:
        names: Of all raters, the prediction second.
        dice: For every two of them (1 + B,): of all images, and of the data sets drawn from them.
        images: Number of images.
    """
    people = [one for one in range(len(names)) if one != _PREDICTION]

    def agreement(rater: int, others: Sequence[int]) -> NDArray[np.float64]:
        """Return the mean Dice of a rater with others."""
        found = [dice[min(rater, one), max(rater, one)] for one in others]
        return np.asarray(np.mean(found, axis=0))

    left_out = []
    differences = []
    for person in people:
        others = [one for one in people if one != person]
        predicted, own = agreement(_PREDICTION, others), agreement(person, others)
        differences.append(predicted - own)
        difference, limits = _with_interval(differences[-1])
        left_out.append(
            LeftOut(
                annotator=names[person],
                prediction_dice=defined(predicted[0]),
                annotator_dice=defined(own[0]),
                difference=difference,
                interval=limits,
            )
        )
    difference, limits = _with_interval(np.mean(differences, axis=0))
    among = np.mean([dice[pair] for pair in combinations(people, 2)], axis=0)
    return AnnotatorReport(
        annotators=tuple(names[one] for one in people),
        images=images,
        prediction_dice=defined(agreement(_PREDICTION, people)[0]),
        annotators_dice=defined(among[0]),
        difference=difference,
        interval=limits,
        left_out=tuple(left_out),
        verdict=_verdict(limits),
    )


def _with_interval(values: NDArray[np.float64]) -> tuple[float | None, Interval | None]:
    return defined(values[0]), interval(values[1:]) if len(values) > 1 else None


def _verdict(limits: Interval | None) -> str:
    if limits is None:
        return (
            "Without an interval nobody can tell whether the prediction differs from the "
            "annotators more than they from each other."
        )
    low, high = limits
    if high < 0:
        return "The prediction differs from the annotators more than they from each other."
    if low > 0:
        return "The prediction differs from the annotators less than they from each other."
    return (
        "These images do not show that the prediction differs from the annotators more than they "
        "from each other, nor less; a wide interval only says that there are too few of them."
    )
