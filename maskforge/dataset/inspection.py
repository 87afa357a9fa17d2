"""What is in a source or a data set: images, states, shapes, classes, sizes, problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

import msgspec

from maskforge.choices import MATCHES, Match, Outcome, Progress, with_keywords
from maskforge.dataset.conversion import convert_into
from maskforge.dataset.conversion_report import ClassCount, count_classes
from maskforge.dataset.convert_options import ConvertOptions
from maskforge.dataset.destination import Destination
from maskforge.dataset.manifest import ManifestEntry, is_dataset, open_dataset
from maskforge.display.brief import Brief
from maskforge.display.table import Shown, Table, as_html
from maskforge.errors import OptionError, listing
from maskforge.files import PathLike, as_paths
from maskforge.issues import Code
from maskforge.masks.class_source import SourceKeys
from maskforge.masks.classes import VOID, ClassMap
from maskforge.shapes import ImageState

SCHEMA_VERSION = 1

_EXAMPLES = 3
_SIZES_SHOWN = 8
_MEANINGS = {str(code): code.meaning for code in Code}


class SizeCount(msgspec.Struct, frozen=True):
    """How many images have a size."""

    width: int
    height: int
    images: int


class IssueCount(msgspec.Struct):
    """All findings of one kind."""

    code: str
    level: str
    meaning: str
    count: int = 0
    examples: list[str] = []


class Pair(msgspec.Struct, frozen=True):
    """An annotation and its image."""

    annotation: str
    pointer: str
    image: str | None
    match: Match
    meaning: str


class Inspection(Brief, msgspec.Struct, kw_only=True):
    """What was found.

    Attributes:
        schema: Version of this object; grows when a key changes its meaning.
        kind: ``annotations`` or ``dataset``.
        images: Number of images: ``found``; by outcome ``drawn``, ``partial``, ``ignored``,
            ``refused``; without image (``image_missing``); by state ``annotated``, ``empty``,
            ``unvisited``.
        formats: Number of images per annotation format.
        records: Number of records by what becomes of them.
        kinds: Number of shapes per kind and label.
        keys: Number of shapes per value of the other keys that can hold a class (``class_from``);
            not of a data set.
        classes: Images, shapes and visible pixels per class.
        sizes: Image sizes, the most frequent first.
        overlapped_pixels: Pixels claimed by shapes of more than one class.
        problems: Findings, the weightiest first.
        pairs: Every annotation and its image, with the evidence that they belong together, if they
            were asked for.
        unfinished: Whether it is a data set whose run has not finished, so that images are missing.
    """

    schema: int = SCHEMA_VERSION
    kind: str
    images: dict[str, int]
    formats: dict[str, int]
    records: dict[str, int]
    kinds: dict[str, dict[str, int]]
    keys: dict[str, dict[str, int]] = {}
    classes: list[ClassCount]
    sizes: list[SizeCount]
    overlapped_pixels: int
    problems: list[IssueCount]
    pairs: list[Pair] = []
    unfinished: bool = False

    def _repr_html_(self) -> str:
        return as_html(shown(self))


def shown(inspection: Inspection) -> Iterator[Shown]:
    """Yield what was found, as tables."""
    if inspection.unfinished:
        yield "This data set is unfinished: it holds only the images that its run came to."
    images = {
        name: count
        for name, count in inspection.images.items()
        if count or name not in ("partial", "ignored", "refused")
    }
    yield Table("Images", tuple(images), [tuple(images.values())])
    yield Table("Formats", ("format", "images"), list(inspection.formats.items()))
    yield Table(
        "Shapes",
        ("kind", "label", "shapes"),
        [
            (kind, label or "(none)", count)
            for kind, labels in inspection.kinds.items()
            for label, count in sorted(labels.items())
        ],
    )
    yield Table(
        "Other keys that can hold a class (--class-from)",
        ("key", "shapes", "values", "most frequent"),
        [
            (key, sum(values.values()), len(values), _frequent(values))
            for key, values in inspection.keys.items()
        ],
    )
    total = sum(one.pixels for one in inspection.classes) or 1
    yield Table(
        "Classes",
        ("id", "class", "shapes", "images", "pixels", "share"),
        [
            (str(one.id), one.name, one.shapes, one.images, one.pixels, f"{one.pixels / total:.3%}")
            for one in inspection.classes
        ],
    )
    if inspection.overlapped_pixels:
        yield f"{inspection.overlapped_pixels:,} pixels are claimed by more than one class."
    rows = [(f"{one.width} x {one.height}", one.images) for one in inspection.sizes]
    if len(rows) > _SIZES_SHOWN:
        others = sum(count for _, count in rows[_SIZES_SHOWN:])
        rows = [*rows[:_SIZES_SHOWN], (f"{len(rows) - _SIZES_SHOWN} other sizes", others)]
    yield Table("Sizes in pixels", ("size", "images"), rows)
    yield Table(
        "Findings",
        ("level", "code", "count", "meaning", "first place"),
        [
            (one.level, one.code, one.count, one.meaning, one.examples[0])
            for one in inspection.problems
        ],
    )
    yield Table(
        "Pairs",
        ("annotation", "image", "found", "meaning"),
        [
            (f"{one.annotation} {one.pointer}", one.image or "", one.match, one.meaning)
            for one in inspection.pairs
        ],
    )


def _frequent(values: Mapping[str, int]) -> str:
    """Return the values that most shapes have."""
    return listing(sorted(values, key=lambda one: (-values[one], one)))


class _Collector:
    """Adds up the lines of a manifest, whether it was written or is only thought of."""

    def __init__(self, *, pairs: bool) -> None:
        self.pairs: list[Pair] | None = [] if pairs else None
        self.images: Counter[str] = Counter(
            dict.fromkeys(("found", *get_args(Outcome), "image_missing", *ImageState), 0)
        )
        self.formats: Counter[str] = Counter()
        self.records: Counter[str] = Counter()
        self.kinds: dict[str, Counter[str]] = {}
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.classes: dict[str, ClassCount] = {}
        self.overlapped = 0
        self.problems: dict[tuple[str, str], IssueCount] = {}

    def add(self, entry: ManifestEntry) -> None:
        """Count one image."""
        self.images.update(
            {
                "found": 1,
                entry.outcome: 1,
                "image_missing": int(entry.image is None),
                entry.state: 1,
            }
        )
        if self.pairs is not None:
            meaning = MATCHES[entry.match]
            pair = Pair(entry.source, entry.pointer, entry.image, entry.match, meaning)
            self.pairs.append(pair)
        self.formats[entry.format] += 1
        self.records.update(entry.shapes)
        for kind, labels in entry.kinds.items():
            self.kinds.setdefault(kind, Counter()).update(labels)
        if entry.width is not None and entry.height is not None:
            self.sizes[entry.width, entry.height] += 1
        count_classes(self.classes, entry, {})
        self.overlapped += entry.overlapped_pixels
        for issue in entry.issues:
            self.add_problem(
                issue.code, issue.level, f"{issue.file or entry.source} {issue.pointer}"
            )

    def add_problem(self, code: str, level: str, place: str) -> None:
        """Count one finding."""
        meaning = _MEANINGS.get(code, "")
        problem = self.problems.setdefault((code, level), IssueCount(code, level, meaning))
        problem.count += 1
        if len(problem.examples) < _EXAMPLES:
            problem.examples.append(place)

    def count(self, code: str, level: str) -> int:
        """Return how many findings of a kind were counted."""
        problem = self.problems.get((code, level))
        return problem.count if problem else 0

    def result(self, kind: str, classes: ClassMap | None) -> Inspection:
        """Return everything that was counted."""
        ids = {name: id_ for id_, name in classes.names.items()} if classes else {}
        for count in self.classes.values():
            count.id = ids.get(count.name, count.id)
        weight = {"refused": 0, "void": 1, "skipped": 2, "note": 3, "ignored": 4}
        return Inspection(
            kind=kind,
            images=dict(self.images),
            formats=dict(self.formats),
            records=dict(self.records),
            kinds={name: dict(labels) for name, labels in sorted(self.kinds.items())},
            classes=sorted(self.classes.values(), key=_rank),
            sizes=[SizeCount(*size, count) for size, count in self.sizes.most_common()],
            overlapped_pixels=self.overlapped,
            problems=sorted(
                self.problems.values(), key=lambda one: (weight.get(one.level, 5), -one.count)
            ),
            pairs=self.pairs or [],
        )


def _rank(count: ClassCount) -> tuple[bool, int, str]:
    return count.id == VOID, count.id, count.name


def inspect(
    sources: PathLike | Sequence[PathLike],
    options: ConvertOptions | None = None,
    *,
    pairs: bool = False,
    progress: Progress | None = None,
    **keywords: object,
) -> Inspection:
    """Look at annotation files, or at a folder that ``convert`` wrote, without writing anything.

    Args:
        sources: One data set; or annotation files and folders, which are read and drawn as
            ``convert`` would do it.
        options: Options of the conversion that is tried.
        pairs: Whether to list every annotation with its image.
        progress: Called after every image.
        **keywords: Single options, such as ``size_mismatch="scale"``.

    Raises:
        DatasetError: If the data set is malformed.
        OptionError: If an option cannot be used, a source does not exist, or data sets are given
            with other sources.
        LabelError: If a class map was given that does not know all labels.

    Examples:
        >>> inspection = mf.inspect("samples/labelme")
        >>> inspection.images["found"], [(one.name, one.shapes) for one in inspection.classes][1]
        (4, ('caries', 16))
    """
    options = with_keywords(ConvertOptions, options, keywords)
    options = replace(options, dry_run=True, strict=False, shard=None)
    paths = as_paths(sources)
    collector = _Collector(pairs=pairs)
    if len(paths) > 1 and any(map(is_dataset, paths)):
        raise OptionError("data sets are inspected one at a time")
    if len(paths) == 1 and is_dataset(paths[0]):
        dataset = open_dataset(paths[0])
        for entry in dataset.entries:
            collector.add(entry)
        inspection = collector.result("dataset", dataset.classes)
        inspection.unfinished = dataset.unfinished
        return inspection
    keys = SourceKeys()
    report = convert_into(
        Destination(), paths, ".", options, keys, progress=progress, observe=collector.add
    )
    # The report begins with what belongs to no image; the rest was in the lines that were observed.
    totals = Counter((issue.code, issue.level) for issue in report.issues)
    for issue in report.issues:
        if collector.count(issue.code, issue.level) < totals[issue.code, issue.level]:
            collector.add_problem(issue.code, issue.level, f"{issue.file} {issue.pointer}")
    inspection = collector.result("annotations", None)
    inspection.classes = sorted(report.classes, key=_rank)
    inspection.keys = keys.found
    return inspection
