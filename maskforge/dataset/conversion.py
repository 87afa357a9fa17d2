"""The whole way from annotation files to a folder of masks."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from maskforge.choices import Progress, with_keywords
from maskforge.dataset.conversion_report import ConversionReport, count_files, count_image
from maskforge.dataset.convert_options import ConvertOptions
from maskforge.dataset.converted_image import convert_image
from maskforge.dataset.manifest import ManifestEntry, is_dataset, relative
from maskforge.dataset.spool import ImageSpool
from maskforge.dataset.writer import DatasetWriter, check_results
from maskforge.errors import OptionError, shorten
from maskforge.files import PathLike, as_path, as_paths, check_folder
from maskforge.formats.reader import AnnotationReader
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Issue, Origin
from maskforge.masks.classes import ClassMap, check_labels, fold, infer
from maskforge.masks.maskfile import check_file_type
from maskforge.masks.masknames import MaskNames
from maskforge.raster.registry import get_rasterizer
from maskforge.shapes import Size


def convert(
    sources: PathLike | Sequence[PathLike],
    out: PathLike,
    options: ConvertOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    observe: Callable[[ManifestEntry], None] | None = None,
    **keywords: object,
) -> ConversionReport:
    """Turn annotation files into masks, with a class map and a manifest beside them.

    Args:
        sources: Annotation files, or folders that are searched with all their sub-folders.
        out: Output folder; made if missing.
        options: How; see ``ConvertOptions``.
        overwrite: Whether to replace the results of an earlier run.
        progress: Called after every image.
        observe: Called with the manifest's line of every image, also in a dry run.
        **keywords: Single options, such as ``encoding="onehot"``.

    Returns:
        The account of every file, image and record.

    Raises:
        OptionError: If an option cannot be used, options contradict each other, or a source does
            not exist.
        MissingDependencyError: If the library of the rasterizer is not installed.
        OutputExistsError: If ``out`` holds results and ``overwrite`` is not set.
        LabelError: If the class map does not know all labels; nothing has been written then.
        OutputError: If a file cannot be written.

    Examples:
        >>> report = mf.convert("samples/labelme", "new-masks")
        >>> report.records["found"], report.records["drawn"], report.lost
        (123, 118, 4)
    """
    start = time.perf_counter()
    options = with_keywords(ConvertOptions, options, keywords)
    check_file_type(options.file_type, options.encoding)
    # A library that is missing stops the run here, before anything is read or written.
    get_rasterizer(options.rasterizer).scan((), Size(1, 1))
    out = as_path(out)
    check_folder(out)
    previous = frozenset() if options.dry_run else check_results(out, overwrite=overwrite)
    progress = progress or _silent
    reader = AnnotationReader(
        sources,
        format=options.format,
        images=options.images,
        size_mismatch=options.size_mismatch,
        embedded=options.extract_images,
        text_encoding=options.text_encoding,
        largest_file=options.largest_file,
        most_shapes=options.most_shapes,
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


def _silent(phase: str, done: int, total: int | None) -> None:
    """Report no progress."""


def _ignore(entry: ManifestEntry) -> None:
    """Look at no line of the manifest."""


def _labels(image: AnnotatedImage, options: ConvertOptions) -> Iterator[str]:
    """Yield every label that drawing the image will look up."""
    for shape in image.shapes:
        if shape.labels:
            yield from shape.labels
        elif options.unlabeled not in (None, "skip", "error"):
            assert options.unlabeled is not None
            yield options.unlabeled


def _with_note(image: AnnotatedImage, seen: dict[str, str]) -> AnnotatedImage:
    """Return an image with a note if it was read before, and remember where from."""
    key = str(image.image.file or image.origin.file.parent / image.image.name)
    if key not in seen:
        seen[key] = str(image.origin)
        return image
    text = f"{shorten(image.image.name)} was also read from {seen[key]}"
    note = Issue(Code.DUPLICATE_IMAGE, text, image.origin)
    return replace(image, issues=(*image.issues, note))


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
                observe(self._convert(_with_note(image, seen), report, names, writer))
                self._progress("drawing", index, len(spool))
        return report

    def _convert(
        self,
        image: AnnotatedImage,
        report: ConversionReport,
        names: MaskNames,
        writer: DatasetWriter | None,
    ) -> ManifestEntry:
        # The masks die with this call, so those of the next image can take their place in memory.
        converted = convert_image(image, self._classes, self._options)
        count_image(report, converted, self._classes)
        files: dict[str, str | None] = {"image": relative(image.image.file, self._out)}
        if writer is not None and converted.mask is not None:
            name = names.assign(image.folder, image.image.name)
            files |= writer.write_masks(
                name, self._options.file_type, converted.mask, converted.instances
            )
            if image.embedded is not None:
                files["image"] = writer.write_image(name, image.embedded)
        entry = self._placed(converted.entry, image, files)
        if writer is not None:
            writer.add(entry)
        return entry

    def _placed(
        self, entry: ManifestEntry, image: AnnotatedImage, files: dict[str, str | None]
    ) -> ManifestEntry:
        """Return an entry with its files, and all paths relative to the output folder."""
        source = relative(image.origin.file, self._out) or ""
        issues = [
            msgspec.structs.replace(
                one,
                file=source
                if one.file == entry.source
                else relative(Path(one.file), self._out) or "",
            )
            for one in entry.issues
        ]
        return msgspec.structs.replace(entry, source=source, issues=issues, **files)

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
