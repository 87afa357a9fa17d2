"""The files of a report: JSON, and tables per class and per image."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import cache

import msgspec

from maskforge.errors import OutputExistsError
from maskforge.evaluation.report.evaluation_report import EvaluationReport
from maskforge.evaluation.report.records import ClassReport
from maskforge.files import PER_IMAGE, REPORT, WORST, dump_record, read_bytes
from maskforge.issues import Origin
from maskforge.outputs.csvtable import write_table
from maskforge.outputs.folder import OutputFolder, check_links

PER_CLASS = "per-class.csv"
CHARTS = ("confusion-matrix.png", "roc.png", "free-response.png", "calibration.png")

_TABLES = (REPORT, PER_CLASS, PER_IMAGE)


class _Earlier(msgspec.Struct):
    """What is known of an earlier report; by these keys it is recognized."""

    prediction: str
    truth: str
    digests: dict[str, str] = {}


def check_target(folder: OutputFolder, *, overwrite: bool) -> None:
    """Make sure that a report can be written without harm to anything else.

    Raises:
        OutputExistsError: If there is one, and ``overwrite`` is not set; or if there is something
            in the place of its files that no earlier evaluation has written.
        OutputError: If its folder of images is a link.
    """
    check_links(folder.path, [WORST])
    present = [name for name in _TABLES if os.path.lexists(folder.path / name)]
    if present and not overwrite:
        raise OutputExistsError(
            f"already holds {', '.join(present)}",
            origin=Origin(folder.path, ""),
            hint="choose another folder, or replace the report with --overwrite",
        )
    known = _earlier(folder)
    foreign = [
        name
        for name in (*_TABLES, *CHARTS)
        if os.path.lexists(folder.path / name) and not folder.is_unchanged(name, known.get(name))
    ]
    if foreign:
        raise OutputExistsError(
            f"holds {', '.join(foreign)} that maskforge did not write, or that was changed since",
            origin=Origin(folder.path, ""),
            hint="choose another folder, or move them elsewhere",
        )


def _earlier(folder: OutputFolder) -> dict[str, str]:
    """Return the SHA-256 of every file of an earlier report, as far as it tells."""
    known = dict(folder.left)
    with contextlib.suppress(OSError, msgspec.MsgspecError, ValueError, RecursionError):
        content = read_bytes(folder.path / REPORT)
        known |= msgspec.json.decode(content, type=_Earlier).digests
        known[REPORT] = hashlib.sha256(content).hexdigest()
    return known


def write_report(
    folder: OutputFolder, report: EvaluationReport, images: Iterable[tuple[str, bytes]]
) -> EvaluationReport:
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
    folder.remove_earlier(_earlier(folder), frozenset((*_TABLES, *CHARTS, WORST)))
    folder.write(PER_CLASS, write_table(map(_class_row, report.classes)))
    folder.write(PER_IMAGE, write_table(_image_rows(report)))
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
