"""Predicting images into a folder of masks, which is a data set like those of ``convert``."""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from maskforge.choices import Progress, with_keywords
from maskforge.dataset.conversion_report import ClassCount
from maskforge.dataset.issue_record import IssueRecord
from maskforge.dataset.manifest import ManifestEntry, relative
from maskforge.dataset.shard import (
    Shard,
    ShardRecord,
    called,
    check_shard,
    range_of,
    shard_record,
)
from maskforge.dataset.shard_entry import entry_of_shard
from maskforge.dataset.writer import (
    Account,
    DatasetWriter,
    check_results,
    digest_of_settings,
    settings_of,
)
from maskforge.display.aliases import named
from maskforge.errors import ModelError, OptionError
from maskforge.files import (
    MASKS,
    OVERLAYS,
    PROBABILITIES,
    RESULT_FOLDERS,
    PathLike,
    as_path,
    as_paths,
    as_text,
)
from maskforge.images.containers.openslide_file import is_for_openslide
from maskforge.images.decoder import read_header
from maskforge.images.page import is_there, split_page
from maskforge.images.patients import identifying_note
from maskforge.issues import Code, Level, Origin
from maskforge.masks.classes import VOID
from maskforge.masks.encoding import Mask, binary_values
from maskforge.masks.maskfile import check_file_type
from maskforge.masks.masknames import MaskNames
from maskforge.outputs.folder import OutputFolder, digest_of
from maskforge.outputs.journal import run_of
from maskforge.prediction.image_list import ImageFile, find_images
from maskforge.prediction.made_prediction import (
    Found,
    MadePrediction,
    in_stack,
    make_prediction,
    write_large,
)
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.model_source import check_again
from maskforge.prediction.outcomes import Outcome, predict_each
from maskforge.prediction.predict_options import PredictOptions
from maskforge.prediction.predicted_part import predict_parts
from maskforge.prediction.prediction_report import PredictionReport
from maskforge.prediction.predictor import SETTLED, Predictor, load_as, settled
from maskforge.prediction.read_ahead import Known, Loaded, read_ahead
from maskforge.prediction.tool_files import ToolFiles
from maskforge.prediction.write_behind import write_behind
from maskforge.processes.worker_pool import WorkerPool
from maskforge.remote.address import identity
from maskforge.shapes import MOST_PIXELS, ImageState, Size

_READERS_OF_JOINED = 4
"""Threads that read images where several go through the network at once, as on a GPU."""


def predict(
    model: PathLike | Predictor,
    sources: PathLike | Sequence[PathLike],
    out: PathLike,
    options: PredictOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    **keywords: object,
) -> PredictionReport:
    """Predict images, and write masks, class map and manifest as ``convert`` does.

    While an image is predicted, the next are read and the last is written; of all others only a
    line of the manifest is kept, on disk. Images are predicted as they are shown, with their EXIF
    orientation applied; those of a data set in the frame of their masks there. Every page of a
    stack is an image; the integer masks of a stack are a TIFF file of as many pages, of which a
    page that could not be predicted is void, and has no mask in the manifest.

    Args:
        model: Folder of the model, or a predictor.
        sources: Images, folders of images, or data sets.
        out: Output folder; made if missing.
        options: How; see ``PredictOptions``.
        overwrite: Whether to replace the results of an earlier run.
        progress: Called after every image.
        keywords: Single options by name, such as ``overlay=True`` or ``tta=True``.

    Returns:
        The account of every image.

    Raises:
        DatasetError: If a data set among the sources cannot be read.
        MissingDependencyError: If the runtime is not installed.
        ModelError: If the model cannot be used.
        OptionError: If options contradict each other, or a source does not exist.
        OutputExistsError: If ``out`` holds results and ``overwrite`` is not set.
        OutputError: If a file cannot be written.

    Examples:
        >>> report = mf.predict("runs/caries", "samples/labelme", "predicted")
        >>> report.images["predicted"], report.images["found"]
        (4, 4)
    """
    options = with_keywords(PredictOptions, options, keywords)
    check_file_type(options.file_type, options.encoding)
    chosen = options.model
    for name in SETTLED:
        if isinstance(model, Predictor) and getattr(chosen, name) != getattr(ModelOptions(), name):
            raise settled(name)
    # The workers of a cluster start in other folders.
    paths = [one.absolute() if options.dask else one for one in as_paths(sources)]
    check_shard(options.shard)
    if options.dask:
        check_again(model)
    if options.dask and options.formats:
        raise OptionError(
            "files of labeling tools are not written by the workers of a Dask cluster",
            hint="leave out --as, and export afterwards: maskforge export",
        )
    if options.shard is not None and options.formats:
        raise OptionError(
            "files of labeling tools are about all images, and a shard has only some of them",
            hint="leave out --as, and export when all shards are joined: maskforge export",
        )
    run = run_of(f"predict {called(options.shard)}".rstrip(), paths)
    # Before the search, which leaves it out.
    with OutputFolder(as_path(out), run, anew=overwrite) as folder:
        also = (*RESULT_FOLDERS, PROBABILITIES, OVERLAYS, *options.formats)
        check_results(folder, overwrite=overwrite, also=also)
        return _predict(model, paths, folder, options, progress)


def _predict(
    model: PathLike | Predictor,
    sources: Sequence[Path],
    folder: OutputFolder,
    options: PredictOptions,
    progress: Progress | None,
) -> PredictionReport:
    chosen = options.model
    out = folder.path
    found = find_images(sources)
    for dataset in found.datasets:
        if identity(out) == identity(dataset):
            raise OptionError(
                f"{out} is the data set itself, whose masks would be replaced",
                hint="choose another folder with --out",
            )
    if not isinstance(model, Predictor):
        model = load_as(model, chosen)
    if options.encoding == "binary":
        binary_values(model.classes.ids)
    _try(model, options)
    start = time.perf_counter()
    tool_files = ToolFiles(folder, model.classes, options)
    run = _Run(model, out, options, tool_files)
    run.report.notes += found.notes
    for file, reason in found.problems:
        run.refuse(file, reason)
    names = [run.name(image) for image in found.images]
    part = _part(options.shard, found.images)
    shard = run.shard(sources, len(names), len(part))
    images = found.images[part.start : part.stop]
    with contextlib.ExitStack() as stack:
        # First, so that a wrong address spoils nothing.
        pool = stack.enter_context(WorkerPool(1, dask=options.dask))
        workplace = stack.enter_context(folder.workplace()) if options.dask else None
        if workplace is not None:
            pool.share([workplace, model.folder.absolute(), *_folders(images)])
        writer = stack.enter_context(DatasetWriter(folder, model.classes, shard))
        recall = partial(run.recall, writer, iter(names[part.start :]))
        entered = (
            run.predict_here(writer, images, recall)
            if workplace is None
            else run.predict_elsewhere(pool, workplace, writer, images, recall)
        )
        stack.enter_context(contextlib.closing(entered))
        for number, _ in enumerate(entered, 1):
            if progress is not None:
                progress("predicting", number, len(part))
        tool_files.finish()
    run.report.exports = tool_files.reports
    run.report.notes += filter(None, [identifying_note(run.identifying)])
    run.report.seconds = time.perf_counter() - start
    return run.report


def _folders(images: Sequence[ImageFile]) -> Iterator[Path]:
    """Yield the folders of images, as far as they are there."""
    folders = dict.fromkeys(one.file.parent for one in images if one.file is not None)
    return filter(Path.is_dir, folders)


def _part(shard: Shard | None, images: Sequence[ImageFile]) -> range:
    """Return which images are predicted: a stack, whose masks are one file, as a whole."""

    def after_stack(number: int) -> int:
        page = images[number].page if number < len(images) else None
        return number if page is None or page.number == 1 else number + page.count + 1 - page.number

    part = range_of(shard, len(images))
    return range(after_stack(part.start), after_stack(part.stop))


def _try(model: Predictor, options: PredictOptions) -> None:
    """Predict a black image, so that what is wrong for all images is said before the first."""
    side = model.description.stride
    try:
        model.predict(np.zeros((side, side), dtype=np.uint8), options.model)
    except MemoryError:
        raise ModelError(
            "there is not enough memory to run it", origin=Origin(model.folder, "")
        ) from None


def _void(loaded: Loaded) -> Mask:
    """Return the mask of a page that could not be predicted."""
    size = Size(1, 1)
    if loaded.image.file is not None:
        with contextlib.suppress(OSError):
            header = read_header(loaded.image.file)
            frame = header.stored if loaded.image.upright is False else header.upright
            size = frame if frame.width * frame.height <= MOST_PIXELS else size
    return np.full((size.height, size.width), VOID, dtype=np.uint8)


class _Run:
    """One prediction: names, counts and the entries of the manifest."""

    def __init__(
        self, model: Predictor, out: Path, options: PredictOptions, tool_files: ToolFiles
    ) -> None:
        self._model = model
        self._tool_files = tool_files
        self._out = out
        self._options = options
        self._names = MaskNames()
        self._stack = ""
        self._source = relative(model.folder, out) or ""
        self._ways: dict[Path, str] = {}
        self._stack_is_done = False
        self._settings = _settings(model, options)
        self._hashed: tuple[Path | None, str] = (None, "")
        self.identifying: dict[str, tuple[str, ...]] = {}
        names = model.classes.names
        limits = model.thresholds(options.model)
        ids = model.description.channel_ids
        self.report = PredictionReport(
            out="",
            model=named(str(model.folder)),
            runtime=model.runtime.name,
            precision=model.runtime.precision,
            thresholds={names[id_]: one for id_, one in zip(ids, limits, strict=True)}
            if limits
            else {},
            post_processing=dict(model.post_processing(options.model)),
            classes=[ClassCount(id_, names[id_]) for id_ in model.classes.ids],
            notes=list(model.runtime.notes),
        )

    def shard(self, sources: Sequence[Path], images: int, count: int) -> ShardRecord | None:
        """Return what a shard knows of the whole run, if it is one."""
        chosen = self._options.shard
        record = None
        if chosen is not None:
            record = shard_record(
                "predict",
                chosen,
                self._out,
                sources,
                {**settings_of(self._options, self._model.classes), "model": self._model_digest()},
                images,
                count,
                self.report,
            )
            self.report.shard = "/".join(map(str, chosen))
        self.report.out = named(str(self._out))
        return record

    def _model_digest(self) -> str:
        """Return a digest of what is known about the model."""
        return hashlib.sha256(msgspec.json.encode(self._model.description)).hexdigest()

    def refuse(self, file: str, reason: str) -> None:
        """Count an image that is not predicted."""
        self.report.problems.append(_refusal(file, reason))

    def predict_here(
        self,
        writer: DatasetWriter,
        images: Sequence[ImageFile],
        recall: Callable[[ImageFile], Known],
    ) -> Generator[None]:
        """Predict images in this process, and yield after each."""
        model, options = self._model, self._options
        window = model.description.scaling.window
        keep = options.probabilities or self._tool_files.scored
        readers = _READERS_OF_JOINED if model.runtime.joined_pixels else 1
        with (
            contextlib.closing(
                read_ahead(images, recall, readers, options.tiled_above, window)
            ) as read,
            contextlib.closing(
                predict_each(
                    model,
                    read,
                    options.model,
                    keep_probabilities=keep,
                    write=partial(write_large, options, writer.folder_aside),
                )
            ) as each,
            contextlib.closing(write_behind(partial(self.add, writer), each)) as written,
        ):
            yield from written

    def predict_elsewhere(
        self,
        pool: WorkerPool,
        workplace: Path,
        writer: DatasetWriter,
        images: Sequence[ImageFile],
        recall: Callable[[ImageFile], Known],
    ) -> Generator[None]:
        """Have other processes predict images, and yield after each."""
        parts = predict_parts(
            pool, self._model, self._options, images, recall, self._out, workplace
        )
        with contextlib.closing(parts) as elsewhere:
            for made in elsewhere:
                self.enter(writer, made)
                yield

    def add(self, writer: DatasetWriter, outcome: Outcome) -> None:
        """Write what is asked for of an image, and enter it into the manifest."""
        self.enter(writer, make_prediction(self._model, self._options, outcome, self._out))

    def enter(self, writer: DatasetWriter, made: MadePrediction) -> None:
        """Put the files of an image in their places, and enter it into the manifest."""
        loaded = made.loaded
        known = loaded.known
        if loaded.identifying:
            self.identifying[str(loaded.image.file)] = loaded.identifying
        if known.account is not None:
            entry = known.account.entry
            self.report.count(entry, "")
            writer.add_recalled(self._listed(entry, loaded), known.files)
            return
        if made.found is None:
            if in_stack(loaded.image, self._options):
                writer.write_page(_stack_of(known.name), _void(loaded))
            entry = self._entry(loaded, None, {}, made.reason)
            self.report.count(entry, _called(loaded))
            writer.add(self._listed(entry, loaded))
            return
        files: dict[str, str] = {}
        if made.page is not None:
            files = writer.write_page(_stack_of(known.name), made.page)
        files |= writer.write_made(known.name, made.files)
        if made.reason:
            self.refuse(str(loaded.image.file), made.reason)
        if made.prediction is not None:
            self._tool_files.add(loaded, known.name, made.prediction)
        if self.report.post_processing and math.prod(made.found.size) > self._options.tiled_above:
            self.report.notes.append(f"{_called(loaded)}: predicted in parts, not post-processed")
        entry = self._entry(loaded, made.found, files)
        self.report.count(entry, "")
        account = Account(known.name, {}, entry) if known.key else None
        writer.add(self._listed(entry, loaded), known.key, account)

    def _listed(self, entry: ManifestEntry, loaded: Loaded) -> ManifestEntry:
        """Return a line of the manifest, or of that of a shard."""
        if self._options.shard is None:
            return entry
        return entry_of_shard(entry, [_called(loaded)] * len(entry.issues))

    def recall(self, writer: DatasetWriter, names: Iterator[str], image: ImageFile) -> Known:
        """Return what is known of the next image, which has the next name."""
        name = next(names)
        key = self._key(image, name)
        if not in_stack(image, self._options):
            return Known(name, key, *(writer.recall(key) or ()))
        assert image.page is not None
        if image.page.number == 1:  # a stack of masks is one file
            pages = range(1, image.page.count + 1)
            keys = (self._key(image, f"{_stack_of(name)}#{page}") for page in pages)
            self._stack_is_done = all(writer.recall(one) for one in keys)
        return Known(name, key, *((self._stack_is_done and writer.recall(key)) or ()))

    def _key(self, image: ImageFile, name: str) -> str:
        """Return a digest of all that the files of an image depend on; empty if nobody knows."""
        if not self._settings or image.file is None:
            return ""
        file, page = split_page(image.file)
        if self._hashed[0] != file:
            digest = ""
            if is_there(file) and not is_for_openslide(file):  # the pixels of these lie beside it
                with contextlib.suppress(OSError):
                    digest = digest_of(file)
            self._hashed = file, digest
        if not self._hashed[1]:
            return ""
        page = None if in_stack(image, self._options) else page  # its number is in the name
        what = (self._settings, self._hashed[1], str(file), page, name, image.upright)
        return hashlib.sha256(repr(what).encode()).hexdigest()

    def name(self, image: ImageFile) -> str:
        """Return the name of the mask of the next image."""
        if not in_stack(image, self._options):
            image = image.alone()
            return self._names.assign(image.folder, image.name)
        assert image.page is not None
        if image.page.number == 1:
            self._stack = self._names.assign(image.folder, image.name, image.page.count)
            self.report.notes.append(
                f"{self._stack} is a stack of {image.page.count} pages, and so are its masks: "
                f"{MASKS}/{self._stack}.tif, whatever the type of file"
            )
        return f"{self._stack}#{image.page.number}"

    def _entry(
        self,
        loaded: Loaded,
        found: Found | None,
        files: dict[str, str],
        reason: str = "",
    ) -> ManifestEntry:
        image = self._relative(loaded.image.file)
        return ManifestEntry(
            match="path",
            image=image,
            mask=files.get("mask"),
            width=found.size.width if found else None,
            height=found.size.height if found else None,
            spacing=loaded.spacing or msgspec.UNSET,
            orientation=loaded.orientation,
            upright=loaded.upright,
            state=found.state if found else ImageState.UNVISITED,
            format="prediction",
            source=self._source,
            pointer="",
            encoding=self._options.encoding,
            pixels=found.pixels if found else {},
            shapes={},
            class_shapes={},
            overlapped_pixels=found.overlapped if found else 0,
            issues=[_refusal(image or loaded.image.name, reason)] if reason else [],
        )

    def _relative(self, file: Path | None) -> str | None:
        """Return the way to an image from the output folder; of each folder it is found once."""
        if file is None:
            return None
        folder = file.parent
        if folder not in self._ways:
            self._ways[folder] = (relative(folder / "_", self._out) or "").removesuffix("_")
        return self._ways[folder] + as_text(file.name)


def _called(loaded: Loaded) -> str:
    """Return how the report calls an image that was refused."""
    return str(loaded.image.file or loaded.image.name)


def _stack_of(name: str) -> str:
    """Return the name of a stack, from that of one of its pages."""
    return name.rpartition("#")[0]


def _settings(model: Predictor, options: PredictOptions) -> str:
    """Return a digest of what the files of all images depend on; empty if nobody knows it.

    Files of labeling tools need the predictions of all images, so no image can be left out.
    """
    description = model.description
    if options.formats or not description.weights_digest:
        return ""
    runtime = (model.runtime.name, model.runtime.precision, model.thresholds(options.model))
    settings = digest_of_settings(options, model.classes).hex()
    return repr((settings, msgspec.json.encode(description), runtime))


def _refusal(file: str, reason: str) -> IssueRecord:
    code = Code.IMAGE_UNREADABLE
    return IssueRecord(
        code=str(code),
        level=Level.REFUSED,
        scope=code.scope,
        file=file,
        pointer="",
        message=reason,
    )
