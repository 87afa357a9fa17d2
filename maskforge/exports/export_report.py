"""The account of an export: what was written, what in another form, and what could not be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from maskforge.dataset.conversion_report import Finding
from maskforge.dataset.issue_record import IssueRecord
from maskforge.display.aliases import named
from maskforge.display.brief import Brief
from maskforge.display.table import Shown, Table, as_html
from maskforge.errors import listing

SCHEMA_VERSION = 1


class ExportReport(Brief, msgspec.Struct, kw_only=True):
    """What an export did.

    Attributes:
        schema: Version of this object; grows when a key changes its meaning.
        out: The output folder.
        format: Format that was written.
        images: Images: ``found``; and by what became of them ``written``, ``ignored``, ``refused``.
        records: Records of the sources: ``found``, ``refused`` (they cannot be read).
        written_records: Number of records that were written.
        changed: What was written in another form that gives the same pixels, and how often.
        left_out: What the format cannot hold, and how often.
        compared: Number of images of which the mask was drawn from the shapes before and after.
        different: Of these, the images whose masks differ, and in how many pixels.
        outlined: Number of masks that became outlines.
        iou: Mean intersection over union of these masks and what their outlines draw: 1.0 unless
            outlines may move over centers of pixels.
        reasons: Number of findings per issue code.
        findings: The findings in groups of one cause, the weightiest first.
        issues: The findings.
        seconds: Duration.

    Examples:
        >>> report = mf.export("samples/superannotate", "exported", format="labelme")
        >>> report.images["written"], report.different
        (5, {})
    """

    schema: int = SCHEMA_VERSION
    out: str
    format: str
    images: dict[str, int] = msgspec.field(
        default_factory=lambda: dict.fromkeys(("found", "written", "ignored", "refused"), 0)
    )
    records: dict[str, int] = msgspec.field(
        default_factory=lambda: dict.fromkeys(("found", "refused"), 0)
    )
    written_records: int = 0
    changed: dict[str, int] = {}
    left_out: dict[str, int] = {}
    compared: int = 0
    different: dict[str, int] = {}
    outlined: int = 0
    iou: float = 1.0
    reasons: dict[str, int] = {}
    findings: list[Finding] = []
    issues: list[IssueRecord] = []
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.out = named(self.out)

    def count_outlines(self, iou: float, left_out: int) -> None:
        """Count a mask that became outlines.

        Args:
            iou: What remained of it.
            left_out: Number of shapes that were too small.
        """
        self.iou = (self.iou * self.outlined + iou) / (self.outlined + 1)
        self.outlined += 1
        if left_out:
            what = "shapes smaller than the minimum area"
            self.left_out[what] = self.left_out.get(what, 0) + left_out

    @property
    def exit_code(self) -> int:
        """0 if all is done, 1 if something was refused, 2 if there was nothing."""
        if not self.images["found"]:
            return 2
        return int(self.images["refused"] > 0 or self.records["refused"] > 0)

    def _repr_html_(self) -> str:
        return as_html(tuple(shown(self)))


def shown(report: ExportReport) -> Iterator[Shown]:
    """Yield what was written, what in another form, and what was left out."""
    images = report.images
    records = f" with {report.written_records} records" if report.written_records else ""
    yield (
        f"{images['written']} of {images['found']} images{records} written as {report.format}"
        + "".join(f", {images[one]} {one}" for one in ("ignored", "refused") if images[one])
        + "."
    )
    yield from _table("Written in another form, with the same pixels", report.changed)
    yield from _table("What the format cannot hold", report.left_out)
    if report.iou < 1:
        yield f"What the outlines of {report.outlined} masks draw has an IoU of {report.iou:.4f}."
    if report.different:
        count = len(report.different)
        names = listing(f"{name} ({pixels} px)" for name, pixels in report.different.items())
        yield f"{count} masks differ from those of the source: {names}"
    elif report.compared:
        yield f"Masks drawn before and after: identical in {report.compared} of {report.compared}."


def _table(title: str, counts: Mapping[str, int]) -> Iterator[Table]:
    if counts:
        yield Table(title, ("what", "count"), sorted(counts.items()))
