"""The folder of a report: an overlay per place, the report as JSON, and a page that shows all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from maskforge.checks.base import CheckPlace
from maskforge.checks.check_report import CheckFinding, CheckReport, place_text, summary
from maskforge.checks.subjects import Subject, Subjects
from maskforge.choices import Progress
from maskforge.display.page import Figure, Items, Section, as_page
from maskforge.files import CHECK_PAGE, CHECK_REPORT, OVERLAYS, dump_record
from maskforge.images.png import png_bytes
from maskforge.images.stored import stretched
from maskforge.images.thumbnail import thumbnail
from maskforge.masks.classes import ClassMap
from maskforge.masks.masknames import MaskNames
from maskforge.masks.overlay import class_entries, overlay, with_legend
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.report_files import EarlierReport, ReportFiles

_LONGEST_SIDE = 900
_SHOWN_ON_PAGE = 480
_MARGIN = 6
_MARK = (255, 255, 255)


class _Earlier(EarlierReport, kw_only=True):
    """An earlier report of checks."""

    source: str
    findings: list[object]


FILES = ReportFiles(record=CHECK_REPORT, files=(CHECK_PAGE,), folder=OVERLAYS, earlier=_Earlier)


def write_folder(
    folder: OutputFolder,
    report: CheckReport,
    subjects: Subjects,
    limit: int,
    progress: Progress | None,
) -> CheckReport:
    """Write overlays and page, and ``check.json`` last, which lists them.

    Args:
        folder: Where; the files of an earlier report there are removed.
        report: The report.
        subjects: The images, which are read again for the overlays.
        limit: Largest number of overlays per kind of finding.
        progress: Called after every image that is drawn.

    Returns:
        The report, whose places name their overlays.

    Raises:
        OutputError: If a file cannot be written.
    """
    FILES.remove_earlier(folder)
    findings, sections = draw_findings(folder, report.findings, subjects, limit, progress)
    report = msgspec.structs.replace(report, findings=findings)
    folder.write(CHECK_PAGE, as_page("maskforge check", summary(report), sections))
    report = msgspec.structs.replace(report, digests=dict(folder.digests))
    folder.write(CHECK_REPORT, dump_record(report))
    return report


def draw_findings(
    folder: OutputFolder,
    found: Sequence[CheckFinding],
    subjects: Subjects,
    limit: int,
    progress: Progress | None,
) -> tuple[list[CheckFinding], list[Section]]:
    """Write an overlay for every place in an image.

    Args:
        folder: Where.
        found: The findings.
        subjects: The images, which are read again.
        limit: Largest number of overlays per kind of finding.
        progress: Called after every image that is drawn.

    Returns:
        The findings, whose places name their overlays, and a section of a page for each.

    Raises:
        OutputError: If a file cannot be written.
    """
    wanted = {
        place.name: None for finding in found for place in finding.places[:limit] if place.name
    }
    drawn: dict[tuple[str, int], str] = {}
    thumbnails: dict[str, bytes] = {}
    names = MaskNames()
    for number, subject in enumerate(subjects.each(wanted), 1):
        if progress is not None:
            progress("drawing overlays", number, len(wanted))
        if subject is None or subject.mask is None:
            continue
        for finding in found:
            for index, place in enumerate(finding.places[:limit]):
                if place.name != subject.place.name:
                    continue
                image = _overlay(subject, place, subjects.classes)
                shown = names.assign(finding.code, f"{index + 1:02}-{Path(place.name).name}.png")
                name = f"{OVERLAYS}/{shown}.png"
                folder.write(name, png_bytes(image))
                thumbnails[name] = thumbnail(image, _SHOWN_ON_PAGE)
                drawn[finding.code, index] = name
    findings = [
        msgspec.structs.replace(
            finding,
            places=[
                msgspec.structs.replace(place, overlay=drawn.get((finding.code, index), ""))
                for index, place in enumerate(finding.places)
            ],
        )
        for finding in found
    ]
    return findings, [_section(one, thumbnails) for one in findings]


def _overlay(subject: Subject, place: CheckPlace, classes: ClassMap) -> NDArray[np.uint8]:
    mask, image = subject.mask, subject.image
    assert mask is not None
    if image is None:
        shown = np.zeros((*mask.shape, 3), dtype=np.uint8)
    else:
        shown = stretched(image) if image.dtype != np.uint8 else np.asarray(image, np.uint8)
        shown = shown.repeat(3, axis=-1) if shown.shape[-1] == 1 else shown
    drawn = overlay(shown, mask, classes.colors)
    if place.box is not None:
        scale = drawn.shape[0] / mask.shape[0]
        page = Image.fromarray(drawn)
        left, top, right, bottom = (round(side * scale) for side in place.box)
        pen = ImageDraw.Draw(page)
        box = (left - _MARGIN, top - _MARGIN, right + _MARGIN, bottom + _MARGIN)
        pen.rectangle(box, outline=_MARK, width=2)
        drawn = np.asarray(page)
    small = Image.fromarray(drawn)
    small.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    title = f"{place.name}  {place.message}"
    return np.asarray(with_legend(np.asarray(small), title, class_entries(mask, classes)))


def _section(finding: CheckFinding, thumbnails: Mapping[str, bytes]) -> Section:
    figures = [
        Figure(thumbnails[one.overlay], "the place in the image", place_text(one))
        for one in finding.places
        if one.overlay
    ]
    others = [place_text(one) for one in finding.places if not one.overlay]
    return Section(
        f"{finding.severity}: {finding.code} ({len(finding.places)})",
        (f"{finding.meaning} {finding.advice}", *figures, Items(others)),
        finding.severity,
    )
