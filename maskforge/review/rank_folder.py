"""The folder of a ranking: a page, a table, the report as JSON, and what labeling tools sort by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.display.page import Panels, Section, as_page
from maskforge.evaluation.report.panels import class_colors, class_legend, view_panels
from maskforge.evaluation.report.worst import CONFUSED, FOUND, INVENTED, MISSED
from maskforge.exports.export import ExportWriter, with_names_as_labels
from maskforge.exports.export_options import ExportOptions
from maskforge.exports.export_report import ExportReport
from maskforge.files import RANKING, RANKING_PAGE, dump_record
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.stored import Stored
from maskforge.masks.encoding import translate
from maskforge.outputs.csvtable import write_table
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.report_files import EarlierReport, ReportFiles
from maskforge.prediction.views import Seen, Views
from maskforge.review.components import Box
from maskforge.review.doubt import agreement
from maskforge.review.rank_report import RankedImage, RankReport, ranked_text, region_text

_TABLE = "rank.csv"
_PRIORITIES = "superannotate-priority.json"
_TASKS = "label-studio"
_SIDES = ("left", "top", "right", "bottom")

_STATES = {
    2: ("marked by all", FOUND),
    3: ("marked by some", MISSED),
    1: ("likely, marked by none", CONFUSED),
    4: ("the most doubtful regions, framed", INVENTED),
}
_FRAME = 4
_STEPS = 160
"""Of the longest side: so far is a frame from its region."""


class _Earlier(EarlierReport, kw_only=True):
    """An earlier ranking."""

    by: str
    views: int
    images: list[object]


FILES = ReportFiles(
    record=RANKING, files=(_TABLE, RANKING_PAGE, _PRIORITIES), folder=_TASKS, earlier=_Earlier
)


def write_folder(
    folder: OutputFolder,
    report: RankReport,
    views: Views,
    first: Iterable[Seen],
    shapes: Sequence[AnnotatedImage],
    most: int,
) -> RankReport:
    """Write table, page and the files of labeling tools, and ``rank.json`` last.

    Args:
        folder: Where; the files of an earlier ranking there are removed.
        report: The report.
        views: What the images were seen by.
        first: The first images, seen once more to be shown.
        shapes: What was predicted for every image, in their order.
        most: Number of images that the page shows.

    Returns:
        The report as it is written.

    Raises:
        OutputError: If a file cannot be written.
    """
    FILES.remove_earlier(folder)
    folder.write(_TABLE, write_table(map(_row, report.images)))
    names = [one.image.name for one in shapes]
    pairs = zip(names, report.images, strict=True)
    priorities = [{"name": name, "priority": one.priority} for name, one in pairs]
    folder.write(_PRIORITIES, dump_record(priorities))
    if twice := len(names) - len(set(names)):
        note = (
            f"images with the file name of another one: {twice}; SuperAnnotate tells them apart by "
            f"their folders only, so upload {_PRIORITIES} in parts"
        )
        report = msgspec.structs.replace(report, notes=[*report.notes, note])
    _write_tasks(folder, views, shapes)
    panels = list(_panels(report.images[:most], first, views))
    lead = f"{ranked_text(report)}. What is most in doubt comes first, what looks alike later."
    sections = [Section(f"The first {len(panels)} of {len(report.images):,}", panels)]
    folder.write(RANKING_PAGE, as_page("Images to label first", lead, sections))
    report = msgspec.structs.replace(report, digests=dict(folder.digests))
    folder.write(RANKING, dump_record(report))
    return report


def _row(one: RankedImage) -> dict[str, object]:
    worst = one.regions[0] if one.regions else None
    return {
        "rank": one.rank,
        "image": one.image,
        "file": one.file,
        "priority": one.priority,
        "score": one.score,
        "regions": one.found,
        "class": worst and worst.class_name,
        "doubt": worst and worst.doubt,
        "area": worst and worst.area,
        **dict(zip(_SIDES, worst.box if worst else (None,) * 4, strict=True)),
    }


def _write_tasks(folder: OutputFolder, views: Views, shapes: Sequence[AnnotatedImage]) -> None:
    """Write the tasks of Label Studio, with what was predicted and a score for each."""

    def write(name: str, content: bytes) -> None:
        folder.write(f"{_TASKS}/{name}", content)

    place = folder.path / _TASKS
    classes = with_names_as_labels(views.model.classes)
    account = ExportReport(out=str(place), format="label-studio")
    writer = ExportWriter(write, place, classes, ExportOptions(format="label-studio"), account)
    for one in shapes:
        writer.add(one)
    writer.finish()


def _panels(images: Sequence[RankedImage], first: Iterable[Seen], views: Views) -> Iterator[Panels]:
    """Draw the first images: as they are, as predicted, and where the views agree."""
    classes = views.model.classes
    ids = classes.foreground_ids
    names = [classes.names[id_] for id_ in ids]
    colors = class_colors(len(names))
    numbers = {0: 0} | {id_: number for number, id_ in enumerate(ids, 1)}
    for one, seen in zip(images, first, strict=False):
        if seen.views is None or seen.mean is None:
            continue  # it is no longer there
        agreed = agreement(seen.views, views.limits)
        legend = [_STATES[value] for value in _STATES if value == _FRAME or (agreed == value).any()]
        for region in one.regions:
            _frame(agreed, region.box)
        predicted = translate(seen.mean.mask, numbers)
        planes = np.stack([predicted == number for number in range(len(ids) + 1)])
        title = f"{one.rank}. {one.image}: score {one.score:.3f}, priority {one.priority:.3f}"
        yield view_panels(
            Stored(seen.mean.image).colors(),
            one.image,
            "; ".join([title, *map(region_text, one.regions)]),
            [
                ("predicted", predicted, colors),
                ("views", agreed, {value: color for value, (_, color) in _STATES.items()}),
            ],
            {"predicted": class_legend([planes], names, colors), "views": legend},
            len(images),
        )


def _frame(values: NDArray[np.uint8], box: Box) -> None:
    """Draw the frame of a region, a little away from it."""
    left, top, right, bottom = box
    wide = -(-max(values.shape) // _STEPS)
    corners = (left - 2 * wide, top - 2 * wide), (right - 1 + 2 * wide, bottom - 1 + 2 * wide)
    cv2.rectangle(values, *corners, _FRAME, max(1, wide // 2))
