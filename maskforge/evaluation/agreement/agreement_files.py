"""The files of a report on agreement: JSON, and tables per pair and per image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import TypeVar

import msgspec

from maskforge.evaluation.agreement.agreement_records import Agreement
from maskforge.evaluation.report.records import ImageRow
from maskforge.files import PER_IMAGE, REPORT, WORST, dump_record
from maskforge.outputs.csvtable import write_table
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.report_files import EarlierReport, ReportFiles

Report = TypeVar("Report", bound=Agreement)

PER_PAIR = "per-pair.csv"


class _Earlier(EarlierReport, kw_only=True):
    """An earlier report on agreement."""

    annotators: dict[str, str]


FILES = ReportFiles(record=REPORT, files=(PER_PAIR, PER_IMAGE), folder=WORST, earlier=_Earlier)


def write_agreement(
    folder: OutputFolder,
    report: Report,
    rows: Sequence[Sequence[ImageRow]],
    images: Iterable[tuple[str, bytes]],
) -> Report:
    """Write tables and images, and ``report.json`` last, which lists them.

    Args:
        folder: Where; the files of an earlier report there are removed.
        report: The report.
        rows: The images of every two annotators.
        images: Name and content of every image that is drawn.

    Returns:
        The report as it is written.

    Raises:
        OutputError: If a file cannot be written.
    """
    FILES.remove_earlier(folder)
    folder.write(PER_PAIR, write_table(_pair_rows(report)))
    folder.write(PER_IMAGE, write_table(_image_rows(report, rows)))
    for name, content in images:
        folder.write(name, content)
    report = msgspec.structs.replace(report, digests=dict(folder.digests))
    folder.write(REPORT, dump_record(report))
    return report


def _pair_rows(report: Agreement) -> Iterator[dict[str, object]]:
    for pair in report.pairs:
        for one in pair.classes:
            row: dict[str, object] = {"first": pair.first, "second": pair.second}
            row |= {"class": one.name, "dice": one.dice, "hd95_mean": one.hd95_mean}
            row |= {"lesion_f1": one.lesion_f1, "kappa": one.kappa}
            row |= {"area_images": one.areas.images, "area_bias": one.areas.bias}
            row |= {"area_lower": one.areas.lower, "area_upper": one.areas.upper}
            areas = {f"area_{name}": limits for name, limits in one.areas.intervals.items()}
            for name, limits in (one.intervals | areas).items():
                row[f"{name}_low"], row[f"{name}_high"] = limits or (None, None)
            yield row


def _image_rows(
    report: Agreement, rows: Sequence[Sequence[ImageRow]]
) -> Iterator[dict[str, object]]:
    for (first, second), images in zip(combinations(report.annotators, 2), rows, strict=True):
        for row in images:
            for name, one in row.classes.items():
                yield {
                    "image": row.name,
                    "group": row.group,
                    "first": first,
                    "second": second,
                    "class": name,
                    "first_pixels": one.truth_pixels,
                    "second_pixels": one.predicted_pixels,
                    "dice": one.dice,
                    "iou": one.iou,
                    "hd95": one.hd95,
                    "first_lesions": one.lesions,
                    "only_first_lesions": one.missed_lesions,
                    "only_second_lesions": one.false_lesions,
                }
