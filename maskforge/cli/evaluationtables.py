"""The tables of ``maskforge evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from maskforge.cli.console import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskforge.evaluation.measures.freeresponse import OperatingPoint
    from maskforge.evaluation.report.records import EvaluationReport

_WORST_SHOWN = 5
_NAMES_SHOWN = 10
_FALSE_RATES = (0.25, 0.5, 1.0, 2.0)


def print_report(report: EvaluationReport, spacing: str | None = None) -> None:
    """Print an evaluation as tables.

    Args:
        report: The evaluation.
        spacing: Size of a pixel as it was given; None if distances are in pixels.
    """
    _print_pixels(report)
    _print_outlines(report, "px" if spacing is None else f"units of {spacing}")
    _print_operating_points(report)
    _print_images(report)
    _print_groups(report)
    print_table(
        f"Worst of {report.images} images",
        ("image", "Dice", "lesions missed", "invented"),
        (
            (row.name, _score(row.dice), row.missed_lesions, row.false_lesions)
            for row in report.rows[:_WORST_SHOWN]
        ),
    )
    for problem in report.problems:
        typer.echo(f"refused: {problem}", err=True)
    for names, what in (
        (report.unpaired_truth, "of the truth have no prediction"),
        (report.unpaired_predictions, "of the predictions have no truth"),
    ):
        if names:
            more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
            typer.echo(
                f"left out: {len(names)} masks {what}: {', '.join(names[:_NAMES_SHOWN])}{more}"
            )
    for note in report.notes:
        typer.secho(f"note: {note}", fg="yellow" if note.startswith("WARNING") else None)


def _print_pixels(report: EvaluationReport) -> None:
    overall = report.overall
    rows: list[tuple[str, ...]] = [
        (
            one.name,
            _score(one.dice),
            _interval(one.intervals.get("dice")),
            *map(_score, (one.iou, one.precision, one.recall, one.specificity)),
            f"{one.true_positive + one.false_negative:,}",
        )
        for one in report.classes
    ]
    foreground, everything = overall.foreground, overall.with_background
    names = ("iou", "precision", "recall", "specificity")
    rows.insert(
        -1,
        (
            "mean of these",
            _score(foreground["dice"]),
            _interval(overall.intervals.get("dice")),
            *(_score(foreground[name]) for name in names),
            "",
        ),
    )
    rows.append(
        (
            "mean with background",
            _score(everything["dice"]),
            "",
            *(_score(everything[name]) for name in names),
            "",
        )
    )
    print_table(
        f"Pixels of {report.images} images",
        ("class", "Dice", "95 %", "IoU", "precision", "recall", "specificity", "true pixels"),
        rows,
    )
    typer.echo(
        f"accuracy {_score(overall.accuracy)}; a prediction of background alone has "
        f"{_score(overall.background_accuracy)}"
    )
    typer.echo(
        "Read the foreground: accuracy, specificity and every mean with background are high "
        "wherever there is little to find.\n"
    )


def _print_outlines(report: EvaluationReport, unit: str) -> None:
    print_table(
        f"Outlines and lesions (distances in {unit}, tolerance {report.options['tolerance']:g})",
        (
            *("class", "HD95", "median", "surface Dice", "one side empty"),
            *("lesions", "found", "95 %", "false per image"),
        ),
        (
            (
                one.name,
                _distance(one.surface.hd95_mean),
                _distance(one.surface.hd95_median),
                _score(one.surface.surface_dice_mean),
                f"{one.surface.only_truth + one.surface.only_predicted} of {report.images}",
                str(one.lesions.truth),
                _share(one.lesions.sensitivity),
                _interval(one.intervals.get("lesion_sensitivity")),
                _distance(one.lesions.false_per_image),
            )
            for one in report.classes
            if one.surface is not None and one.lesions is not None
        ),
    )


def _print_operating_points(report: EvaluationReport) -> None:
    print_table(
        "Lesions found at other thresholds (in brackets), by false lesions per image",
        ("class", *(f"at most {rate:g}" for rate in _FALSE_RATES)),
        (
            (one.name, *(_best_point(one.lesions.operating_points, rate) for rate in _FALSE_RATES))
            for one in report.classes
            if one.lesions is not None and one.lesions.truth and one.lesions.operating_points
        ),
    )


def _best_point(points: Sequence[OperatingPoint], rate: float) -> str:
    allowed = [point for point in points if point.false_per_image <= rate]
    if not allowed:
        return "none"
    best = max(allowed, key=lambda point: (point.sensitivity or 0, -point.false_per_image))
    return f"{_share(best.sensitivity)} ({best.threshold:g})"


def _print_images(report: EvaluationReport) -> None:
    print_table(
        "Images: is there any?",
        ("class", "with", "without", "sensitivity", "95 %", "specificity", "95 %", "AUC", "95 %"),
        (
            (
                one.name,
                str(one.images.positive),
                str(one.images.negative),
                _share(one.images.sensitivity),
                _interval(one.intervals.get("image_sensitivity")),
                _share(one.images.specificity),
                _interval(one.intervals.get("image_specificity")),
                _score(one.images.auc),
                _interval(one.intervals.get("auc")),
            )
            for one in report.classes
            if one.images is not None
        ),
    )


def _print_groups(report: EvaluationReport) -> None:
    print_table(
        f"By {report.group_column}",
        (
            *("value", "images", "class", "Dice", "IoU", "lesions found", "false per image"),
            *("image sensitivity", "specificity"),
        ),
        (
            (
                group.value or "(none)",
                str(group.images),
                name,
                _score(scores["dice"]),
                _score(scores["iou"]),
                _share(scores["lesion_sensitivity"]),
                _distance(scores["false_lesions_per_image"]),
                _share(scores["image_sensitivity"]),
                _share(scores["image_specificity"]),
            )
            for group in report.groups
            for name, scores in group.classes.items()
        ),
    )


def _score(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.1%}"


def _distance(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"


def _interval(limits: tuple[float, float] | None) -> str:
    return "" if limits is None else f"{limits[0]:.3f}-{limits[1]:.3f}"
