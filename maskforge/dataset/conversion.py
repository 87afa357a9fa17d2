"""The whole way from annotation files to a folder of masks."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import pickle
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from maskforge.choices import Progress, with_keywords
from maskforge.dataset import drawn_image, files_part
from maskforge.dataset.conversion_report import (
    ClassCount,
    ConversionReport,
    count_classes,
    count_files,
    count_image,
)
from maskforge.dataset.convert_options import ConvertOptions
from maskforge.dataset.converted_image import ConvertedImage
from maskforge.dataset.destination import Destination, Place
from maskforge.dataset.drawn_image import (
    Change,
    DrawnImage,
    DrawSettings,
    DrawTask,
    draw_image,
    draw_images,
    draw_part,
    drop_part,
)
from maskforge.dataset.files_part import LabelCount, reading_ahead
from maskforge.dataset.label_notes import notes_on_inferred, notes_on_spellings
from maskforge.dataset.manifest import ManifestEntry, RelativePaths, is_dataset
from maskforge.dataset.shard import ShardRecord, called, check_shard, range_of, shard_record
from maskforge.dataset.shard_entry import entry_of_shard
from maskforge.dataset.spool import ImageSpool, SpooledPart
from maskforge.dataset.writer import (
    Account,
    DatasetWriter,
    check_results,
    digest_of_settings,
    settings_of,
)
from maskforge.display.aliases import named
from maskforge.errors import OptionError, shorten
from maskforge.files import PathLike, as_path, as_paths
from maskforge.formats.reader import AnnotationReader, read_with
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.claims import Claims
from maskforge.issues import Code, Issue, Origin
from maskforge.masks.class_source import SourceKeys, no_such_key
from maskforge.masks.classes import ClassMap, check_labels, infer, mask_values
from maskforge.masks.drawing import check_binary
from maskforge.masks.maskfile import check_file_type
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.journal import Places, run_of
from maskforge.processes.worker_pool import WorkerPool
from maskforge.raster.registry import get_rasterizer
from maskforge.shapes import Size

_WORK = (files_part.__name__, drawn_image.__name__)


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

    If an earlier call with these sources and ``out`` was ended before its time, even by the system,
    this one goes on: masks that are done are taken as they are, unless the annotation, the class
    map or an option has changed since.

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
        LabelError: If the class map does not know all labels, there are more of them than ids, or
            no shape has the key ``class_from``; nothing has been written then.
        OutputError: If a file cannot be written.

    Examples:
        >>> report = mf.convert("samples/labelme", "new-masks")
        >>> report.records["found"], report.records["drawn"], report.lost
        (123, 118, 4)
    """
    options = with_keywords(ConvertOptions, options, keywords)
    return convert_into(
        Destination(),
        sources,
        out,
        options,
        SourceKeys() if options.class_from or options.instances_from else None,
        overwrite=overwrite,
        progress=progress,
        observe=observe or _ignore,
    )


def convert_into(
    destination: Destination,
    sources: PathLike | Sequence[PathLike],
    out: PathLike,
    options: ConvertOptions,
    keys: SourceKeys | None,
    *,
    overwrite: bool = False,
    progress: Progress | None,
    observe: Callable[[ManifestEntry], None],
) -> ConversionReport:
    """Convert as ``convert`` does, and count the keys of records that can hold a class.

    Args:
        destination: What takes the images.
        sources: As for ``convert``.
        out: As for ``convert``.
        options: How.
        keys: Where keys are counted, or None.
        overwrite: As for ``convert``.
        progress: As for ``convert``.
        observe: As for ``convert``.
    """
    start = time.perf_counter()
    check_file_type(options.file_type, options.encoding)
    # A library that is missing stops the run here, before anything is read or written.
    get_rasterizer(options.rasterizer).scan((), Size(1, 1))
    out = as_path(out)
    # The workers of a cluster start in other folders.
    paths = [one.absolute() if options.dask else one for one in as_paths(sources)]
    if options.dask and options.dry_run:
        raise OptionError(
            "a dry run writes nothing, and the workers of a Dask cluster share their work in the "
            "output folder",
            hint="leave out --dask or --dry-run",
        )
    progress = progress or _silent
    check_shard(options.shard)
    name = f"{type(destination).__name__} {called(options.shard)}".rstrip()
    folder = OutputFolder(out, run_of(name, paths), anew=overwrite)
    # It is made before the search, which leaves it out.
    with contextlib.nullcontext() if options.dry_run else folder:
        if not options.dry_run:
            check_results(folder, overwrite=overwrite)
        report = _convert(destination, paths, folder, options, keys, progress, observe)
    report.seconds = time.perf_counter() - start
    return report


def _images(options: ConvertOptions) -> PathLike | Sequence[PathLike] | None:
    if not options.dask or options.images is None:
        return options.images
    return [one.absolute() for one in as_paths(options.images)]


def _convert(
    destination: Destination,
    sources: Sequence[Path],
    folder: OutputFolder,
    options: ConvertOptions,
    keys: SourceKeys | None,
    progress: Progress,
    observe: Callable[[ManifestEntry], None],
) -> ConversionReport:
    class_from = options.class_from or (options.classes.class_from if options.classes else "")
    images = _images(options)
    reader = AnnotationReader(
        sources,
        format=options.format,
        images=images,
        allow_outside_images=options.allow_outside_images,
        size=options.size,
        size_mismatch=options.size_mismatch,
        embedded=options.extract_images,
        text_encoding=options.text_encoding,
        mask_values=mask_values(options.classes) if options.classes else None,
        mask_tolerance=options.mask_tolerance,
    )
    with contextlib.ExitStack() as stack:
        # First, so that a wrong address spoils nothing.
        pool = stack.enter_context(WorkerPool(options.workers, loads=_WORK, dask=options.dask))
        workplace = stack.enter_context(folder.workplace()) if options.dask else None
        spool = stack.enter_context(ImageSpool(shared=workplace))
        if workplace is not None:
            pool.share([workplace, *sources, *as_paths(images or ())])
        unlabeled = None if options.unlabeled in ("skip", "error") else options.unlabeled
        count = LabelCount(class_from, options.instances_from, unlabeled)
        # Who looks at images, or counts keys of their records, must see them all.
        ahead = None
        if keys is None and destination.goes_on and pool.workers > 1:
            ahead = reading_ahead(pool, spool, count, progress)
        for read in read_with(reader, ahead):
            destination.look(read)
            if keys is not None:
                keys.add(read)
            spool.append(count.add(read))
            progress("reading", len(spool), None)
        for path in sources:
            if not len(spool) and is_dataset(path):
                raise OptionError(
                    f"{path} is a folder of masks, and holds no annotations",
                    hint="`maskforge inspect` and `maskforge preview` show what is in it",
                )
        _check_keys(count, class_from, options.instances_from, keys)
        classes = options.classes or infer(count.labels, fold_case=options.fold_case)
        if class_from != classes.class_from:
            classes = replace(classes, class_from=class_from)
        check_labels(classes, count.labels)
        check_binary(classes, count.labels, options)
        run = _Run(
            destination,
            sources,
            folder.path,
            options,
            classes,
            reader,
            count.labels,
            progress,
            pool,
        )
        if options.dry_run:
            return run.draw_all(spool, None, observe)
        if options.strict:
            report = run.draw_all(spool, None, _ignore)
            if report.lost:
                return report
        return run.draw_all(spool, folder, observe)


def _check_keys(
    count: LabelCount, class_from: str, instances_from: str, keys: SourceKeys | None
) -> None:
    """Refuse keys that no shape has, if there are shapes."""
    if class_from and count.shapes and not count.labeled:
        raise no_such_key(class_from, keys)
    if instances_from and count.shapes and not count.grouped:
        raise no_such_key(instances_from, keys, "instance")


def _silent(phase: str, done: int, total: int | None) -> None:
    """Report no progress."""


def _ignore(entry: ManifestEntry) -> None:
    """Look at no line of the manifest."""


def _digest(labels: Counter[str]) -> str:
    """Return what tells whether others have read the same."""
    return hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()


def _with_note(image: AnnotatedImage, seen: dict[str, str], claims: Claims) -> AnnotatedImage:
    """Return an image with a note if it was read before, and remember where from."""
    if image.image.file is not None and not claims.is_shared(image.image.file):
        return image
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
        destination: Destination,
        sources: Sequence[Path],
        out: Path,
        options: ConvertOptions,
        classes: ClassMap,
        reader: AnnotationReader,
        labels: Counter[str],
        progress: Progress,
        pool: WorkerPool,
    ) -> None:
        self._destination = destination
        self._sources = sources
        self._out = out
        self._relative = RelativePaths(out)
        self._options = options
        self._classes = classes
        self._ids = {name: id_ for id_, name in classes.names.items()}
        self._reader = reader
        self._labels = labels
        self._progress = progress
        self._pool = pool

    def draw_all(
        self,
        spool: ImageSpool,
        folder: OutputFolder | None,
        observe: Callable[[ManifestEntry], None],
    ) -> ConversionReport:
        """Draw all images, and write their masks if there is a folder for them."""
        if not len(spool):
            folder = None
        chosen = range_of(self._options.shard, len(spool))
        report = ConversionReport(out="", written=folder is not None)
        count_files(report, self._reader.files_read, [*self._reader.issues, *self._notes()])
        writer = None
        if folder is not None:
            shard = self._shard(folder, len(spool), len(chosen), report)
            writer = DatasetWriter(folder, self._classes, shard)
        report.out = named(str(self._out))
        report.shard = "/".join(map(str, self._options.shard or ()))
        counts: dict[str, ClassCount] = {}
        self._destination.begin()
        number = 0
        with writer or contextlib.nullcontext():
            with contextlib.closing(self._drawn(spool, chosen, writer)) as drawn_images:
                for drawn in drawn_images:
                    try:
                        entry = self._taken(number, drawn, report, counts, writer)
                    except BaseException:
                        drop_part([drawn])
                        raise
                    observe(entry)
                    del drawn  # the next masks can take the place of these in memory
                    number += 1
                    self._progress("drawing", number, len(chosen))
            assert number == len(chosen)  # no image is lost between those who read and who draw
            if writer is not None:
                self._destination.end(writer)
        report.classes = list(counts.values())
        return report

    def _shard(
        self, folder: OutputFolder, images: int, count: int, report: ConversionReport
    ) -> ShardRecord | None:
        """Return what a shard knows of the whole run, if it is one."""
        if self._options.shard is None:
            return None
        return shard_record(
            "convert",
            self._options.shard,
            folder.path,
            self._sources,
            settings_of(self._options, self._classes) | {"labels": _digest(self._labels)},
            images,
            count,
            report,
        )

    def _drawn(
        self, spool: ImageSpool, chosen: range, writer: DatasetWriter | None
    ) -> Generator[DrawnImage]:
        """Yield all images as they are drawn, by this process or by others."""
        settings, seen = self._settings(writer), dict[str, str]()
        # Who does not go on looks at the masks.
        if not self._destination.goes_on or not self._pool.is_worth(len(chosen)):
            for number, image in enumerate(itertools.islice(spool, chosen.stop)):
                change = self._change(image, seen)  # of all: each may be a copy of one before
                if number in chosen:
                    beside = self._beside(settings, image, writer)
                    yield from draw_images(beside, [image], [change])
            return
        parts = spool.parts()
        if settings.known:
            known = spool.split() / "known"
            known.write_bytes(pickle.dumps(settings.known))
            settings = replace(settings, known=known)
        if writer is not None:
            aside = spool.split() if self._options.dask else writer.folder_aside()
            settings = replace(settings, aside=aside)
        tasks = self._tasks(settings, parts, chosen, seen)
        with contextlib.closing(self._pool.in_order(draw_part, tasks, drop_part)) as drawn_parts:
            for drawn_part in drawn_parts:
                waiting = deque(drawn_part)
                try:
                    while waiting:
                        yield waiting.popleft()
                finally:
                    drop_part(waiting)

    def _tasks(
        self,
        settings: DrawSettings,
        parts: Iterable[SpooledPart],
        chosen: range,
        seen: dict[str, str],
    ) -> Iterator[DrawTask]:
        """Yield what is to be drawn of each part."""
        start = 0
        for part in parts:
            changes = [self._change(head, seen) for _, head in part.read_heads()]
            first = max(chosen.start - start, 0)
            changes = changes[first : max(chosen.stop - start, 0)]
            if changes:
                yield DrawTask(settings, part, changes, first)
            start += part.count

    def _settings(self, writer: DatasetWriter | None) -> DrawSettings:
        return DrawSettings(
            self._classes,
            self._options,
            digest_of_settings(self._options, self._classes),
            writer.known if writer and self._destination.goes_on else Places(),
            writes=writer is not None,
        )

    def _beside(
        self, settings: DrawSettings, image: AnnotatedImage, writer: DatasetWriter | None
    ) -> DrawSettings:
        """Return the settings for an image; files that are too large to be kept go to a folder."""
        size, most = image.image.size, self._options.tiled_above
        if writer is None or size is None or most is None or size.width * size.height <= most:
            return settings
        return replace(settings, aside=writer.folder_aside())

    def _drawn_again(self, drawn: DrawnImage, writer: DatasetWriter | None) -> DrawnImage:
        settings = self._beside(self._settings(writer), drawn.image, writer)
        return draw_image(settings, drawn.image, drawn.key)

    def _change(self, head: AnnotatedImage, seen: dict[str, str]) -> Change:
        """Return what is known of an image now that all were read.

        Args:
            head: The image; its shapes and findings do not matter.
            seen: Where the images before it were read from.
        """
        bare = replace(head, issues=())
        # Only now it is known who else claims an image that has nothing but the name.
        checked = _with_note(self._reader.claims.checked(bare), seen, self._reader.claims)
        return None if checked is bare else (checked.image, checked.issues)

    def _taken(
        self,
        number: int,
        drawn: DrawnImage,
        report: ConversionReport,
        counts: dict[str, ClassCount],
        writer: DatasetWriter | None,
    ) -> ManifestEntry:
        """Give an image its place, write its files, and count it."""
        image, converted = drawn.image, drawn.converted
        done = writer.recall(drawn.key) if writer and converted is None else None
        if done is not None:
            account = done[0].entry
            converted = ConvertedImage(account.outcome, None, None, account, ())
        elif converted is None:  # its files are gone
            drawn = self._drawn_again(drawn, writer)
            converted = drawn.converted
        assert converted is not None
        place = self._destination.place(number, image, converted)
        if done is not None and place is not None and place.name != done[0].name:
            done = None  # another image has come before it, and has the name now
            drawn = self._drawn_again(drawn, writer)
            assert drawn.converted is not None
            converted = drawn.converted
        count_image(report, converted.entry, place.name if place else image.image.name)
        count_classes(counts, converted.entry, self._ids)
        taken, place = writer if place else None, place or Place("")
        if done is not None:
            files = done[0].files
        else:
            file = None if converted.entry.image is None else image.image.file
            files = {"image": self._relative.of(file)}
            if taken is None:
                drop_part([drawn])
            else:
                files |= taken.write_made(place.name, drawn.files)
        entry = self._placed(converted.entry, image, place, files)
        if self._options.shard is not None:
            named = [one.file for one in converted.entry.issues]
            entry = entry_of_shard(entry, named, (image.folder, image.image.name))
        if taken is not None and done is None:
            taken.add(entry, drawn.key, Account(place.name, files, converted.entry))
        elif taken is not None and done is not None:
            taken.add_recalled(entry, done[1])
        return entry

    def _placed(
        self,
        entry: ManifestEntry,
        image: AnnotatedImage,
        place: Place,
        files: dict[str, str | None],
    ) -> ManifestEntry:
        """Return an entry with its files, and all paths relative to the output folder."""
        twin = place.twin
        if files["image"] is None and twin is not None:
            seen = ("image", "match", "spacing", "patient_digest", "orientation", "upright")
            entry = msgspec.structs.replace(entry, **{one: getattr(twin, one) for one in seen})
            del files["image"]
        source = self._relative.of(image.origin.file) or ""
        issues = [
            msgspec.structs.replace(
                one,
                file=source
                if one.file == entry.source
                else self._relative.of(Path(one.file)) or "",
            )
            for one in entry.issues
        ]
        return msgspec.structs.replace(
            entry, source=source, made=place.made, issues=issues, **files
        )

    def _notes(self) -> Iterator[Issue]:
        """Say what there is to say about the class map and the labels."""
        given = self._options.classes
        if given is not None and given.recognized and given.origin is not None:
            yield Issue(Code.CLASS_FILE, given.recognized, given.origin)
        if not self._labels:
            return
        origin = Origin(self._reader.files_read[0])
        yield from notes_on_spellings(self._labels, origin)
        if given is None:
            yield from notes_on_inferred(self._labels, origin, fold_case=self._classes.fold_case)
