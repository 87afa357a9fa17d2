"""What a prediction is told, and what it tells."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from maskforge.dataset.conversion_report import ClassCount, shard_text
from maskforge.dataset.issue_record import IssueRecord
from maskforge.dataset.manifest import ManifestEntry
from maskforge.display.brief import Brief
from maskforge.display.table import Shown, Table, as_html
from maskforge.exports.export_report import ExportReport
from maskforge.exports.export_report import shown as shown_export
from maskforge.masks.post_processing import PostProcessing, in_words

SCHEMA_VERSION = 1


class PredictionReport(Brief, msgspec.Struct, kw_only=True):
    """What was predicted.

    Attributes:
        schema: Version of this object; grows when a key changes its meaning.
        out: The output folder.
        shard: Which part of the images it is about, such as ``2/8``; empty for all.
        model: Folder of the model.
        runtime: What the network ran in.
        precision: What it computed in.
        thresholds: Threshold per class name; empty if classes are exclusive.
        post_processing: What becomes of the regions of a class, by class name; empty for nothing.
        images: Images: ``found``, ``predicted``, ``refused``.
        classes: Images and pixels per class; where classes overlap, a pixel counts for each.
        overlapped_pixels: Pixels of more than one class.
        problems: Images that were refused, and why.
        notes: What else is to be known, one sentence each.
        exports: What was written for labeling tools, a report for each format.
        seconds: Duration, without loading the model.
    """

    schema: int = SCHEMA_VERSION
    out: str
    shard: str = ""
    model: str
    runtime: str
    precision: str
    thresholds: dict[str, float] = {}
    post_processing: dict[str, PostProcessing] = {}
    images: dict[str, int] = msgspec.field(
        default_factory=lambda: dict.fromkeys(("found", "predicted", "refused"), 0)
    )
    classes: list[ClassCount] = []
    overlapped_pixels: int = 0
    problems: list[IssueRecord] = []
    notes: list[str] = []
    exports: list[ExportReport] = []
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0 if all images are predicted, else 1."""
        return int(bool(self.problems))

    def count(self, entry: ManifestEntry, file: str) -> None:
        """Add an image.

        Args:
            entry: Its line of the manifest.
            file: What it is called if it was refused.
        """
        self.images["found"] += 1
        if entry.width is None:
            self.images["refused"] += 1
            self.problems += [msgspec.structs.replace(one, file=file) for one in entry.issues]
            return
        self.images["predicted"] += 1
        self.overlapped_pixels += entry.overlapped_pixels
        counts = {one.name: one for one in self.classes}
        for name, pixels in entry.pixels.items():
            counts[name].pixels += pixels
            counts[name].images += bool(pixels)

    def _repr_html_(self) -> str:
        rows = [(one.file, one.message) for one in self.problems]
        return as_html((*shown(self), Table("Refused", ("image", "why"), rows)))


def shown(report: PredictionReport) -> Iterator[Shown]:
    """Yield what was found, and what has to be known about it."""
    if report.shard:
        yield shard_text(report.shard, report.images["found"])
    yield Table(
        "Pixels found",
        ("id", "class", "threshold", "images", "pixels"),
        [
            (
                str(one.id),
                one.name,
                f"{report.thresholds[one.name]:.3g}" if one.name in report.thresholds else "",
                one.images,
                one.pixels,
            )
            for one in report.classes
        ],
    )
    yield from (f"post-processing of {line}" for line in in_words(report.post_processing))
    yield from (f"note: {note}" for note in report.notes)
    if report.overlapped_pixels:
        yield f"{report.overlapped_pixels:,} pixels are of more than one class."
    predicted, found = report.images["predicted"], report.images["found"]
    rate = f", {predicted / report.seconds:.1f} images/s" if report.seconds else ""
    yield f"{predicted} of {found} images predicted in {report.runtime}, {report.precision}{rate}"
    for one in report.exports:
        yield from shown_export(one)
