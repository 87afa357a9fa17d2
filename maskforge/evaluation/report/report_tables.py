"""The tables of an evaluation, printed or on a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from maskforge.display.table import Shown, Table, cell_text
from maskforge.errors import listing
from maskforge.evaluation.measures.catalog import measures_of
from maskforge.evaluation.measures.freeresponse import OperatingPoint
from maskforge.evaluation.measures.measure import (
    ImageMeasure,
    LesionMeasure,
    Measure,
    OutlineMeasure,
    PixelMeasure,
    as_text,
)
from maskforge.evaluation.measures.units import UNIT_MEASURES
from maskforge.evaluation.report.records import (
    AnnotatorReport,
    Evaluation,
    Interval,
    LeftOut,
    UnitReport,
)

_WORST_SHOWN = 5
_MOST_TOGETHER = 4
_FALSE_RATES = (0.25, 0.5, 1.0, 2.0)


def shown(report: Evaluation, *, worst: int = _WORST_SHOWN) -> Iterator[Shown]:
    """Yield the tables of an evaluation with what has to be known to read them.

    Args:
        report: The evaluation.
        worst: Most images that are listed.
    """
    yield _pixels(report)
    accuracies = (report.overall.accuracy, report.overall.background_accuracy)
    real, without = (as_text(one, "score") for one in accuracies)
    yield f"accuracy {real}; a prediction of background alone has {without}"
    yield (
        "Read the foreground: accuracy, specificity and every mean with background are high "
        "wherever there is little to find.\n"
    )
    yield _outlines(report)
    yield _millimeters(report)
    yield _operating_points(report)
    yield _images(report)
    if report.units is not None:
        yield from _units(report.units)
    yield _groups(report)
    if report.annotators is not None:
        yield _annotators(report.annotators)
        yield f"{report.annotators.verdict}\n"
    yield Table(
        f"Worst of {report.images} images",
        ("image", "Dice", "lesions missed", "invented"),
        [
            (row.name, as_text(row.dice, "score"), row.missed_lesions, row.false_lesions)
            for row in report.rows[:worst]
        ],
    )
    for names, what in (
        (report.unpaired_truth, "of the truth have no prediction"),
        (report.unpaired_predictions, "of the predictions have no truth"),
    ):
        if names:
            yield f"left out: {len(names)} masks {what}: {listing(names)}"


def _pixels(report: Evaluation) -> Table:
    measures, overall = measures_of(PixelMeasure), report.overall
    rows = [
        (
            one.name,
            *_cells(measures, one, one.intervals),
            f"{one.true_positive + one.false_negative:,}",
        )
        for one in report.classes
    ]
    rows.insert(-1, ("mean of these", *_cells(measures, overall.foreground, overall.intervals), ""))
    rows.append(("mean with background", *_cells(measures, overall.with_background, {}), ""))
    return Table(
        f"Pixels of {report.images} images", ("class", *_titles(measures), "true pixels"), rows
    )


def _outlines(report: Evaluation) -> Table:
    outlines, lesions = measures_of(OutlineMeasure), measures_of(LesionMeasure)
    down, right = report.options["spacing"]
    unit = "px" if down == right == 1 else f"units of {down:g}x{right:g}"
    return Table(
        f"Outlines and lesions (distances in {unit}, tolerance {report.options['tolerance']:g})",
        ("class", *_titles(outlines), "one side empty", "lesions", *_titles(lesions)),
        [
            (
                one.name,
                *_cells(outlines, one.surface, one.intervals),
                f"{one.surface.only_truth + one.surface.only_predicted} of {report.images}",
                str(one.lesions.truth),
                *_cells(lesions, one.lesions, one.intervals),
            )
            for one in report.classes
            if one.surface is not None and one.lesions is not None
        ],
    )


def _millimeters(report: Evaluation) -> Table:
    """Return what is known in millimeters; a table without rows if no pixel's size is known."""
    return Table(
        "In millimeters, of the images that tell the size of a pixel",
        ("class", "HD95", "median HD95", "ASSD", "mm² of a lesion", "of a predicted one"),
        [
            (
                one.name,
                *(
                    as_text(getattr(one.surface, name), "distance")
                    for name in ("hd95_mm_mean", "hd95_mm_median", "assd_mm_mean")
                ),
                *(
                    as_text(getattr(one.lesions, f"mean_{name}"), "distance")
                    for name in ("truth_mm2", "predicted_mm2")
                ),
            )
            for one in report.classes
            if hasattr(one.surface, "hd95_mm_mean")
        ],
    )


def _operating_points(report: Evaluation) -> Table:
    return Table(
        "Lesions found at other thresholds (in brackets), by false lesions per image",
        ("class", *(f"at most {rate:g}" for rate in _FALSE_RATES)),
        [
            (one.name, *(_best_point(one.lesions.operating_points, rate) for rate in _FALSE_RATES))
            for one in report.classes
            if one.lesions is not None and one.lesions.truth and one.lesions.operating_points
        ],
    )


def _best_point(points: Sequence[OperatingPoint], rate: float) -> str:
    allowed = [point for point in points if point.false_per_image <= rate]
    if not allowed:
        return "none"
    best = max(allowed, key=lambda point: (point.sensitivity or 0, -point.false_per_image))
    return f"{as_text(best.sensitivity, 'share')} ({best.threshold:g})"


def _images(report: Evaluation) -> Table:
    measures = measures_of(ImageMeasure)
    return Table(
        "Images: is there any?",
        ("class", "with", "without", *_titles(measures)),
        [
            (
                one.name,
                str(one.images.positive),
                str(one.images.negative),
                *_cells(measures, one.images, one.intervals),
            )
            for one in report.classes
            if one.images is not None
        ],
    )


def _units(report: UnitReport) -> Iterator[Shown]:
    cells = {
        "sensitivity": (report.found, report.positive),
        "specificity": (report.negative - report.false, report.negative),
        "ppv": (report.found, report.found + report.false),
    }
    rest = report.units - report.found - report.false
    cells["npv"] = report.negative - report.false, rest
    cells["accuracy"] = report.found + report.negative - report.false, report.units
    lesions, units = together(report.lesion_classes), together(report.classes)
    yield Table(
        f"Units: is there any {lesions} in each {units}? "
        f"({report.units:,} units in {report.images:,} images)",
        ("score", "value", "95 %", "units"),
        [
            (
                one.title,
                one.text(getattr(report, one.name)),
                as_range(report.intervals.get(one.name)),
                f"{cells[one.name][0]:,} of {cells[one.name][1]:,}" if one.name in cells else "",
            )
            for one in UNIT_MEASURES
        ],
    )
    if report.outside_pixels or report.outside_predicted_pixels:
        yield (
            f"outside of all units: {report.outside_pixels:,} px and {report.outside_lesions} "
            f"whole lesions of the truth, {report.outside_predicted_pixels:,} px and "
            f"{report.outside_predicted_lesions} of the prediction"
        )
    yield Table(
        "Units by depth: how many are marked, however deep",
        ("depth in the truth", "units", "marked", "sensitivity", "95 %"),
        [
            (
                one.depth,
                one.units,
                one.marked,
                as_text(one.sensitivity, "share"),
                as_range(one.interval),
            )
            for one in report.depths
        ],
    )
    yield Table(
        "Units by depth in the truth (rows) and in the prediction (columns)",
        ("truth", *report.depth_names),
        [
            (name, *row)
            for name, row in zip(report.depth_names, report.depth_confusion, strict=True)
        ],
    )


def together(classes: Sequence[str]) -> str:
    """Return the name of what several classes are together."""
    if len(classes) > _MOST_TOGETHER:
        return f"{len(classes)} classes"
    return " + ".join(cell_text(one) for one in classes)


def as_range(limits: Interval | None) -> str:
    """Return an interval as it stands in tables."""
    return "" if limits is None else f"{limits[0]:.3f}-{limits[1]:.3f}"


def _groups(report: Evaluation) -> Table:
    measures = [one for one in measures_of(Measure) if one.by_group]
    return Table(
        f"By {report.group_column}",
        ("value", "images", "class", *(one.title for one in measures)),
        [
            (
                group.value or "(none)",
                str(group.images),
                name,
                *(one.text(scores[one.name]) for one in measures),
            )
            for group in report.groups
            for name, scores in group.classes.items()
        ],
    )


def _annotators(report: AnnotatorReport) -> Table:
    rows: list[tuple[str, float | None, float | None, LeftOut | AnnotatorReport]] = [
        (f"instead of {one.annotator}", one.prediction_dice, one.annotator_dice, one)
        for one in report.left_out
    ]
    rows.append(("mean", report.prediction_dice, report.annotators_dice, report))
    return Table(
        f"Mean Dice with {len(report.annotators)} annotators, on {report.images} images",
        ("compared with the others", "prediction", "annotator", "difference", "95 %"),
        [
            (
                name,
                as_text(predicted, "score"),
                as_text(annotated, "score"),
                "undefined" if one.difference is None else f"{one.difference:+.4f}",
                "" if one.interval is None else "{:+.3f} to {:+.3f}".format(*one.interval),
            )
            for name, predicted, annotated, one in rows
        ],
    )


def _titles(measures: Sequence[Measure]) -> Iterator[str]:
    """Yield the heads of the columns of measures."""
    for one in measures:
        yield one.title
        if one.beside:
            yield {"interval": "95 %", "median": "median"}[one.beside]


def _cells(
    measures: Sequence[Measure], values: object, intervals: Mapping[str, Interval | None]
) -> Iterator[str]:
    """Yield the cells of these columns.

    Args:
        measures: The measures.
        values: A part of a report that holds their values, or the values by key.
        intervals: By name of the measure.
    """
    read = values.get if isinstance(values, Mapping) else partial(getattr, values)
    for one in measures:
        yield one.text(read(one.keys[0]))
        if one.beside == "median":
            yield one.text(read(one.keys[1]))
        elif one.beside == "interval":
            yield as_range(intervals.get(one.name))
