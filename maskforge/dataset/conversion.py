"""The whole way from annotation files to a folder of masks."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from maskforge.choices import (
    Encoding,
    FileType,
    MultiTag,
    Overlap,
    Progress,
    SizeMismatch,
    Unvisited,
)
from maskforge.dataset.conversion_report import ConversionReport, count_files, count_image
from maskforge.dataset.issue_record import IssueRecord
from maskforge.dataset.manifest import ManifestEntry, is_dataset, relative
from maskforge.dataset.spool import ImageSpool
from maskforge.dataset.writer import DatasetWriter, check_results
from maskforge.errors import AnnotationError, OptionError, shorten
from maskforge.files import PathLike, as_path, as_paths, check_folder
from maskforge.formats.reader import AnnotationReader
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Issue, Origin
from maskforge.masks.classes import ClassMap, check_labels, fold, infer
from maskforge.masks.drawing import Drawing, DrawOptions, draw
from maskforge.masks.maskfile import check_file_type
from maskforge.masks.masknames import MaskNames
from maskforge.raster.registry import get_rasterizer
from maskforge.shapes import ImageState, Size

_CHOICES = {
    "encoding": Encoding,
    "overlap": Overlap,
    "multi_tag": MultiTag,
    "size_mismatch": SizeMismatch,
    "unvisited": Unvisited,
}
_LONGEST = 2**16


@dataclass(frozen=True, slots=True)
class ConvertOptions(DrawOptions):
    """How annotations become a folder of masks; the options of drawing are inherited.

    Attributes:
        format: Annotation format, or ``auto``.
        images: Folder in which images are looked for.
        size_mismatch: ``error`` or ``scale``; see :func:`maskforge.read`.
        file_type: ``png``, ``tiff`` or ``npy``.
        classes: Class map; None makes one from the labels, sorted by name.
        fold_case: Whether labels that differ only in case or spaces are one, if the class map is
            made from the labels.
        extract_images: Whether to write images that exist only inside annotation files to
            ``extracted-images/``, so that every mask has its image.
        unvisited: What becomes of images that nobody looked at: ``skip`` or ``background``.
        strict: Write nothing at all if any record would be skipped or refused.
        dry_run: Do everything but writing.
        overwrite: Replace the results of an earlier run.
    """

    format: str = "auto"
    images: PathLike | None = None
    size_mismatch: SizeMismatch = "error"
    file_type: FileType = "png"
    classes: ClassMap | None = None
    fold_case: bool = False
    extract_images: bool = False
    unvisited: Unvisited = "skip"
    strict: bool = False
    dry_run: bool = False
    overwrite: bool = False


def convert(
    sources: PathLike | Sequence[PathLike],
    out: PathLike,
    options: ConvertOptions | None = None,
    *,
    progress: Progress | None = None,
    observe: Callable[[ManifestEntry], None] | None = None,
) -> ConversionReport:
    """Turn annotation files into masks, with a class map and a manifest beside them.

    Args:
        sources: Annotation files, or folders that are searched with all their sub-folders.
        out: Output folder; made if missing.
        options: How; see :class:`ConvertOptions`.
        progress: Called after every image.
        observe: Called with the manifest's line of every image, also in a dry run.

    Returns:
        The account of every file, image and record.

    Raises:
        OptionError: If options contradict each other or a source does not exist.
        MissingDependencyError: If the library of the rasterizer is not installed.
        OutputExistsError: If ``out`` holds results and ``overwrite`` is not set.
        LabelError: If the class map does not know all labels; nothing has been written then.
        OutputError: If a file cannot be written.

    Example:
        >>> report = mf.convert("samples/labelme", "new-masks")
        >>> report.records["found"], report.records["drawn"], report.lost
        (123, 118, 4)
    """
    start = time.perf_counter()
    options = options or ConvertOptions()
    _check_options(options)
    # A library that is missing stops the run here, before anything is read or written.
    get_rasterizer(options.rasterizer).scan((), Size(1, 1))
    out = as_path(out)
    check_folder(out)
    previous = frozenset() if options.dry_run else check_results(out, overwrite=options.overwrite)
    progress = progress or _silent
    reader = AnnotationReader(
        sources,
        format=options.format,
        images=options.images,
        size_mismatch=options.size_mismatch,
        embedded=options.extract_images,
    )
    with ImageSpool() as spool:
        labels: Counter[str] = Counter()
        for image in reader:
            spool.append(image)
            labels.update(_labels(image, options))
            progress("reading", len(spool), None)
        for path in as_paths(sources):
            if not len(spool) and is_dataset(path):
                raise OptionError(
                    f"{path} is a folder of masks, and holds no annotations",
                    hint="`maskforge inspect` and `maskforge preview` show what is in it",
                )
        classes = options.classes or infer(labels, fold_case=options.fold_case)
        check_labels(classes, labels)
        run = _Run(out, options, classes, reader, labels, progress)
        observe = observe or _ignore
        if options.dry_run:
            report = run.draw_all(spool, None, observe)
        else:
            writer = DatasetWriter(out, classes, previous)
            if options.strict:
                report = run.draw_all(spool, None, _ignore)
            if not (options.strict and report.lost):
                report = run.draw_all(spool, writer, observe)
    report.seconds = time.perf_counter() - start
    return report


def _check_options(options: ConvertOptions) -> None:
    for name, known in _CHOICES.items():
        value = getattr(options, name)
        if value not in get_args(known):
            raise OptionError(
                f"{name} cannot be {shorten(value)}",
                hint=f"choose one of {', '.join(get_args(known))}",
            )
    check_file_type(options.file_type, options.encoding)
    for name in ("line_width", "point_radius"):
        length = getattr(options, name)
        if length is not None and not 0 <= length <= _LONGEST:  # True for NaN, too
            raise OptionError(f"{name} cannot be {length}, expected 0 to {_LONGEST} px")


def _silent(phase: str, done: int, total: int | None) -> None:
    """Report no progress."""


def _ignore(entry: ManifestEntry) -> None:
    """Look at no line of the manifest."""


def _kinds(image: AnnotatedImage) -> dict[str, dict[str, int]]:
    kinds: dict[str, dict[str, int]] = {}
    for shape in image.shapes:
        counts = kinds.setdefault(shape.kind, {})
        for label in shape.labels or ("",):
            counts[label] = counts.get(label, 0) + 1
    return kinds


def _labels(image: AnnotatedImage, options: ConvertOptions) -> Iterator[str]:
    """Yield every label that drawing the image will look up."""
    for shape in image.shapes:
        if shape.labels:
            yield from shape.labels
        elif options.unlabeled not in (None, "skip", "error"):
            assert options.unlabeled is not None
            yield options.unlabeled


class _Run:
    """One conversion after reading; can be gone through twice (to try, and to write)."""

    def __init__(
        self,
        out: Path,
        options: ConvertOptions,
        classes: ClassMap,
        reader: AnnotationReader,
        labels: Counter[str],
        progress: Progress,
    ) -> None:
        self._out = out
        self._options = options
        self._classes = classes
        self._reader = reader
        self._labels = labels
        self._progress = progress

    def draw_all(
        self,
        spool: ImageSpool,
        writer: DatasetWriter | None,
        observe: Callable[[ManifestEntry], None],
    ) -> ConversionReport:
        """Draw all images, and write their masks if there is a writer."""
        if not len(spool):
            writer = None
        report = ConversionReport(out=str(self._out), written=writer is not None)
        issues = [*self._reader.issues, *self._similar_labels()]
        count_files(report, self._reader.files_read, issues)
        names = MaskNames()
        seen: dict[str, str] = {}
        with writer or contextlib.nullcontext():
            for index, image in enumerate(spool, 1):
                observe(self._convert(image, report, names, seen, writer))
                self._progress("drawing", index, len(spool))
        return report

    def _convert(
        self,
        image: AnnotatedImage,
        report: ConversionReport,
        names: MaskNames,
        seen: dict[str, str],
        writer: DatasetWriter | None,
    ) -> ManifestEntry:
        # The masks die with this call, so those of the next image can take their place in memory.
        drawing, issues = self._draw(image, seen)
        records = count_image(report, image, drawing, issues, self._classes)
        files: dict[str, str] = {}
        if writer is not None and drawing is not None:
            name = names.assign(image.folder, image.image.name)
            files = writer.write_masks(
                name, self._options.file_type, drawing.mask, drawing.instances
            )
            if image.embedded is not None:
                files["image"] = writer.write_image(name, image.embedded)
        entry = self._entry(image, drawing, issues, records, files)
        if writer is not None:
            writer.add(entry)
        return entry

    def _draw(
        self, image: AnnotatedImage, seen: dict[str, str]
    ) -> tuple[Drawing | None, list[Issue]]:
        issues = list(image.issues)
        key = str(image.image.file or image.origin.file.parent / image.image.name)
        if key in seen:
            issues.append(
                Issue(
                    Code.DUPLICATE_IMAGE,
                    f"{shorten(image.image.name)} was also read from {seen[key]}",
                    image.origin,
                )
            )
        seen.setdefault(key, str(image.origin))
        if image.state is ImageState.UNVISITED and self._options.unvisited == "skip":
            # Whatever else would keep it from being drawn does not matter then.
            issues = [issue for issue in issues if not issue.loses_image]
            text, hint = "nobody has looked at this image", "--unvisited background keeps it"
            issues.append(Issue(Code.UNVISITED, text, image.origin, hint))
            return None, issues
        if image.refusal is not None:
            return None, issues
        try:
            drawing = draw(image, self._classes, self._options)
        except AnnotationError as error:
            issues.append(error.issue())
            return None, issues
        except MemoryError:
            text = f"there is not enough memory to draw {image.image.size} px"
            hint = "cut the image into tiles, or choose --encoding integer"
            issues.append(Issue(Code.TOO_LARGE, text, image.origin, hint))
            return None, issues
        return drawing, [*issues, *drawing.issues]

    def _entry(
        self,
        image: AnnotatedImage,
        drawing: Drawing | None,
        issues: Sequence[Issue],
        records: dict[str, int],
        files: dict[str, str],
    ) -> ManifestEntry:
        reference, size, names = image.image, image.image.size, self._classes.names
        pixels = drawing.pixels if drawing else {}
        shapes = drawing.class_shapes if drawing else {}
        source = relative(image.origin.file, self._out) or ""
        return ManifestEntry(
            image=files.get("image") or relative(reference.file, self._out),
            mask=files.get("mask"),
            instances=files.get("instances"),
            width=size.width if size else None,
            height=size.height if size else None,
            orientation=reference.orientation,
            upright=reference.upright,
            state=image.state,
            format=image.format,
            source=source,
            pointer=image.origin.pointer,
            encoding=self._options.encoding,
            pixels={names[value]: count for value, count in pixels.items()},
            shapes=records,
            class_shapes={names[value]: count for value, count in shapes.items()},
            kinds=_kinds(image),
            instance_classes=[names[id_] for id_ in drawing.instance_classes] if drawing else [],
            overlapped_pixels=drawing.overlapped if drawing else 0,
            tags=list(image.tags),
            issues=[IssueRecord.of(issue, self._place(issue, image, source)) for issue in issues],
        )

    def _place(self, issue: Issue, image: AnnotatedImage, source: str) -> str:
        """Return the file of an issue as the manifest has it."""
        file = issue.origin.file
        return source if file == image.origin.file else relative(file, self._out) or ""

    def _similar_labels(self) -> Iterator[Issue]:
        """Name labels that differ only in case or spaces, unless that makes no difference."""
        if self._classes.fold_case or self._options.classes is not None:
            return
        groups: dict[str, list[str]] = {}
        for label in sorted(self._labels):
            groups.setdefault(fold(label), []).append(label)
        for spellings in groups.values():
            if len(spellings) > 1:
                yield Issue(
                    Code.SIMILAR_LABELS,
                    f"labels {', '.join(map(repr, spellings))} count as different classes",
                    Origin(self._reader.files_read[0]),
                    "join them with --fold-case or in a class map",
                )
