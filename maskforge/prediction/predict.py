"""Predicting images into a folder of masks, which is a data set like those of ``convert``."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from functools import partial, reduce
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

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
from maskforge.errors import DatasetError, ModelError, OptionError
from maskforge.examples.maskvalues import count_values
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
from maskforge.masks.classes import BACKGROUND, VOID
from maskforge.masks.encoding import Mask, binary_values, multi_hot, one_hot
from maskforge.masks.maskfile import check_file_type
from maskforge.masks.masknames import MaskNames
from maskforge.outputs.folder import OutputFolder, digest_of
from maskforge.outputs.journal import run_of
from maskforge.prediction import results
from maskforge.prediction.image_list import ImageFile, find_images
from maskforge.prediction.in_progress import InProgress
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.outcomes import Outcome, predict_each
from maskforge.prediction.predict_options import PredictOptions
from maskforge.prediction.prediction import Prediction
from maskforge.prediction.prediction_report import PredictionReport
from maskforge.prediction.predictor import SETTLED, Predictor, load_as, settled
from maskforge.prediction.read_ahead import Known, Loaded, read_ahead
from maskforge.prediction.tiled_prediction import TiledPrediction
from maskforge.prediction.tiling import Floats
from maskforge.prediction.tool_files import ToolFiles
from maskforge.prediction.write_behind import write_behind
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
    sources = as_paths(sources)
    check_shard(options.shard)
    if options.shard is not None and options.formats:
        raise OptionError(
            "files of labeling tools are about all images, and a shard has only some of them",
            hint="leave out --as, and export when all shards are joined: maskforge export",
        )
    run = run_of(f"predict {called(options.shard)}".rstrip(), sources)
    # Before the search, which leaves it out.
    with OutputFolder(as_path(out), run, anew=overwrite) as folder:
        also = (*RESULT_FOLDERS, PROBABILITIES, OVERLAYS, *options.formats)
        check_results(folder, overwrite=overwrite, also=also)
        return _predict(model, sources, folder, options, progress)


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
    keep = options.probabilities or tool_files.scored
    readers = _READERS_OF_JOINED if model.runtime.joined_pixels else 1
    with (
        DatasetWriter(folder, model.classes, shard) as writer,
        contextlib.closing(
            read_ahead(
                found.images[part.start : part.stop],
                partial(run.recall, writer, iter(names[part.start :])),
                readers,
                options.tiled_above,
                model.description.scaling.window,
            )
        ) as images,
        contextlib.closing(
            predict_each(
                model,
                images,
                chosen,
                keep_probabilities=keep,
                write=partial(run.write_large, writer),
            )
        ) as each,
        contextlib.closing(write_behind(partial(run.add, writer), each)) as written,
    ):
        for number, _ in enumerate(written, 1):
            if progress is not None:
                progress("predicting", number, len(part))
        tool_files.finish()
    run.report.exports = tool_files.reports
    run.report.notes += filter(None, [identifying_note(run.identifying)])
    run.report.seconds = time.perf_counter() - start
    return run.report


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

    def add(self, writer: DatasetWriter, outcome: Outcome) -> None:
        """Write what is asked for of an image, and enter it into the manifest."""
        loaded, prediction, reason = outcome
        known = loaded.known
        if loaded.identifying:
            self.identifying[str(loaded.image.file)] = loaded.identifying
        if known.account is not None:
            entry = known.account.entry
            self.report.count(entry, "")
            writer.add_recalled(self._listed(entry, loaded), known.files)
            return
        if prediction is None:
            if self._in_stack(loaded.image):
                writer.write_page(_stack_of(known.name), _void(loaded))
            entry = self._entry(loaded, None, {}, reason)
            self.report.count(entry, _called(loaded))
            writer.add(self._listed(entry, loaded))
            return
        if isinstance(prediction, TiledPrediction):
            files = writer.write_made(known.name, prediction.files)
        elif self._in_stack(loaded.image):
            files = writer.write_page(_stack_of(known.name), prediction.mask)
        else:
            encoded = self._encoded(prediction)
            palette = self._options.encoding != "binary"
            files = writer.write_masks(
                known.name, self._options.file_type, encoded, None, palette=palette
            )
        if isinstance(prediction, Prediction):  # of a large image there is nothing else
            self._write_others(loaded, prediction, writer)
        entry = self._entry(loaded, prediction, files)
        self.report.count(entry, "")
        account = Account(known.name, {}, entry) if known.key else None
        writer.add(self._listed(entry, loaded), known.key, account)

    def _write_others(self, loaded: Loaded, prediction: Prediction, writer: DatasetWriter) -> None:
        """Write what is asked for beside the mask."""
        if self._options.probabilities:
            assert prediction.probabilities is not None
            results.write_probabilities(writer, loaded.known.name, prediction.probabilities)
        if self._options.overlay:
            self._write_overlay(loaded, prediction, writer)
        self._tool_files.add(loaded, loaded.known.name, prediction)

    def write_large(
        self, writer: DatasetWriter, progress: InProgress, results: Iterator[Floats]
    ) -> TiledPrediction:
        """Write the mask of a large image, and nothing else of it.

        Raises:
            DatasetError: If something else is asked for.
        """
        options = self._options
        others = options.probabilities or options.overlay or options.formats
        if others or options.encoding not in ("integer", "binary"):
            raise DatasetError(
                "it is so large that it is predicted in parts, as an integer or binary mask alone: "
                "no channels, probabilities, overlays, or files of labeling tools"
            )
        return progress.write(
            results, writer.folder_aside(), encoding=options.encoding, pyramid=options.pyramid
        )

    def _listed(self, entry: ManifestEntry, loaded: Loaded) -> ManifestEntry:
        """Return a line of the manifest, or of that of a shard."""
        if self._options.shard is None:
            return entry
        return entry_of_shard(entry, [_called(loaded)] * len(entry.issues))

    def recall(self, writer: DatasetWriter, names: Iterator[str], image: ImageFile) -> Known:
        """Return what is known of the next image, which has the next name."""
        name = next(names)
        key = self._key(image, name)
        if not self._in_stack(image):
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
        page = None if self._in_stack(image) else page  # its number is in the name
        what = (self._settings, self._hashed[1], str(file), page, name, image.upright)
        return hashlib.sha256(repr(what).encode()).hexdigest()

    def _in_stack(self, image: ImageFile) -> bool:
        """Tell whether the mask of an image becomes a page of a stack."""
        options = self._options
        is_integer = options.encoding == "integer" and options.file_type != "npy"
        return is_integer and image.page is not None

    def name(self, image: ImageFile) -> str:
        """Return the name of the mask of the next image."""
        if not self._in_stack(image):
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

    def _encoded(self, prediction: Prediction) -> NDArray[np.uint8] | Mask:
        classes, encoding = self._model.classes, self._options.encoding
        if encoding == "binary":
            return np.where(prediction.mask != BACKGROUND, np.uint8(VOID), np.uint8(BACKGROUND))
        if encoding == "onehot":
            return one_hot(prediction.mask, classes.ids)
        if encoding == "multihot" and self._model.description.head == "sigmoid":
            return prediction.target
        if encoding == "multihot":
            return multi_hot(prediction.mask, classes.foreground_ids)
        return prediction.mask

    def _write_overlay(self, loaded: Loaded, prediction: Prediction, writer: DatasetWriter) -> None:
        try:
            results.write_overlay(writer, loaded.known.name, prediction)
        except MemoryError:
            reason = "is predicted, but cannot be shown: there is not enough memory"
            self.refuse(str(loaded.image.file), reason)

    def _pixels(self, prediction: Prediction | TiledPrediction) -> tuple[dict[str, int], int]:
        """Return the pixels per class name, the background last, and those of several classes."""
        if isinstance(prediction, TiledPrediction):
            names = self._model.classes.names
            pixels = {names[id_]: one for id_, one in prediction.pixels.items()}
            return pixels, prediction.overlapped
        target = prediction.target
        channels = reduce(np.add, np.moveaxis(target, -1, 0)) if target.ndim == 3 else None
        if channels is not None and self._options.encoding == "multihot":
            ids = self._model.description.channel_ids
            of_channels = target.sum(axis=(0, 1), dtype=np.int64)
            counts = {id_: int(one) for id_, one in zip(ids, of_channels, strict=True) if one}
            counts[BACKGROUND] = int((channels == 0).sum())
        else:
            counts = count_values(prediction.mask)
            counts[BACKGROUND] = counts.pop(BACKGROUND, 0)
        overlapped = 0 if channels is None else int((channels > 1).sum())
        return {self._model.classes.names[id_]: one for id_, one in counts.items()}, overlapped

    def _entry(
        self,
        loaded: Loaded,
        prediction: Prediction | TiledPrediction | None,
        files: dict[str, str],
        reason: str = "",
    ) -> ManifestEntry:
        size = None
        pixels: dict[str, int] = {}
        overlapped = 0
        state = ImageState.UNVISITED
        if prediction is not None:
            pixels, overlapped = self._pixels(prediction)
            if isinstance(prediction, TiledPrediction):
                size, found = prediction.size, any(list(prediction.pixels.values())[:-1])
            else:
                size = Size(prediction.mask.shape[1], prediction.mask.shape[0])
                found = bool(prediction.target.any())
            state = ImageState.ANNOTATED if found else ImageState.EMPTY
        image = self._relative(loaded.image.file)
        return ManifestEntry(
            match="path",
            image=image,
            mask=files.get("mask"),
            width=size.width if size else None,
            height=size.height if size else None,
            spacing=loaded.spacing or msgspec.UNSET,
            orientation=loaded.orientation,
            upright=loaded.upright,
            state=state,
            format="prediction",
            source=self._source,
            pointer="",
            encoding=self._options.encoding,
            pixels=pixels,
            shapes={},
            class_shapes={},
            overlapped_pixels=overlapped,
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
