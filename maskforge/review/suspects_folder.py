"""The folder of suspects: a page that shows the first, a table of all, and the report as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.display.page import Panels, Section, as_page
from maskforge.evaluation.comparison import Comparison
from maskforge.evaluation.measures.regions import Regions
from maskforge.evaluation.report.panels import (
    class_colors,
    class_legend,
    numbers,
    view_panels,
)
from maskforge.evaluation.report.worst import shown_image
from maskforge.files import OVERLAYS, SUSPECTS, SUSPECTS_PAGE, dump_record
from maskforge.outputs.csvtable import write_table
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.report_files import EarlierReport, ReportFiles
from maskforge.review.suspect_report import KINDS, Suspect, SuspectReport, found_text

_TABLE = "suspects.csv"
_LEAST_MARGIN = 16


class _Earlier(EarlierReport, kw_only=True):
    """An earlier report of suspects."""

    model: str
    suspects: list[object]


FILES = ReportFiles(
    record=SUSPECTS, files=(_TABLE, SUSPECTS_PAGE), folder=OVERLAYS, earlier=_Earlier
)


def write_folder(
    folder: OutputFolder, report: SuspectReport, task: Comparison, most: int
) -> SuspectReport:
    """Write table and page, and ``suspects.json`` last.

    Args:
        folder: Where; the files of an earlier report there are removed.
        report: The report.
        task: What was compared, which is opened again to be shown.
        most: Number of suspects that the page shows.

    Returns:
        The report as it is written.

    Raises:
        OutputError: If a file cannot be written.
    """
    FILES.remove_earlier(folder)
    rows = [
        {
            "score": one.score,
            "image": one.image,
            "kind": one.kind,
            "class": one.class_name,
            "other": one.other,
            "area": one.area,
            **dict(zip(("left", "top", "right", "bottom"), one.box, strict=True)),
        }
        for one in report.suspects
    ]
    folder.write(_TABLE, write_table(rows))
    panels = _panels(report.suspects[:most], task)
    lead = f"{found_text(report)}. The surest come first; whoever drew them decides."
    sections = [Section(f"The first {len(panels)} of {len(report.suspects):,}", panels)]
    folder.write(SUSPECTS_PAGE, as_page("Labels to look at again", lead, sections))
    report = msgspec.structs.replace(report, digests=dict(folder.digests))
    folder.write(SUSPECTS, dump_record(report))
    return report


def _panels(suspects: Sequence[Suspect], task: Comparison) -> list[Panels]:
    """Draw suspects in their order; every image is opened once."""
    by_image: dict[str, list[int]] = defaultdict(list)
    for number, one in enumerate(suspects):
        by_image[one.image].append(number)
    drawn: dict[int, Panels] = {}
    for example in task.examples:
        if example.name in by_image:
            regions = task.sides.regions(example)[0]
            image = shown_image(example, regions.valid.shape)
            for number in by_image[example.name]:
                drawn[number] = _panel(
                    number + 1, suspects[number], image, regions, task, len(suspects)
                )
    return [panel for _, panel in sorted(drawn.items())]


def _panel(
    rank: int,
    suspect: Suspect,
    image: NDArray[np.uint8],
    regions: Regions,
    task: Comparison,
    cases: int,
) -> Panels:
    """Draw the surroundings of a suspect: as they are, as drawn, and as predicted."""
    left, top, right, bottom = suspect.box
    margin = max(_LEAST_MARGIN, (right - left) // 2, (bottom - top) // 2)
    part = (
        slice(max(0, top - margin), bottom + margin),
        slice(max(0, left - margin), right + margin),
    )
    ids = task.shared.classes.ids
    names = [task.shared.classes.names[id_] for id_ in ids[1:]]
    colors = class_colors(len(names))
    sides = [planes[:, *part] for planes in (regions.truth, regions.predicted)]
    what = f"{suspect.class_name}, not {suspect.other}" if suspect.other else suspect.class_name
    title = (
        f"{rank}. {suspect.image}: {KINDS[suspect.kind]} ({what}), {suspect.area:,} px "
        f"at {left}, {top}; score {suspect.score:.3f}"
    )
    views = [
        (word, numbers(planes), colors)
        for word, planes in zip(("drawn", "predicted"), sides, strict=True)
    ]
    legend = {"classes": class_legend(sides, names, colors)}
    return view_panels(image[part], suspect.image, title, views, legend, cases)
