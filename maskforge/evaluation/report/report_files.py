"""The files of a report: JSON, and tables per class and per image."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import msgspec

from maskforge.errors import OutputExistsError
from maskforge.evaluation.report.evaluation_report import EvaluationReport
from maskforge.evaluation.report.records import ClassReport
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
    write_whole(folder / PER_CLASS, _table(map(_class_row, report.classes)))
    write_whole(folder / PER_IMAGE, _table(_image_rows(report)))
    write_whole(folder / REPORT, dump_record(report))


def _class_row(report: ClassReport) -> dict[str, object]:
    row = {"class": report.name, **_numbers(report)}
    for section in ("surface", "lesions", "images"):
        part = getattr(report, section)
        if part is not None:
            row |= {f"{section}_{name}": value for name, value in _numbers(part).items()}
    for name, limits in report.intervals.items():
        row[f"{name}_low"], row[f"{name}_high"] = limits or (None, None)
    return row


def _image_rows(report: EvaluationReport) -> Iterator[dict[str, object]]:
    for row in report.rows:
        for name, one in row.classes.items():
            yield {"image": row.name, "group": row.group, "class": name, **_numbers(one)}


def _numbers(record: msgspec.Struct) -> dict[str, object]:
    """Return the fields of a record that are single numbers."""
    return {name: getattr(record, name) for name in _number_names(type(record))}


@cache
def _number_names(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    numbers = (int, float, float | None)
    return tuple(one.name for one in msgspec.structs.fields(struct) if one.type in numbers)


def _table(rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return a CSV table as UTF-8, with the columns of its first row; None is an empty cell."""
    stream = io.StringIO(newline="")
    first, *others = rows
    writer = csv.DictWriter(stream, first, lineterminator="\n")
    writer.writeheader()
    writer.writerows((first, *others))
    return stream.getvalue().encode(errors="replace")
