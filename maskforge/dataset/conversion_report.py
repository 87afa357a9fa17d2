"""The account of a conversion: every file, image and record, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from maskforge.dataset.issue_record import IssueRecord
from maskforge.issues import Issue, Level, Scope
from maskforge.masks.classes import ClassMap
from maskforge.masks.drawing import Drawing
from maskforge.shapes import AnnotatedImage, ImageState

SCHEMA_VERSION = 1

_NOTES_KEPT = 1000


class ClassCount(msgspec.Struct):
    """How much there is of a class."""

    id: int
    name: str
    images: int = 0
    shapes: int = 0
    pixels: int = 0


class ConversionReport(msgspec.Struct, kw_only=True):
    """What a conversion did.

    ``records["found"]`` is always the sum of ``drawn``, ``converted``, ``ignored``, ``skipped`` and
    ``refused``, ``images["found"]`` that of ``drawn``, ``ignored`` and ``refused``, and
    ``files["found"]`` that of ``read``, ``ignored``, ``skipped`` and ``refused``.

    Attributes:
        schema: Version of this object; grows when a key changes its meaning.
        out: The output folder.
        written: Whether anything was written: not after a dry run, nor if ``--strict`` stopped it.
        files: Annotation files: ``found``; and by what became of them ``read``, ``ignored``,
            ``skipped``, ``refused``.
        images: Images: ``found``, ``drawn``, ``ignored``, ``refused``; and by state
            ``annotated``, ``empty``, ``unvisited``.
        records: Records (shapes and what stands beside them): ``found``, ``drawn``, ``converted``,
            ``ignored``, ``skipped``, ``refused``.
        reasons: Number of findings per issue code.
        classes: Images, shapes and visible pixels per class.
        overlapped_pixels: Pixels claimed by shapes of more than one class.
        issues: The findings: all that cost something; of mere notes the first thousand per code
            (the manifest has all of them).
        seconds: Duration.
    """

    schema: int = SCHEMA_VERSION
    out: str
    written: bool = False
    files: dict[str, int] = msgspec.field(
        default_factory=lambda: dict.fromkeys(("found", "read", "ignored", "skipped", "refused"), 0)
    )
    images: dict[str, int] = msgspec.field(
        default_factory=lambda: dict.fromkeys(
            ("found", "drawn", "ignored", "refused", *ImageState), 0
        )
    )
    records: dict[str, int] = msgspec.field(
        default_factory=lambda: dict.fromkeys(
            ("found", "drawn", "converted", "ignored", "skipped", "refused"), 0
        )
    )
    reasons: dict[str, int] = {}
    classes: list[ClassCount] = []
    overlapped_pixels: int = 0
    issues: list[IssueRecord] = []
    seconds: float = 0.0

    @property
    def lost(self) -> int:
        """Number of files, images and records that were skipped or refused."""
        groups = (self.files, self.images, self.records)
        return sum(group.get(level, 0) for group in groups for level in ("skipped", "refused"))

    @property
    def exit_code(self) -> int:
        """0 if all is done, 1 if something was refused, 2 if there was nothing to read."""
        if not self.images["found"]:
            return 2
        groups = (self.files, self.images, self.records)
        return int(any(group["refused"] for group in groups))

    def add_files(self, read: Iterable[Path], issues: Iterable[Issue]) -> None:
        """Count the annotation files, each once: by the worst that was found about it."""
        outcomes = dict.fromkeys(read, "read")
        for issue in issues:
            self.add_issue(issue)
            if issue.scope is Scope.FILE and issue.level is not Level.NOTE:
                file = issue.origin.file
                known = outcomes.get(file, "read")
                outcomes[file] = max(known, str(issue.level), key=list(self.files).index)
        self.files["found"] += len(outcomes)
        for outcome in outcomes.values():
            self.files[outcome] += 1

    def add_issue(self, issue: Issue) -> None:
        """Count a finding, and keep it unless there are very many notes of its kind."""
        code = str(issue.code)
        self.reasons[code] = self.reasons.get(code, 0) + 1
        cheap = issue.level in (Level.NOTE, Level.IGNORED)
        if cheap and self.reasons[code] > _NOTES_KEPT:
            return
        self.issues.append(IssueRecord.of(issue))

    def add_image(
        self,
        image: AnnotatedImage,
        drawing: Drawing | None,
        issues: Iterable[Issue],
        classes: ClassMap,
    ) -> dict[str, int]:
        """Count one image with its records.

        Args:
            image: The image as it was read.
            drawing: Its masks; None if it was left out.
            issues: All findings about it, those of drawing included.
            classes: The class map.

        Returns:
            The image's records by what became of them.
        """
        issues = tuple(issues)
        lost = Counter(str(issue.level) for issue in issues if issue.loses_record)
        records = dict.fromkeys(self.records, 0) | lost
        records["found"] = image.record_count
        self.images["found"] += 1
        self.images[image.state] += 1
        if drawing is not None:
            self.images["drawn"] += 1
            records["drawn"] += drawing.drawn
            records["converted"] += drawing.converted
            self._add_classes(drawing, classes)
        else:
            refused = any(issue.loses_image and issue.level is Level.REFUSED for issue in issues)
            outcome = "refused" if refused else "ignored"
            self.images[outcome] += 1
            records[outcome] += len(image.shapes)
        for outcome, count in records.items():
            self.records[outcome] += count
        for issue in issues:
            self.add_issue(issue)
        return records

    def _add_classes(self, drawing: Drawing, classes: ClassMap) -> None:
        self.overlapped_pixels += drawing.overlapped
        known = {count.id: count for count in self.classes}
        for value in drawing.pixels.keys() | drawing.class_shapes.keys():
            if value not in known:
                known[value] = ClassCount(value, classes.names[value])
                self.classes.append(known[value])
            pixels, shapes = drawing.pixels.get(value, 0), drawing.class_shapes.get(value, 0)
            known[value].pixels += pixels
            known[value].shapes += shapes
            known[value].images += bool(pixels or shapes)
