"""The files of a report: JSON, and tables per class and per image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, TypeVar

import msgspec

from maskforge.evaluation.report.records import ClassReport, Evaluation, UnitRow
from maskforge.files import PER_IMAGE, REPORT, WORST, dump_record
from maskforge.outputs.csvtable import write_table
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.report_files import EarlierReport, ReportFiles

Report = TypeVar("Report", bound=Evaluation)

PER_CLASS = "per-class.csv"
PER_UNIT = "per-unit.csv"
CHARTS: Final = (
    "confusion-matrix.png",
    "roc.png",
    "free-response.png",
    "calibration.png",
    "roc-units.png",
)


class _Earlier(EarlierReport, kw_only=True):
    """An earlier evaluation."""

    prediction: str
    truth: str


FILES = ReportFiles(
    record=REPORT,
    files=(PER_CLASS, PER_IMAGE),
    charts=(*CHARTS, PER_UNIT),
    folder=WORST,
    earlier=_Earlier,
)


def write_report(
    folder: OutputFolder, report: Report, images: Iterable[tuple[str, bytes]]
) -> Report:
    """Write tables and images, and ``report.json`` last, which lists them.

    Args:
        folder: Where; the files of an earlier report there are removed.
        report: The report.
        images: Name and content of every image.

    Returns:
        The report as it is written.

    Raises:
        OutputError: If a file cannot be written.
    """
    FILES.remove_earlier(folder)
    folder.write(PER_CLASS, write_table(map(_class_row, report.classes)))
    folder.write(PER_IMAGE, write_table(_image_rows(report)))
    if report.units is not None:
        rows = map(msgspec.structs.asdict, report.units.rows)
        folder.write(PER_UNIT, write_table(rows, UnitRow.__struct_fields__))
    for name, content in images:
        folder.write(name, content)
    report = msgspec.structs.replace(report, digests=dict(folder.digests))
    folder.write(REPORT, dump_record(report))
    return report


def _class_row(report: ClassReport) -> dict[str, object]:
    row = {"class": report.name, **_numbers(report)}
    for section in ("surface", "lesions", "images"):
        part = getattr(report, section)
        if part is not None:
            row |= {f"{section}_{name}": value for name, value in _numbers(part).items()}
    for name, limits in report.intervals.items():
        row[f"{name}_low"], row[f"{name}_high"] = limits or (None, None)
    return row


def _image_rows(report: Evaluation) -> Iterator[dict[str, object]]:
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
