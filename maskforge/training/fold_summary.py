"""What the folds of a cross-validation say together."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from maskforge.training.run_folder import RunRecord, Scores


def summarize(summary: RunRecord, records: Sequence[RunRecord]) -> None:
    """Take over into the record of a cross-validation what its folds have in common.

    Scores are means over the folds in which they are defined; times add up.

    Args:
        summary: Changed in place.
        records: Of the folds so far.
    """
    if not records:
        return
    first = records[0]
    for name in ("network", "parameters", "augmentation", "head", "loss", "precision", "backend"):
        setattr(summary, name, getattr(first, name))
    summary.classes = first.classes
    summary.epochs = max(one.epochs for one in records)
    summary.seconds = sum(one.seconds for one in records)
    summary.peak_memory = max(one.peak_memory for one in records)
    summary.train = mean_scores([one.train for one in records])
    summary.validation = mean_scores([one.validation for one in records])
    summary.warnings = [
        f"{name}: {text}"
        for name, one in zip(summary.folds, records, strict=False)
        for text in one.warnings
    ]


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Return the mean of scores where they are defined."""

    def mean(values: Iterable[float | None]) -> float | None:
        known = [one for one in values if one is not None]
        return statistics.fmean(known) if known else None

    names = dict.fromkeys(name for one in scores for name in one.class_dice)
    return Scores(
        dice=mean(one.dice for one in scores),
        iou=mean(one.iou for one in scores),
        accuracy=mean(one.accuracy for one in scores),
        class_dice={name: mean(one.class_dice.get(name) for one in scores) for name in names},
        class_iou={name: mean(one.class_iou.get(name) for one in scores) for name in names},
    )
