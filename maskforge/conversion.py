"""The whole way from annotation files to a folder of masks."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

import msgspec

from maskforge.choices import FileType, SizeMismatch, Unvisited
from maskforge.classes import ClassMap, fold, infer
from maskforge.classfile import dump_class_map
from maskforge.dataset import (
    ManifestEntry,
    ManifestIssue,
    is_dataset,
    open_dataset,
    relative,
)
from maskforge.drawing import Drawing, DrawOptions, draw
from maskforge.errors import (
    AnnotationError,
    MaskforgeError,
    OutputError,
    OutputExistsError,
)
from maskforge.folders import CLASSES, INSTANCES, MANIFEST, MASKS
from maskforge.issues import Code, Issue, Origin
from maskforge.maskfile import AnyMask, check_file_type, encode_mask, write_whole
from maskforge.masknames import MaskNames
from maskforge.model import AnnotatedImage, ImageState, Size
from maskforge.raster import get_rasterizer
from maskforge.reading import AnnotationReader, PathLike
from maskforge.report import ConversionReport
from maskforge.spool import ImageSpool

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with the name of the phase, the number of images done, and their total if known."""


@dataclass(frozen=True, slots=True)
class ConvertOptions(DrawOptions):
    """How annotations become a folder of masks; the options of drawing are inherited.

    Attributes:
        format: Annotation format, or ``auto``.
        images: Folder in which pictures are looked for.
        size_mismatch: ``error`` or ``scale``; see :func:`maskforge.read`.
        file_type: ``png``, ``tiff`` or ``npy``.
        classes: Class map; None makes one from the labels, sorted by name.
        fold_case: Whether labels that differ only in case or spaces are one, if the class map is
            made from the labels.
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
        MissingDependencyError: If the library of the rasteriser is not installed.
        OutputExistsError: If ``out`` holds results and ``overwrite`` is not set.
        LabelError: If the class map does not know all labels; nothing has been written then.
        OutputError: If a file cannot be written.
    """
    start = time.perf_counter()
    options = options or ConvertOptions()
    check_file_type(options.file_type, options.encoding)
    # A library that is missing stops the run here, before anything is read or written.
    get_rasterizer(options.rasterizer).scan((), Size(1, 1))
    out = Path(out)
    previous = _check_output(out, overwrite=options.overwrite or options.dry_run)
    progress = progress or _silent
    reader = AnnotationReader(
        sources,
        format=options.format,
        images=options.images,
        size_mismatch=options.size_mismatch,
    )
    with ImageSpool() as spool:
        labels: Counter[str] = Counter()
        for image in reader:
            spool.append(image)
            labels.update(_labels(image, options))
            progress("reading", len(spool), None)
        classes = options.classes or infer(labels, fold_case=options.fold_case)
        classes.require(labels)
        run = _Run(out, options, classes, reader, labels, progress, observe or _ignore)
        report = run.draw_all(spool, write=not (options.dry_run or options.strict))
        if options.strict and not options.dry_run and not report.lost:
            report = run.draw_all(spool, write=True)
    if report.written:
        _remove_stale(out, previous, run.files_written)
    report.seconds = time.perf_counter() - start
    return report


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
        observe: Callable[[ManifestEntry], None],
    ) -> None:
        self._out = out
        self._options = options
        self._classes = classes
        self._reader = reader
        self._labels = labels
        self._progress = progress
        self._observe = observe
        self.files_written: set[str] = set()

    def draw_all(self, spool: ImageSpool, *, write: bool) -> ConversionReport:
        """Draw all images, and write their masks if asked to."""
        report = ConversionReport(out=str(self._out), written=write)
        file_issues = [*self._reader.issues, *self._similar_labels()]
        report.add_files(len(self._reader.files_read), file_issues)
        names = MaskNames()
        seen: dict[object, Origin] = {}
        write = report.written = write and len(spool) > 0
        with _Manifest(self._out / MANIFEST) if write else contextlib.nullcontext() as manifest:
            if write:
                write_whole(self._out / CLASSES, dump_class_map(self._classes))
                self.files_written.clear()
            for index, image in enumerate(spool, 1):
                drawing, issues = self._draw(image, seen)
                records = report.add_image(image, drawing, issues, self._classes)
                files = {}
                if write and drawing is not None:
                    files = self._write(names.assign(image.folder, image.image.name), drawing)
                entry = self._entry(image, drawing, issues, records, files)
                if manifest is not None:
                    manifest.add(entry)
                self._observe(entry)
                self._progress("drawing", index, len(spool))
        return report

    def _draw(
        self, image: AnnotatedImage, seen: dict[object, Origin]
    ) -> tuple[Drawing | None, list[Issue]]:
        issues = list(image.issues)
        key = image.image.file or (image.origin.file.parent, image.image.name)
        if key in seen:
            issues.append(
                Issue(
                    Code.DUPLICATE_IMAGE,
                    f"{image.image.name!r} was also read from {seen[key]}",
                    image.origin,
                )
            )
        seen.setdefault(key, image.origin)
        if image.refusal is not None:
            return None, issues
        if image.state is ImageState.UNVISITED and self._options.unvisited == "skip":
            text, hint = "nobody has looked at this image", "--unvisited background keeps it"
            issues.append(Issue(Code.UNVISITED, text, image.origin, hint))
            return None, issues
        try:
            drawing = draw(image, self._classes, self._options)
        except AnnotationError as error:
            issues.append(error.issue())
            return None, issues
        return drawing, [*issues, *drawing.issues]

    def _write(self, name: str, drawing: Drawing) -> dict[str, str]:
        """Write the masks of one image; return their paths in the data set."""
        file_type = self._options.file_type
        files = {"mask": f"{MASKS}/{name}.{file_type}"}
        self._write_file(files["mask"], drawing.mask, file_type)
        if drawing.instances is not None:
            wide = drawing.instances.dtype.itemsize > 2  # more than a PNG can hold
            type_ = "tiff" if wide and file_type == "png" else file_type
            files["instances"] = f"{INSTANCES}/{name}.{type_}"
            self._write_file(files["instances"], drawing.instances, type_)
        return files

    def _write_file(self, name: str, mask: AnyMask, file_type: str) -> None:
        write_whole(self._out / name, encode_mask(mask, file_type, self._classes.colors))
        self.files_written.add(name)

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
        return ManifestEntry(
            image=relative(reference.file, self._out),
            mask=files.get("mask"),
            instances=files.get("instances"),
            width=size.width if size else None,
            height=size.height if size else None,
            orientation=reference.orientation,
            upright=reference.upright,
            state=image.state,
            format=image.format,
            source=relative(image.origin.file, self._out) or "",
            pointer=image.origin.pointer,
            encoding=self._options.encoding,
            pixels={names[value]: count for value, count in pixels.items()},
            shapes=records,
            class_shapes={names[value]: count for value, count in shapes.items()},
            kinds=_kinds(image),
            instance_classes=[names[id_] for id_ in drawing.instance_classes] if drawing else [],
            overlapped_pixels=drawing.overlapped if drawing else 0,
            tags=list(image.tags),
            issues=[
                ManifestIssue(str(issue.code), issue.level, issue.message, issue.origin.pointer)
                for issue in issues
            ],
        )

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


class _Manifest:
    """Writes the manifest line by line, and puts it in its place at the end, whatever ends it.

    After an interruption the manifest thus describes exactly the masks that were finished.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = path.with_name(f".{path.name}.part")
        self._encoder = msgspec.json.Encoder()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> _Manifest:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._aside.open("wb")
        except OSError as error:
            raise OutputError(
                f"cannot be written: {error.strerror or error}", origin=Origin(self._path, "")
            ) from None
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._file is not None
        self._file.close()
        self._aside.replace(self._path)

    def add(self, entry: ManifestEntry) -> None:
        """Add the line of one image."""
        assert self._file is not None
        self._file.write(self._encoder.encode(entry) + b"\n")


def _check_output(out: Path, *, overwrite: bool) -> set[str]:
    """Return the mask files of an earlier run.

    Raises:
        OutputExistsError: If there are results that must not be replaced.
        OutputError: If ``out`` is no folder.
    """
    if out.exists() and not out.is_dir():
        raise OutputError("is a file, not a folder", origin=Origin(out, ""))
    present = [name for name in (MANIFEST, CLASSES, MASKS, INSTANCES) if (out / name).exists()]
    if present and not overwrite:
        raise OutputExistsError(
            f"already holds {', '.join(present)}",
            origin=Origin(out, ""),
            hint="choose another folder, or replace the results with --overwrite",
        )
    if not is_dataset(out):
        return set()
    try:
        entries = open_dataset(out).entries
    except MaskforgeError:
        return set()
    return {name for entry in entries for name in (entry.mask, entry.instances) if name}


def _remove_stale(out: Path, previous: set[str], written: set[str]) -> None:
    """Remove the masks of an earlier run that this one did not replace."""
    for name in previous - written:
        with contextlib.suppress(OSError):
            (out / name).unlink()
