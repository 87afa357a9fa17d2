"""From what was measured on every image to the parts of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures import scores
from maskforge.evaluation.measures.bootstrap import interval, resampled_weights
from maskforge.evaluation.measures.calibration import Calibration
from maskforge.evaluation.measures.catalog import measures_of
from maskforge.evaluation.measures.freeresponse import OperatingPoint, operating_points
from maskforge.evaluation.measures.imagelevel import roc_curve
from maskforge.evaluation.measures.lesions import Lesions
from maskforge.evaluation.measures.measure import (
    ImageMeasure,
    LesionMeasure,
    Measure,
    OutlineMeasure,
    PixelMeasure,
)
from maskforge.evaluation.measures.measured import Measured
from maskforge.evaluation.measures.millimeters import (
    areas_of_lesions,
    distances_of_class,
    millimeters_of_image,
)
from maskforge.evaluation.measures.ratios import defined
from maskforge.evaluation.measures.sample_statistics import class_statistics, overall_statistics
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
    with_scores,
)
from maskforge.masks.classes import BACKGROUND, BACKGROUND_NAME, ClassMap

FEW_UNITS = 20
"""Fewer images or groups make bootstrap intervals too narrow."""

_CELLS = ("true_positive", "false_positive", "false_negative", "true_negative")

_Point = Mapping[str, float | None]


class Resampled:
    """Scores of resampled data sets, from which the intervals come.

    Attributes:
        weights: (B, N): how often each image is in each data set.
        notes: What speaks against the intervals.
    """

    def __init__(
        self, measured: Measured, groups: Sequence[str | None], samples: int, seed: int
    ) -> None:
        """Draw the data sets; without samples or with a single group there are no intervals."""
        samples, self.notes = possible_samples(groups, samples)
        self.weights = resampled_weights(groups, samples, seed)
        self._classes = class_statistics(measured, self.weights) if samples else {}
        self._overall = overall_statistics(measured, self.weights) if samples else {}

    def of_class(self, number: int) -> dict[str, Interval | None]:
        """Return the interval of every score of a class."""
        return {name: interval(values[:, number]) for name, values in self._classes.items()}

    def overall(self) -> dict[str, Interval | None]:
        """Return the intervals of the scores over all classes."""
        wanted = ("accuracy", *(one.name for one in measures_of(PixelMeasure)))
        return {name: interval(self._overall[name]) for name in wanted if name in self._overall}


def possible_samples(groups: Sequence[str | None], samples: int) -> tuple[int, tuple[str, ...]]:
    """Return how many data sets can be drawn, and a note if they say little.

    Args:
        groups: The group of each image; an image with None stands for itself.
        samples: How many are wanted; of a single group none can be drawn.
    """
    units = len({(number,) if group is None else group for number, group in enumerate(groups)})
    samples = samples if units > 1 else 0
    if not samples or units >= FEW_UNITS:
        return samples, ()
    what = "images" if units == len(groups) else "groups of images"
    return samples, (f"the 95 % intervals rest on {units} {what}: too few to rely on",)


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
    points = class_statistics(measured, _everything(measured))
    cells = measured.cells.sum(axis=0)
    reports = []
    for number, id_ in enumerate(classes.foreground_ids):
        name = classes.names[id_]
        point = {key: defined(values[0, number]) for key, values in points.items()}
        curve = (
            ()
            if by_threshold is None
            else operating_points(by_threshold[number], len(measured.cells))
        )
        reports.append(
            msgspec.structs.replace(
                _pixel_report(id_, name, cells[number + 1]),
                surface=_surface(measured, number),
                lesions=_lesions(measured, number, point, curve),
                images=_images(measured, number, point),
                intervals=resampled.of_class(number),
                calibration=calibrations.get(name),
            )
        )
    return (*reports, _pixel_report(BACKGROUND, BACKGROUND_NAME, cells[0]))


def _pixel_report(id_: int, name: str, cells: NDArray[np.int64]) -> ClassReport:
    return with_scores(
        ClassReport,
        {one.name: defined(one.formula(cells)) for one in measures_of(PixelMeasure)},
        id=id_,
        name=name,
        **dict(zip(_CELLS, cells.tolist(), strict=True)),
    )


def _surface(measured: Measured, number: int) -> SurfaceScores:
    truth, predicted = (
        measured.cells[:, number + 1][:, [0, other]].sum(axis=1) > 0 for other in (2, 1)
    )
    values: dict[str, float | None] = {}
    for one in measures_of(OutlineMeasure):
        column = measured.outlines[one.name][:, number]
        known = column[~np.isnan(column)]
        averages = (float(known.mean()), float(np.median(known))) if len(known) else (None, None)
        values |= zip(one.keys, averages, strict=True)
    return with_scores(
        SurfaceScores,
        {**values, **distances_of_class(measured, number)},
        images=int((truth & predicted).sum()),
        only_truth=int((truth & ~predicted).sum()),
        only_predicted=int((predicted & ~truth).sum()),
    )


def _lesions(
    measured: Measured, number: int, point: _Point, curve: tuple[OperatingPoint, ...]
) -> LesionScores:
    counted = Lesions(*measured.lesions[:, number].sum(axis=0).tolist())
    return with_scores(
        LesionScores,
        {**_by_key(LesionMeasure, point), **areas_of_lesions(measured, number)},
        **counted._asdict(),
        operating_points=curve,
    )


def _images(measured: Measured, number: int, point: _Point) -> ImageScores:
    present, flagged = measured.present[:, number], measured.flagged[:, number]
    both_kinds = present.any() and not present.all()
    rates, found = roc_curve(present, measured.scores[:, number])
    return with_scores(
        ImageScores,
        _by_key(ImageMeasure, point),
        positive=int(present.sum()),
        negative=int((~present).sum()),
        found=int((present & flagged).sum()),
        false=int((~present & flagged).sum()),
        false_positive_rates=tuple(rates.tolist()) if both_kinds else (),
        sensitivities=tuple(found.tolist()) if both_kinds else (),
    )


def _by_key(kind: type[Measure], point: _Point) -> dict[str, float | None]:
    return {one.keys[0]: point[one.name] for one in measures_of(kind)}


def overall_report(measured: Measured, resampled: Resampled) -> Overall:
    """Return the scores over all classes."""
    statistics = overall_statistics(measured, _everything(measured))
    point = {name: defined(values[0]) for name, values in statistics.items()}
    names = [one.name for one in measures_of(PixelMeasure)]
    return Overall(
        accuracy=point["accuracy"],
        background_accuracy=point["background_accuracy"],
        foreground={name: point[name] for name in names},
        with_background={name: point[f"{name}_with_background"] for name in names},
        intervals=resampled.overall(),
    )


def _everything(measured: Measured) -> NDArray[np.int64]:
    """Return the weights of one data set with every image once."""
    return np.ones((1, len(measured.cells)), dtype=np.int64)


def image_rows(
    measured: Measured,
    names: Sequence[str],
    groups: Sequence[str | None],
    classes: ClassMap,
) -> tuple[ImageRow, ...]:
    """Return a row per image, the worst first."""
    foreground = scores.dice(measured.cells[:, 1:].sum(axis=1))
    missed = measured.lesions[..., 0] - measured.lesions[..., 1]
    by_image = {one.name: one.by_image(measured) for one in measures_of(Measure)}
    known = {name: values for name, values in by_image.items() if values is not None}

    def row(image: int, number: int) -> ClassRow:
        cells = measured.cells[image, number + 1]
        return with_scores(
            ClassRow,
            {
                **{name: defined(values[image, number]) for name, values in known.items()},
                **millimeters_of_image(measured, image, number),
            },
            truth_pixels=int(cells[0] + cells[2]),
            predicted_pixels=int(cells[0] + cells[1]),
            lesions=int(measured.lesions[image, number, 0]),
            missed_lesions=int(missed[image, number]),
            false_lesions=int(measured.lesions[image, number, 3]),
            score=float(measured.scores[image, number]),
            uncertainty=defined(measured.uncertainty[image, number]),
        )

    rows = [
        ImageRow(
            name=name,
            group=group,
            dice=defined(foreground[image]),
            missed_lesions=int(missed[image].sum()),
            false_lesions=int(measured.lesions[image, :, 3].sum()),
            classes={
                classes.names[id_]: row(image, number)
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
