"""From what was measured on every image to the parts of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.bootstrap import interval, resampled_weights
from maskforge.evaluation.measured import Measured, class_statistics, overall_statistics
from maskforge.evaluation.measures import scores
from maskforge.evaluation.measures.calibration import Calibration
from maskforge.evaluation.measures.freeresponse import operating_points
from maskforge.evaluation.measures.imagelevel import roc_curve
from maskforge.evaluation.measures.scores import defined
from maskforge.evaluation.report.records import (
    ClassReport,
    ClassRow,
    GroupReport,
    ImageRow,
    ImageScores,
    Interval,
    LesionScores,
    Overall,
    SurfaceScores,
)
from maskforge.masks.classes import BACKGROUND, BACKGROUND_NAME, ClassMap

FEW_UNITS = 20
"""Fewer images or groups make bootstrap intervals too narrow."""

_LESIONS = ("truth", "found", "predicted", "false")


class Resampled:
    """Scores of resampled data sets, from which the intervals come."""

    def __init__(
        self, measured: Measured, groups: Sequence[str | None], samples: int, seed: int
    ) -> None:
        """Draw the data sets; without samples or with a single group there are no intervals."""
        units = len({(number,) if group is None else group for number, group in enumerate(groups)})
        samples = samples if units > 1 else 0
        self.notes: tuple[str, ...] = ()
        if samples and units < FEW_UNITS:
            what = "images" if units == len(groups) else "groups of images"
            self.notes = (f"the 95 % intervals rest on {units} {what}: too few to rely on",)
        weights = resampled_weights(groups, samples, seed)
        self._classes = class_statistics(measured, weights) if samples else {}
        self._overall = overall_statistics(measured, weights) if samples else {}

    def of_class(self, number: int) -> dict[str, Interval | None]:
        """Return the interval of every score of a class."""
        return {name: interval(values[:, number]) for name, values in self._classes.items()}

    def overall(self) -> dict[str, Interval | None]:
        """Return the intervals of the scores over all classes."""
        wanted = ("accuracy", *scores.SCORES)
        return {name: interval(self._overall[name]) for name in wanted if name in self._overall}


def class_reports(
    measured: Measured,
    classes: ClassMap,
    resampled: Resampled,
    calibrations: Mapping[str, Calibration],
    by_threshold: NDArray[np.int64] | None,
) -> tuple[ClassReport, ...]:
    """Return the report of every class, the background last.

    Args:
        measured: What was measured on the images.
        classes: The classes.
        resampled: Where the intervals come from.
        calibrations: By name of the class.
        by_threshold: (K, T, 4) lesions of all images at every threshold, if there are
            probabilities.
    """
    everything = np.ones((1, len(measured.cells)), dtype=np.int64)
    points = class_statistics(measured, everything)
    cells = measured.cells.sum(axis=0)
    reports = []
    for number, id_ in enumerate(classes.foreground_ids):
        name = classes.names[id_]
        point = {key: defined(values[0, number]) for key, values in points.items()}
        counted = dict(zip(_LESIONS, measured.lesions[:, number].sum(axis=0).tolist(), strict=True))
        reports.append(
            msgspec.structs.replace(
                _pixel_report(id_, name, cells[number + 1]),
                surface=_surface(measured, number),
                lesions=LesionScores(
                    **counted,
                    sensitivity=point["lesion_sensitivity"],
                    false_per_image=point["false_lesions_per_image"],
                    operating_points=()
                    if by_threshold is None
                    else operating_points(by_threshold[number], len(measured.cells)),
                ),
                images=_images(measured, number, point),
                intervals=resampled.of_class(number),
                calibration=calibrations.get(name),
            )
        )
    return (*reports, _pixel_report(BACKGROUND, BACKGROUND_NAME, cells[0]))


def _pixel_report(id_: int, name: str, cells: NDArray[np.int64]) -> ClassReport:
    true_positive, false_positive, false_negative, true_negative = cells.tolist()
    return ClassReport(
        id=id_,
        name=name,
        true_positive=true_positive,
        false_positive=false_positive,
        false_negative=false_negative,
        true_negative=true_negative,
        dice=defined(scores.dice(cells)),
        iou=defined(scores.iou(cells)),
        precision=defined(scores.precision(cells)),
        recall=defined(scores.recall(cells)),
        specificity=defined(scores.specificity(cells)),
    )


def _surface(measured: Measured, number: int) -> SurfaceScores:
    known = ~np.isnan(measured.hd95[:, number])
    hd95, near = measured.hd95[known, number], measured.surface_dice[known, number]
    truth, predicted = (
        measured.cells[:, number + 1][:, [0, other]].sum(axis=1) > 0 for other in (2, 1)
    )
    return SurfaceScores(
        images=int(known.sum()),
        only_truth=int((truth & ~predicted).sum()),
        only_predicted=int((predicted & ~truth).sum()),
        hd95_mean=float(hd95.mean()) if len(hd95) else None,
        hd95_median=float(np.median(hd95)) if len(hd95) else None,
        surface_dice_mean=float(near.mean()) if len(near) else None,
        surface_dice_median=float(np.median(near)) if len(near) else None,
    )


def _images(measured: Measured, number: int, point: Mapping[str, float | None]) -> ImageScores:
    present, flagged = measured.present[:, number], measured.flagged[:, number]
    both_kinds = present.any() and not present.all()
    rates, found = roc_curve(present, measured.scores[:, number])
    return ImageScores(
        positive=int(present.sum()),
        negative=int((~present).sum()),
        found=int((present & flagged).sum()),
        false=int((~present & flagged).sum()),
        sensitivity=point["image_sensitivity"],
        specificity=point["image_specificity"],
        auc=point["auc"],
        false_positive_rates=tuple(rates.tolist()) if both_kinds else (),
        sensitivities=tuple(found.tolist()) if both_kinds else (),
    )


def overall_report(measured: Measured, resampled: Resampled) -> Overall:
    """Return the scores over all classes."""
    everything = np.ones((1, len(measured.cells)), dtype=np.int64)
    point = {
        name: defined(values[0])
        for name, values in overall_statistics(measured, everything).items()
    }
    return Overall(
        accuracy=point["accuracy"],
        background_accuracy=point["background_accuracy"],
        foreground={name: point[name] for name in scores.SCORES},
        with_background={name: point[f"{name}_with_background"] for name in scores.SCORES},
        intervals=resampled.overall(),
    )


def image_rows(
    measured: Measured,
    names: Sequence[str],
    groups: Sequence[str | None],
    classes: ClassMap,
) -> tuple[ImageRow, ...]:
    """Return a row per image, the worst first."""
    foreground = scores.dice(measured.cells[:, 1:].sum(axis=1))
    rows = [
        ImageRow(
            name=name,
            group=group,
            dice=defined(foreground[image]),
            missed_lesions=int(
                (measured.lesions[image, :, 0] - measured.lesions[image, :, 1]).sum()
            ),
            false_lesions=int(measured.lesions[image, :, 3].sum()),
            classes={
                classes.names[id_]: _class_row(measured, image, number)
                for number, id_ in enumerate(classes.foreground_ids)
            },
        )
        for image, (name, group) in enumerate(zip(names, groups, strict=True))
    ]
    return tuple(sorted(rows, key=_badness))


def _badness(row: ImageRow) -> tuple[float, int, str]:
    nothing_to_find = 2.0  # there was nothing, and nothing was found: better than any Dice
    dice = nothing_to_find if row.dice is None else row.dice
    return dice, -(row.missed_lesions + row.false_lesions), row.name


def _class_row(measured: Measured, image: int, number: int) -> ClassRow:
    cells = measured.cells[image, number + 1]
    truth, found, _, false = measured.lesions[image, number].tolist()
    return ClassRow(
        truth_pixels=int(cells[0] + cells[2]),
        predicted_pixels=int(cells[0] + cells[1]),
        dice=defined(scores.dice(cells)),
        iou=defined(scores.iou(cells)),
        hd95=defined(measured.hd95[image, number]),
        surface_dice=defined(measured.surface_dice[image, number]),
        lesions=truth,
        missed_lesions=truth - found,
        false_lesions=false,
        score=float(measured.scores[image, number]),
    )


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
