"""The account of a conversion: every file, image and record, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from maskforge.dataset.converted_image import ConvertedImage
from maskforge.dataset.manifest import RECORD_COUNTS, ManifestEntry
from maskforge.issues import Issue, Level, Scope
from maskforge.masks.classes import ClassMap
from maskforge.shapes import ImageState

SCHEMA_VERSION = 1

_NOTES_KEPT = 1000


class ReportIssue(msgspec.Struct, frozen=True):
    """A finding, as it is printed."""

    code: str
    level: str
    scope: str
    file: str
    pointer: str
    message: str
    hint: str


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
    records: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(RECORD_COUNTS, 0))
    reasons: dict[str, int] = {}
    classes: list[ClassCount] = []
    overlapped_pixels: int = 0
    issues: list[ReportIssue] = []
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
        self.issues.append(
            ReportIssue(
                code,
                issue.level,
                issue.scope,
                str(issue.origin.file),
                issue.origin.pointer,
                issue.message,
                issue.hint,
            )
        )

    def add_image(self, converted: ConvertedImage, classes: ClassMap) -> None:
        """Count one image with its records and classes.

        Args:
            converted: What became of it.
            classes: The class map.
        """
        entry = converted.entry
        self.images["found"] += 1
        self.images[entry.state] += 1
        self.images[converted.outcome] += 1
        for outcome, count in entry.shapes.items():
            self.records[outcome] += count
        for issue in converted.issues:
            self.add_issue(issue)
        self.overlapped_pixels += entry.overlapped_pixels
        known = {count.name: count for count in self.classes}
        count_classes(entry, known, {name: id_ for id_, name in classes.names.items()})
        self.classes = list(known.values())


def count_classes(
    entry: ManifestEntry, counts: dict[str, ClassCount], ids: Mapping[str, int]
) -> None:
    """Add the classes of an image to what was counted of each.

    Args:
        entry: The image.
        counts: By name of the class; grows.
        ids: By name of the class; those that are not known are -1.
    """
    for name in sorted(entry.pixels | entry.class_shapes, key=lambda name: ids.get(name, -1)):
        count = counts.setdefault(name, ClassCount(ids.get(name, -1), name))
        pixels, shapes = entry.pixels.get(name, 0), entry.class_shapes.get(name, 0)
        count.pixels += pixels
        count.shapes += shapes
        count.images += bool(pixels or shapes)
