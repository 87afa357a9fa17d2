"""The account of a conversion: every file, image and record, and what became of it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from maskforge.dataset.issue_record import IssueRecord
from maskforge.dataset.manifest import RECORD_COUNTS, ManifestEntry
from maskforge.display.brief import Brief
from maskforge.display.table import Shown, Table, as_html
from maskforge.errors import listing
from maskforge.files import as_text
from maskforge.issues import Issue, Level, Scope
from maskforge.shapes import ImageState

SCHEMA_VERSION = 1

_NOTES_KEPT = 1000
_CHEAP = (Level.NOTE, Level.IGNORED)
EXAMPLES = 10
"""Examples that a finding keeps; up to so many are worth being looked into one by one."""

_MOST_KINDS = 20
_LONGEST_KIND = 1000  # characters of a message that tell it from others
_BLANK = "…"
_DIFFERENT = re.compile(r"""(?<!\w)'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S*[\d/\\]\S*""")
_BLANKS = re.compile(r"…(?:[\s,]*…)+")
_WEIGHTS = (Level.REFUSED, Level.VOID, Level.SKIPPED, Level.IGNORED, Level.NOTE)


class ClassCount(msgspec.Struct):
    """How much there is of a class."""

    id: int
    name: str
    images: int = 0
    shapes: int = 0
    pixels: int = 0


class Finding(msgspec.Struct):
    """What was found many times in the same words, or once.

    Attributes:
        level: What became of the things.
        code: The kind of finding.
        kind: The message, with ``…`` for whatever differs from one to the next.
        count: How often.
        examples: The first ones.
    """

    level: str
    code: str
    kind: str
    count: int = 0
    examples: list[IssueRecord] = []


class ConversionReport(Brief, msgspec.Struct, kw_only=True):
    """What a conversion did.

    ``records["found"]`` is always the sum of ``drawn``, ``converted``, ``void``, ``ignored``,
    ``skipped`` and ``refused``, ``images["found"]`` that of ``drawn``, ``partial``, ``ignored`` and
    ``refused``, and
    ``files["found"]`` that of ``read``, ``ignored``, ``skipped`` and ``refused``.

    Attributes:
        schema: Version of this object; grows when a key changes its meaning.
        out: The output folder.
        written: Whether anything was written: not after a dry run, nor if ``--strict`` stopped it.
        shard: Which part of the images it is about, such as ``2/8``; empty for all.
        files: Annotation files: ``found``; and by what became of them ``read``, ``ignored``,
            ``skipped``, ``refused``.
        images: Images: ``found``, ``drawn``, ``partial``, ``ignored``, ``refused``; and by state
            ``annotated``, ``empty``, ``unvisited``.
        records: Records (shapes and what stands beside them): ``found``, ``drawn``, ``converted``,
            ``void``, ``ignored``, ``skipped``, ``refused``.
        partial: Names of the partial images.
        matches: Number of images by the evidence with which they were found; see
            ``ManifestEntry.match``.
        reasons: Number of findings per issue code.
        findings: The findings in groups of one cause, the weightiest first.
        classes: Images, shapes and visible pixels per class.
        overlapped_pixels: Pixels claimed by shapes of more than one class.
        issues: The findings: all that cost something; of mere notes the first thousand per code
            (the manifest has all of them).
        seconds: Duration.

    Examples:
        >>> report = mf.convert("samples/labelme", "new-masks")
        >>> {issue.code for issue in report.issues}
        {'no-area'}
        >>> report.images["drawn"], report.exit_code
        (4, 0)
    """

    schema: int = SCHEMA_VERSION
    out: str
    written: bool = False
    shard: str = ""
    files: dict[str, int] = msgspec.field(
        default_factory=lambda: dict.fromkeys(("found", "read", "ignored", "skipped", "refused"), 0)
    )
    images: dict[str, int] = msgspec.field(
        default_factory=lambda: dict.fromkeys(
            ("found", "drawn", "partial", "ignored", "refused", *ImageState), 0
        )
    )
    records: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(RECORD_COUNTS, 0))
    partial: list[str] = []
    matches: dict[str, int] = {}
    reasons: dict[str, int] = {}
    findings: list[Finding] = []
    classes: list[ClassCount] = []
    overlapped_pixels: int = 0
    issues: list[IssueRecord] = []
    seconds: float = 0.0

    @property
    def lost(self) -> int:
        """Number of files, images and records that were skipped or refused, or became void."""
        groups = (self.files, self.images, self.records)
        levels = (Level.SKIPPED, Level.REFUSED, Level.VOID)
        return sum(group.get(level, 0) for group in groups for level in levels)

    @property
    def exit_code(self) -> int:
        """0 if all is done, 1 if something was refused or became void, 2 if there was nothing."""
        if not self.images["found"] and not (self.shard and self.written):
            return 2
        groups = (self.files, self.images, self.records)
        return int(any(group["refused"] for group in groups) or self.records["void"] > 0)

    def _repr_html_(self) -> str:
        rows = [(one.level, one.code, one.count, _place(one.examples[0])) for one in self.findings]
        found = Table("Findings", ("level", "code", "count", "first place"), rows)
        return as_html((*shown(self), found))


def shown(report: ConversionReport) -> Iterator[Shown]:
    """Yield what became of everything, and the classes."""
    images, records = report.images, report.records
    rare = {"partial": images["partial"], "void": records["void"]}
    outcomes = [
        one
        for one in ("drawn", "partial", "converted", "void", "ignored", "skipped", "refused")
        if rare.get(one, 1)
    ]
    if report.shard:
        yield shard_text(report.shard, report.images["found"])
    yield Table(
        "What became of it",
        ("", "found", *outcomes),
        [
            ("images", images["found"], *(images.get(one, 0) for one in outcomes)),
            ("records", records["found"], *(records.get(one, 0) for one in outcomes)),
        ],
    )
    yield Table(
        "Classes",
        ("id", "class", "shapes", "images", "pixels"),
        [
            (str(one.id), one.name, one.shapes, one.images, one.pixels)
            for one in sorted(report.classes, key=lambda one: one.id)
        ],
    )
    if report.overlapped_pixels:
        yield f"{report.overlapped_pixels:,} pixels are claimed by more than one class."
    if report.partial:
        yield partial_text(report.partial)
    by_name = report.matches.get("name", 0)
    if by_name:
        yield (
            f"{by_name} of {images['found']} images were found by name alone; "
            "`maskforge inspect --pairs` lists them."
        )


def shard_text(shard: str, images: int) -> str:
    """Return what people must know about a part of a run."""
    number, of = shard.split("/")
    return (
        f"This is shard {number} of {of} (images: {images}); when all are there, join them: "
        "maskforge gather SHARDS... --out DIR"
    )


def partial_text(names: Sequence[str]) -> str:
    """Return what people must know about partial images."""
    are = "images are" if len(names) > 1 else "image is"
    return (
        f"{len(names)} {are} partial: something that was drawn could not be read, so training and "
        f"evaluation leave it out (--partial): {listing(names)}"
    )


def _place(issue: IssueRecord) -> str:
    return f"{issue.file} {issue.pointer}: {issue.message}"


def count_files(report: ConversionReport, read: Iterable[Path], issues: Iterable[Issue]) -> None:
    """Count the annotation files, each once: by the worst that was found about it."""
    outcomes = dict.fromkeys(read, "read")
    for issue in issues:
        count_issue(report, issue)
        if issue.scope is Scope.FILE and issue.level is not Level.NOTE:
            file = issue.origin.file
            known = outcomes.get(file, "read")
            outcomes[file] = max(known, str(issue.level), key=list(report.files).index)
    report.files["found"] += len(outcomes)
    for outcome in outcomes.values():
        report.files[outcome] += 1


class FindingAccount(Protocol):
    """A report that counts findings."""

    reasons: dict[str, int]
    findings: list[Finding]
    issues: list[IssueRecord]


def count_issue(report: FindingAccount, issue: Issue) -> None:
    """Count a finding, and keep it unless there are very many notes of its kind."""
    _count(report, IssueRecord.of(issue, as_text(issue.origin.file)))


def _count(report: FindingAccount, issue: IssueRecord) -> None:
    _count_finding(report.findings, issue)
    report.reasons[issue.code] = report.reasons.get(issue.code, 0) + 1
    if issue.level in _CHEAP and report.reasons[issue.code] > _NOTES_KEPT:
        return
    report.issues.append(issue)


def _count_finding(findings: list[Finding], issue: IssueRecord) -> None:
    level, code, kind = str(issue.level), issue.code, _kind(issue.message)
    same = [one for one in findings if one.code == code and one.level == level]
    found = next((one for one in same if one.kind == kind), None)
    if found is None and len(same) > _MOST_KINDS:
        found = same[-1]
    if found is None:
        found = Finding(level, code, kind if len(same) < _MOST_KINDS else _BLANK)
        findings.append(found)
        findings.sort(key=lambda one: (_WEIGHTS.index(Level(one.level)), one.code))
    found.count += 1
    if len(found.examples) < EXAMPLES:
        found.examples.append(issue)


@functools.lru_cache(maxsize=64)  # thousands may be in the same words
def _kind(message: str) -> str:
    return _BLANKS.sub(_BLANK, _DIFFERENT.sub(_BLANK, message[:_LONGEST_KIND]))


def count_image(report: ConversionReport, entry: ManifestEntry, name: str) -> None:
    """Count one image with its records; ``count_classes`` counts its classes.

    Args:
        report: Where it is counted.
        entry: What became of it, with paths that are not relative to any folder.
        name: Name of its mask, if there is one.
    """
    report.images["found"] += 1
    report.images[entry.state] += 1
    report.images[entry.outcome] += 1
    if entry.outcome == "partial":
        report.partial.append(name)
    report.matches[entry.match] = report.matches.get(entry.match, 0) + 1
    for outcome, count in entry.shapes.items():
        report.records[outcome] += count
    for issue in entry.issues:
        _count(report, issue)
    report.overlapped_pixels += entry.overlapped_pixels


def count_classes(
    counts: dict[str, ClassCount], entry: ManifestEntry, ids: Mapping[str, int]
) -> None:
    """Add the classes of an image to what was counted of each.

    Args:
        counts: By name of the class; grows.
        entry: The image.
        ids: By name of the class; those that are not known are -1.
    """
    for name in sorted(entry.pixels | entry.class_shapes, key=lambda name: ids.get(name, -1)):
        count = counts.setdefault(name, ClassCount(ids.get(name, -1), name))
        pixels, shapes = entry.pixels.get(name, 0), entry.class_shapes.get(name, 0)
        count.pixels += pixels
        count.shapes += shapes
        count.images += bool(pixels or shapes)
