"""The files of a report: JSON, and tables per class and per image."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from maskforge.errors import OutputExistsError
from maskforge.evaluation.report.records import EvaluationReport
from maskforge.files import check_folder, dump_record, write_whole
from maskforge.issues import Origin

REPORT = "report.json"
PER_CLASS = "per-class.csv"
PER_IMAGE = "per-image.csv"


def check_target(folder: Path, *, overwrite: bool) -> None:
    """Make sure that a report can be written.

    Raises:
        OutputExistsError: If there is one, and ``overwrite`` is not set.
        OutputError: If the folder is a file.
    """
    check_folder(folder)
    present = [name for name in (REPORT, PER_CLASS, PER_IMAGE) if (folder / name).exists()]
    if present and not overwrite:
        raise OutputExistsError(
            f"already holds {', '.join(present)}",
            origin=Origin(folder, ""),
            hint="choose another folder, or replace the report with --overwrite",
        )


def write_report(folder: Path, report: EvaluationReport) -> None:
    """Write ``report.json``, ``per-class.csv`` and ``per-image.csv``.

    Raises:
        OutputError: If a file cannot be written.
    """
    write_whole(folder / PER_CLASS, _table(*_class_table(report)))
    write_whole(folder / PER_IMAGE, _table(*_image_table(report)))
    write_whole(folder / REPORT, dump_record(report))


def _class_table(report: EvaluationReport) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
    pixels = (
        *("true_positive", "false_positive", "false_negative", "true_negative"),
        *("dice", "iou", "precision", "recall", "specificity"),
    )
    nested = [
        (part, name)
        for part, names in (
            ("surface", ("hd95_mean", "hd95_median", "surface_dice_mean", "surface_dice_median")),
            ("lesions", ("truth", "found", "false", "sensitivity", "false_per_image")),
            ("images", ("positive", "negative", "sensitivity", "specificity", "auc")),
        )
        for name in names
    ]
    intervals = list(report.classes[0].intervals)
    header = (
        "class",
        *pixels,
        *(f"{part}_{name}" for part, name in nested),
        *(f"{name}_{limit}" for name in intervals for limit in ("low", "high")),
    )
    rows = (
        (
            one.name,
            *(getattr(one, name) for name in pixels),
            *(getattr(getattr(one, part), name, None) for part, name in nested),
            *(limit for name in intervals for limit in one.intervals.get(name) or (None, None)),
        )
        for one in report.classes
    )
    return header, rows


def _image_table(report: EvaluationReport) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
    values = (
        *("truth_pixels", "predicted_pixels", "dice", "iou", "hd95", "surface_dice"),
        *("lesions", "missed_lesions", "false_lesions", "score"),
    )
    rows = (
        (row.name, row.group, name, *(getattr(one, value) for value in values))
        for row in report.rows
        for name, one in row.classes.items()
    )
    return ("image", "group", "class", *values), rows


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a CSV table as UTF-8; None is an empty cell."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue().encode(errors="replace")
