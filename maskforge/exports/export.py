"""The whole way from annotations, masks or predictions to the files of a labeling tool."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from maskforge.choices import Progress, with_keywords
from maskforge.dataset import files_part
from maskforge.dataset.conversion_report import count_issue
from maskforge.dataset.files_part import LabelCount, reading_ahead
from maskforge.dataset.manifest import Dataset, check_finished, is_dataset, open_dataset
from maskforge.dataset.spool import ImageSpool
from maskforge.errors import OptionError, OutputExistsError
from maskforge.exports import fitted_image
from maskforge.exports.annotated import PREDICTED
from maskforge.exports.export_options import ExportOptions
from maskforge.exports.export_report import ExportReport
from maskforge.exports.fitted_image import (
    DrawnPixels,
    FitSettings,
    FitTask,
    FittedImage,
    MaskOfImage,
    SpooledImage,
    fit,
    fit_image,
)
from maskforge.exports.written_files import WrittenFiles
from maskforge.files import EXPORTED, PathLike, as_path, as_paths, read_bytes
from maskforge.formats.reader import AnnotationReader, read_with
from maskforge.formats.registry import get_writer
from maskforge.formats.writer import Holds, Writer, WrittenImage
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.page import split_page
from maskforge.images.suffixes import is_image_name, suffix_of
from maskforge.issues import Level, Origin
from maskforge.masks.classes import ClassMap, check_labels, infer, mask_values
from maskforge.masks.labels import as_entry
from maskforge.masks.masknames import MaskNames
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.report_files import EarlierReport
from maskforge.processes.worker_pool import LARGE_TASKS_AHEAD, TASKS_AHEAD, WorkerPool

_WORK = (files_part.__name__, fitted_image.__name__)


def export(
    sources: PathLike | Sequence[PathLike],
    out: PathLike,
    options: ExportOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    **keywords: object,
) -> ExportReport:
    """Write annotations, masks or predictions as the files of a labeling tool.

    Shapes become what the format can hold, without a change of one pixel of the mask; what it
    cannot hold is counted. Masks become outlines along the edges of their pixels, from which the
    same masks are drawn again.

    Args:
        sources: Annotation files or folders of them, and data sets that ``convert`` or ``predict``
            wrote.
        out: Output folder; made if missing.
        options: How; see ``ExportOptions``.
        overwrite: Whether to replace the files of an earlier export.
        progress: Called after every image.
        keywords: Single options by name, such as ``format="x-anylabeling"``.

    Returns:
        The account of what was written, and of what could not be.

    Raises:
        DatasetError: If a data set among the sources cannot be read.
        LabelError: If the class map does not know a label.
        OptionError: If options contradict each other, or a source does not exist.
        OutputExistsError: If ``out`` holds files and ``overwrite`` is not set.
        OutputError: If a file cannot be written.

    Examples:
        >>> report = mf.export("samples/vott", "exported", format="labelme")
        >>> report.images["written"], report.changed
        (4, {'records written once for each of several labels': 1})
    """
    start = time.perf_counter()
    options = with_keywords(ExportOptions, options, keywords)
    writer = get_writer(options.format)
    check_holds(options, writer.holds)
    progress = progress or _silent
    with OutputFolder(as_path(out)) as folder:
        earlier = earlier_export(folder)
        # If a run that was ended early has listed the record, the export is its own.
        if earlier and not overwrite and EXPORTED not in dict(folder.left()):
            raise OutputExistsError(
                "already holds an export",
                origin=Origin(folder.path, ""),
                hint="choose another folder, or replace the export with --overwrite",
            )
        paths = as_paths(sources)
        datasets = [one for one in paths if is_dataset(one)]
        others = [one for one in paths if not is_dataset(one)]
        for path in datasets:
            check_finished(path, "error")
        opened = [open_dataset(path) for path in datasets]
        report = ExportReport(out=str(folder.path), format=options.format)
        with (
            ImageSpool(whole=True) as spool,
            WorkerPool(options.workers, loads=_WORK) as pool,
        ):
            count = LabelCount("", "", None)
            reader = _read(others, options, spool, count, pool, progress) if others else None
            classes = _classes(opened, count.labels, options, is_read=len(spool) > 0)
            remove_earlier_export(folder, earlier)
            exported = ExportWriter(folder.write, folder.path, classes, options, report)
            total = len(spool) + sum(map(len, opened))
            settings = FitSettings(classes, options)
            images = _sources(spool, reader, opened, is_shared=pool.is_worth(total))
            tasks = (FitTask(settings, image) for image in images)
            holds = writer.holds
            holds_images = holds.draws or holds.pixels or options.image_files == "embed"
            ahead = LARGE_TASKS_AHEAD if holds_images else TASKS_AHEAD
            with contextlib.closing(pool.each(fit, tasks, total, ahead=ahead)) as fitted:
                for done, image in enumerate(fitted, 1):
                    exported.take(image)
                    progress("writing", done, total)
            exported.finish()
            if reader is not None:
                for issue in reader.issues:
                    count_issue(report, issue)
        record_export(folder, options.format)
    report.seconds = time.perf_counter() - start
    return report


class ExportWriter:
    """Writes annotated images one by one in a format, and keeps the account.

    ``predict`` uses it for files of labeling tools beside its masks.
    """

    def __init__(
        self,
        write: Callable[[str, bytes], None],
        folder: Path,
        classes: ClassMap,
        options: ExportOptions,
        report: ExportReport,
    ) -> None:
        """Write nothing yet.

        Args:
            write: Writes a file, named relative to the folder.
            folder: The folder.
            classes: The class map.
            options: How.
            report: Receives the account.
        """
        writer = get_writer(options.format)
        check_holds(options, writer.holds)
        self._settings = FitSettings(classes, options)
        self._report = report
        self._names = MaskNames()
        self._files = WrittenFiles(
            folder, classes, options.image_files, write, embeds=writer.holds.embeds
        )
        self._writer: Writer = writer(self._files)

    def add(self, image: AnnotatedImage) -> None:
        """Write one image, or count why not.

        Raises:
            LabelError: If the class map does not know a label.
            OutputError: If a file cannot be written.
        """
        self.take(fit_image(image, self._settings))

    def take(self, fitted: FittedImage) -> None:
        """Write one image that was fitted to the format, or count why not.

        Raises:
            OutputError: If a file cannot be written.
        """
        report, image = self._report, fitted.image
        if fitted.outlines is not None:
            report.count_outlines(*fitted.outlines)
        report.images["found"] += 1
        report.images[fitted.outcome] += 1
        report.records["found"] += fitted.records
        for issue in image.issues:
            count_issue(report, issue)
            is_lost = issue.loses_record and issue.level is Level.REFUSED
            report.records["refused"] += issue.records if is_lost else 0
        if fitted.reason is not None:
            count_issue(report, fitted.reason)
        for counts, total in (
            (fitted.changed, report.changed),
            (fitted.left_out, report.left_out),
        ):
            for what, count in counts.items():
                total[what] = total.get(what, 0) + count
        if fitted.outcome != "written":
            return
        for what, count in fitted.not_held.items():
            self._files.left_out(what, count)
        report.compared += fitted.compared
        if fitted.different:
            report.different[str(image.image.file or image.image.name)] = fitted.different
        name = self._names.assign(image.folder, image.image.name)
        self._writer.add(self._written(fitted, name))
        report.written_records += len(fitted.shapes)

    def finish(self) -> None:
        """Write what all images share, and complete the account.

        Raises:
            OutputError: If a file cannot be written.
        """
        self._writer.finish()
        for what, count in self._files.not_held.items():
            self._report.left_out[what] = self._report.left_out.get(what, 0) + count

    def _written(self, fitted: FittedImage, name: str) -> WrittenImage:
        image, reference = fitted.image, fitted.image.image
        assert reference.size is not None

        def drawn() -> DrawnPixels:
            assert fitted.drawn is not None
            if fitted.overlapped:
                self._files.left_out("pixels of further classes below another", fitted.overlapped)
            return fitted.drawn

        return WrittenImage(
            name,
            _with_suffix(reference.name, reference.file),
            reference.file,
            reference.size,
            fitted.shapes,
            image.state,
            image.origin,
            drawn,
            tags=image.tags,
            is_own=fitted.is_own,
            extra=image.extra,
            is_predicted=image.format == PREDICTED,
            is_scored=fitted.is_scored,
            score=image.score,
            content=fitted.content,
        )


def _with_suffix(name: str, file: Path | None) -> str:
    """Return the name of an image; not every annotation writes it with its suffix."""
    if file is None or is_image_name(name):
        return name
    return name + suffix_of(split_page(file)[0].name)


def check_holds(options: ExportOptions, holds: Holds) -> None:
    """Make sure that a format can do what was asked for.

    Raises:
        OptionError: If it cannot.
    """
    if options.holes != "auto" and not holds.pixels and options.holes not in holds.holes:
        raise OptionError(
            f"{options.format} cannot hold holes as {options.holes}",
            hint=f"choose one of auto, {', '.join(holds.holes)}",
        )
    if options.image_files == "embed" and not holds.embeds:
        raise OptionError(
            f"{options.format} cannot hold images", hint="choose --image-files reference or copy"
        )


def _read(
    sources: Sequence[Path],
    options: ExportOptions,
    spool: ImageSpool,
    count: LabelCount,
    pool: WorkerPool,
    progress: Progress,
) -> AnnotationReader:
    """Read all annotations: who claims which image, and all labels, are known only at the end."""
    reader = AnnotationReader(
        sources,
        format=options.source_format,
        images=options.images,
        allow_outside_images=options.allow_outside_images,
        size=options.size,
        size_mismatch=options.size_mismatch,
        embedded=True,
        text_encoding=options.text_encoding,
        mask_values=mask_values(options.classes) if options.classes else None,
        mask_tolerance=options.mask_tolerance,
    )
    ahead = reading_ahead(pool, spool, count, progress) if pool.workers > 1 else None
    for image in read_with(reader, ahead):
        spool.append(count.add(image))
        progress("reading", len(spool), None)
    return reader


def _sources(
    spool: ImageSpool,
    reader: AnnotationReader | None,
    datasets: Sequence[Dataset],
    *,
    is_shared: bool,
) -> Iterator[AnnotatedImage | SpooledImage | MaskOfImage]:
    """Yield what every image is made from.

    Args:
        spool: The images that were read.
        reader: Has read them.
        datasets: Of these, images without mask are left out: why there is none stands there.
        is_shared: Whether other processes make them.
    """
    if reader is not None and is_shared:
        for part in spool.parts():
            for place, head in part.read_heads():
                checked = reader.claims.checked(head)
                change = None if checked is head else (checked.image, checked.issues)
                yield SpooledImage(part.file, place, change)
    elif reader is not None:
        yield from map(reader.claims.checked, spool)
    for dataset in datasets:
        yield from (MaskOfImage(item, dataset.classes) for item in dataset)


def _classes(
    datasets: Sequence[Dataset], labels: Counter[str], options: ExportOptions, *, is_read: bool
) -> ClassMap:
    """Return the class map that was given, that of the masks, or one of all labels.

    Raises:
        LabelError: If the class map that was given does not know all labels.
    """
    maps = [one.classes for one in datasets]
    labels = labels + Counter(one.names[id_] for one in maps for id_ in one.foreground_ids)
    if options.classes is not None:
        check_labels(options.classes, labels)
        return options.classes
    if maps and not is_read and all(one.names == maps[0].names for one in maps):
        return with_names_as_labels(maps[0])
    return infer(labels, fold_case=options.fold_case)


def with_names_as_labels(classes: ClassMap) -> ClassMap:
    """Return a class map in which the name of every class is its only label."""
    named = tuple(replace(one, labels=(as_entry(one.name),)) for one in classes.classes)
    return ClassMap(named)


def remove_earlier_export(folder: OutputFolder, earlier: Mapping[str, str]) -> None:
    """Remove the files of an earlier export; those that somebody has changed since stay."""
    names = {*earlier, *dict(folder.left())}
    folder.remove_earlier(earlier.items(), names)
    folder.remove_unfinished(_folders(names))


def _folders(names: Iterable[str]) -> set[str]:
    """Return the folders of files, each by its first part; "" for files that lie in none."""
    return {name.partition("/")[0] if "/" in name else "" for name in names}


def _silent(phase: str, done: int, total: int | None) -> None:
    """Report no progress."""


class _Record(EarlierReport, kw_only=True):
    """What an earlier export has written, in a hidden file beside it."""

    format: str


def earlier_export(folder: OutputFolder, place: str = "") -> dict[str, str]:
    """Return the SHA-256 of every file of an earlier export, by name.

    Args:
        folder: The output folder.
        place: Folder of the export below it, with a slash at its end.
    """
    with contextlib.suppress(OSError, msgspec.MsgspecError, ValueError, RecursionError):
        content = read_bytes(folder.path / f"{place}{EXPORTED}")
        return {f"{place}{EXPORTED}": hashlib.sha256(content).hexdigest()} | {
            f"{place}{name}": digest
            for name, digest in msgspec.json.decode(content, type=_Record).digests.items()
        }
    return {}


def record_export(folder: OutputFolder, format_: str, place: str = "") -> None:
    """Write down what an export has written, so that a later one can replace it.

    Raises:
        OutputError: If that cannot be written.
    """
    digests = {
        name.removeprefix(place): digest
        for name, digest in folder.digests.items()
        if name.startswith(place)
    }
    record = _Record(digests=digests, format=format_)
    folder.write(f"{place}{EXPORTED}", msgspec.json.encode(record))
    if folder.is_abandoned:  # what was not listed then lies where the same files are now
        folder.remove_unfinished(_folders(folder.digests))
