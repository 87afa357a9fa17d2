"""Scores by a column of the data set, such as the kind of radiograph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maskforge.classes import ClassMap
from maskforge.evaluation.report import GroupReport
from maskforge.evaluation.scores import defined
from maskforge.evaluation.statistics import Measured, class_statistics, overall_statistics


def group_reports(
    measured: Measured, values: Sequence[str], classes: ClassMap
) -> tuple[GroupReport, ...]:
    """Return the scores of the images with each value.

    Args:
        measured: N images.
        values: The value of each image.
        classes: The classes.
    """
    different = sorted(set(values))
    weights = np.array([[one == value for one in values] for value in different], dtype=np.int64)
    points = class_statistics(measured, weights)
    dice = overall_statistics(measured, weights)["dice"]
    return tuple(
        GroupReport(
            value=value,
            images=int(weights[row].sum()),
            dice=defined(dice[row]),
            classes={
                classes.names[id_]: {
                    name: defined(scores[row, number]) for name, scores in points.items()
                }
                for number, id_ in enumerate(classes.foreground_ids)
            },
        )
        for row, value in enumerate(different)
    )
