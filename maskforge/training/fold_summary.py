"""What the folds of a cross-validation say together."""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from maskforge.masks.post_processing import PostProcessing
from maskforge.nn.modelfile import Member, read_description, write_description
from maskforge.training.run_folder import RunRecord, Scores

_ALIKE = ("class_map", "head", "scaling", "stride", "symmetries", "offset", "resize")
"""What networks must have in common to be averaged."""


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


def describe(folder: Path, records: Sequence[RunRecord]) -> str:
    """Write the description of the model that is the mean of all folds, beside them.

    Its thresholds are the means of theirs, and so is its post-processing, as far as it has a mean:
    no image is left that none of them has seen.

    Args:
        folder: Of the cross-validation.
        records: Of all its folds, which have finished.

    Returns:
        Why there is none; empty if there is.

    Raises:
        ModelError: If the description of a fold cannot be read.
        OutputError: If it cannot be written.
    """
    folds = [read_description(folder / one.name) for one in records]
    first = folds[0]
    for name in _ALIKE:
        if any(getattr(one, name) != getattr(first, name) for one in folds):
            return f"the folds are not one model: they differ in {name}"
    agreements = [one.bfloat16 for one in folds if one.bfloat16 is not None]
    digests = "".join(one.weights_digest for one in folds)
    description = msgspec.structs.replace(
        first,
        tile=tuple(map(max, zip(*(one.tile for one in folds), strict=True))),
        thresholds=_means(one.thresholds for one in folds),
        averaged_thresholds=_means(one.averaged_thresholds for one in folds),
        post_processing=_most_common([one.post_processing for one in folds]),
        bfloat16=min(agreements, key=lambda one: one.lowest or 0.0)
        if len(agreements) == len(folds)
        else None,
        scores={},
        calibration={},
        data_digest="",
        weights_digest=hashlib.sha256(digests.encode()).hexdigest(),
        members=tuple(
            Member(folder=one.name, dice=one.validation.dice, weights_digest=fold.weights_digest)
            for one, fold in zip(records, folds, strict=True)
        ),
        created=max(one.created for one in folds),
    )
    write_description(folder, description)
    return ""


def _means(thresholds: Iterable[Sequence[float]]) -> tuple[float, ...]:
    return tuple(map(statistics.fmean, zip(*thresholds, strict=True)))


def _most_common(
    rules: Sequence[Mapping[str, PostProcessing]],
) -> dict[str, PostProcessing]:
    """Return of every class the median size, and what more than half of the folds do else."""
    found = {}
    for name in dict.fromkeys(name for one in rules for name in one):
        of_class = [one.get(name, PostProcessing()) for one in rules]
        unit, folds = Counter(one.one_per for one in of_class).most_common(1)[0]
        rule = PostProcessing(
            fill_holes=2 * sum(one.fill_holes for one in of_class) > len(of_class),
            min_size=statistics.median_low(one.min_size for one in of_class),
            one_per=unit if 2 * folds > len(of_class) else "",
        )
        if rule != PostProcessing():
            found[name] = rule
    return found


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
