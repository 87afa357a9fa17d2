"""The whole way from annotations, masks or predictions to the files of a labeling tool."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import ChosenHoles, HoleForm, Progress, with_keywords
from maskforge.dataset.conversion_report import count_issue
from maskforge.dataset.manifest import Dataset, check_finished, is_dataset, open_dataset
from maskforge.dataset.spool import ImageSpool
from maskforge.errors import LimitError, OptionError, OutputExistsError
from maskforge.exports.annotated import PREDICTED, annotated_images
from maskforge.exports.export_options import ExportOptions
from maskforge.exports.export_report import ExportReport
from maskforge.exports.fitted import fitted, lost_in_pixels
from maskforge.exports.written_files import WrittenFiles, encoded
from maskforge.files import EXPORTED, PathLike, as_path, as_paths, read_bytes
from maskforge.formats.reader import AnnotationReader
from maskforge.formats.registry import format_of, get_writer
from maskforge.formats.writer import Holds, Writer, WrittenImage
from maskforge.geometry import oriented, rounded
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.decoder import read_header
from maskforge.images.page import split_page
from maskforge.images.suffixes import is_image_name
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.masks.classes import ClassMap, check_labels, infer, mask_values
from maskforge.masks.drawing import draw
from maskforge.masks.labels import as_entry
from maskforge.masks.masknames import MaskNames
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.report_files import EarlierReport
from maskforge.shapes import Bitmap, ImageState, Shape, Size

_FIRST_TURNED = 5
"""From this EXIF orientation on, width and height are exchanged."""


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
        if earlier and not overwrite:
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
        with ImageSpool(whole=True) as spool:
            labels: Counter[str] = Counter()
            reader = _read(others, options, spool, labels, progress) if others else None
            classes = _classes(opened, labels, options, is_read=len(spool) > 0)
            remove_earlier_export(folder, earlier)
            exported = ExportWriter(folder.write, folder.path, classes, options, report)
            total = len(spool) + sum(map(len, opened))
            for done, image in enumerate(_images(spool, reader, opened, options, report), 1):
                exported.add(image)
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
        self._holds = writer.holds
        self._format = format_of(options.format)
        self._classes = classes
        self._options = options
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
        report = self._report
        report.images["found"] += 1
        report.records["found"] += image.record_count
        for issue in image.issues:
            count_issue(report, issue)
            is_lost = issue.loses_record and issue.level is Level.REFUSED
            report.records["refused"] += is_lost
        if image.refusal is not None or image.image.size is None:
            report.images["refused"] += 1
            return
        holds, options = self._holds, self._options
        if image.state is ImageState.UNVISITED and not holds.unvisited:
            if options.unvisited == "skip":
                text, hint = "nobody has looked at this image", "--unvisited background keeps it"
                count_issue(report, Issue(Code.UNVISITED, text, image.origin, hint))
                report.images["ignored"] += 1
                return
            image = replace(image, state=ImageState.EMPTY)
        image = _in_frame(image, upright=holds.upright)
        is_own = image.format == self._format
        try:
            shapes = self._fitted(image, is_own=is_own)
        except LimitError as error:
            count_issue(report, error.issue(image.origin))
            report.images["refused"] += 1
            return
        if image.tags and not holds.tags:
            self._files.left_out("labels of images as a whole", len(image.tags))
        if not is_own and any(image.extra.values()):
            self._files.left_out("images with keys that only their own format knows")
        name = self._names.assign(image.folder, image.image.name)
        self._writer.add(self._written(image, name, shapes, is_own=is_own))
        report.images["written"] += 1
        report.written_records += len(shapes)

    def finish(self) -> None:
        """Write what all images share, and complete the account.

        Raises:
            OutputError: If a file cannot be written.
        """
        self._writer.finish()
        for what, count in self._files.not_held.items():
            self._report.left_out[what] = self._report.left_out.get(what, 0) + count

    def _fitted(self, image: AnnotatedImage, *, is_own: bool) -> tuple[Shape, ...]:
        """Return the shapes as they are written, and count what happened to them."""
        holds, size = self._holds, image.image.size
        assert size is not None
        if holds.pixels:
            for what, count in lost_in_pixels(image.shapes, is_own=is_own).items():
                self._files.left_out(what, count)
            return ()
        forms = _forms(self._options.holes, holds)
        for form in forms:
            result = fitted(image.shapes, size, holds, form, is_own=is_own)
            shapes = tuple(_rounded(one, holds.decimals) for one in result.shapes)
            different = 0
            is_drawn = bool(result.changed) or holds.decimals is not None
            if is_drawn:
                different = self._difference(image, shapes)
            if not different or form != "background":
                break  # a hole through which something else is seen cannot be background
        self._report.compared += is_drawn
        if different:
            name = str(image.image.file or image.image.name)
            self._report.different[name] = different
        for counts, total in (
            (result.changed, self._report.changed),
            (result.left_out, self._report.left_out),
        ):
            for what, count in counts.items():
                total[what] = total.get(what, 0) + count
        return shapes

    def _difference(self, image: AnnotatedImage, shapes: tuple[Shape, ...]) -> int:
        """Return the number of pixels in which the masks before and after differ."""
        before = draw(image, self._classes).mask
        after = draw(replace(image, shapes=shapes), self._classes).mask
        return int(np.count_nonzero(before != after))

    def _written(
        self, image: AnnotatedImage, name: str, shapes: tuple[Shape, ...], *, is_own: bool
    ) -> WrittenImage:
        reference = image.image
        assert reference.size is not None

        @functools.cache
        def drawn() -> tuple[NDArray[Any], NDArray[Any], tuple[int, ...]]:
            drawing = draw(image, self._classes, instances=True)
            assert drawing.instances is not None
            if self._holds.pixels and drawing.overlapped:
                self._files.left_out("pixels of further classes below another", drawing.overlapped)
            return drawing.mask, drawing.instances, drawing.instance_classes

        content = image.embedded
        if self._options.image_files == "embed" and reference.file is not None:
            content = _embeddable(reference.file, upright=self._holds.upright)
        return WrittenImage(
            name,
            _with_suffix(reference.name, reference.file),
            reference.file,
            reference.size,
            shapes,
            image.state,
            image.origin,
            drawn,
            tags=image.tags,
            is_own=is_own,
            extra=image.extra,
            is_predicted=image.format == PREDICTED,
            is_scored=any(shape.score is not None for shape in image.shapes),
            content=content,
        )


def _with_suffix(name: str, file: Path | None) -> str:
    """Return the name of an image; not every annotation writes it with its suffix."""
    return name if file is None or is_image_name(name) else f"{name}{split_page(file)[0].suffix}"


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


def _forms(chosen: ChosenHoles, holds: Holds) -> tuple[HoleForm, ...]:
    """Return how holes are written, the best way first."""
    return holds.holes if chosen == "auto" else (chosen, *holds.holes)


def _rounded(shape: Shape, decimals: int | None) -> Shape:
    if decimals is None or isinstance(shape.geometry, Bitmap):
        return shape
    return replace(shape, geometry=rounded(shape.geometry, decimals))


def _in_frame(image: AnnotatedImage, *, upright: bool) -> AnnotatedImage:
    """Return an image with its shapes in the frame in which the tool shows it."""
    reference = image.image
    if reference.orientation == 1 or reference.upright == upright or reference.size is None:
        return image
    size, orientation = reference.size, reference.orientation
    shapes = tuple(
        replace(
            one,
            geometry=oriented(one.geometry, size, orientation, back=reference.upright),
            primitive=None,
        )
        for one in image.shapes
    )
    if orientation >= _FIRST_TURNED:
        size = Size(size.height, size.width)
    return replace(image, image=replace(reference, size=size, upright=upright), shapes=shapes)


def _embeddable(file: Path, *, upright: bool) -> bytes:
    """Return an image as browsers and labeling tools can show it."""
    if file.suffix.lower() in (".jpg", ".jpeg", ".png") and split_page(file)[1] is None:
        with contextlib.suppress(OSError):
            if read_header(file).orientation == 1 or not upright:
                return read_bytes(file)
    return encoded(file, ".png", upright=upright)


def _read(
    sources: Sequence[Path],
    options: ExportOptions,
    spool: ImageSpool,
    labels: Counter[str],
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
    for image in reader:
        spool.append(image)
        labels.update(label for shape in image.shapes for label in shape.labels)
        progress("reading", len(spool), None)
    return reader


def _images(
    spool: ImageSpool,
    reader: AnnotationReader | None,
    datasets: Sequence[Dataset],
    options: ExportOptions,
    report: ExportReport,
) -> Iterator[AnnotatedImage]:
    for image in spool:
        assert reader is not None
        yield reader.claims.checked(image)
    for dataset in datasets:
        for image, outlines in annotated_images(dataset, options.vectorize):
            report.count_outlines(outlines.iou, outlines.left_out)
            yield image


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
    folder.remove_earlier(earlier, {*earlier, *folder.left})
    folder.remove_unfinished(_folders(earlier))


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
