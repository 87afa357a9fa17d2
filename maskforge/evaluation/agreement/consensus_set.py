"""The data set of a consensus, like those of ``convert``."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Generator, Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

from maskforge.choices import Encoding, Progress
from maskforge.dataset.manifest import ManifestEntry, RelativePaths
from maskforge.dataset.writer import Account, DatasetWriter
from maskforge.display.aliases import named
from maskforge.errors import MaskforgeError
from maskforge.evaluation.agreement import consensus_mask
from maskforge.evaluation.agreement.agree_options import AgreeOptions
from maskforge.evaluation.agreement.agreement_records import ConsensusReport
from maskforge.evaluation.agreement.consensus import library_of
from maskforge.evaluation.agreement.consensus_mask import (
    ConsensusMask,
    ConsensusTask,
    make_consensus,
)
from maskforge.evaluation.annotators import Annotated
from maskforge.evaluation.predictions import MaskPredictions, Raters
from maskforge.examples.example import Example
from maskforge.examples.mask_folders import has_image
from maskforge.images.decoder import read_header
from maskforge.images.page import split_page
from maskforge.images.patients import patient_digest
from maskforge.masks.classes import BACKGROUND, VOID
from maskforge.masks.classfile import dump_class_map
from maskforge.masks.masknames import MaskNames
from maskforge.outputs.folder import OutputFolder, digest_of
from maskforge.processes.worker_pool import WorkerPool
from maskforge.shapes import ImageState

FORMAT = "consensus"
"""In the manifest, in place of the format of annotation files."""


def write_consensus(
    folder: OutputFolder,
    annotated: Annotated,
    examples: Sequence[Example],
    options: AgreeOptions,
    progress: Progress | None,
) -> tuple[ConsensusReport, list[MaskforgeError]]:
    """Write a consensus of what annotators marked.

    Args:
        folder: Where; locked, and checked for earlier results.
        annotated: Who marked what.
        examples: The images that all have, as the first of them has them.
        options: How.
        progress: Called after every image.

    Returns:
        What was written, and why images are missing.

    Raises:
        OutputError: If a file cannot be written.
    """
    run = _Run(folder, annotated, options)
    problems = []
    with DatasetWriter(folder, annotated.classes) as writer:
        names = [run.name(one) for one in examples]
        keys = list(map(run.key, examples, names))
        known = [writer.recall(one) for one in keys]
        todo = [one for one, done in zip(examples, known, strict=True) if done is None]
        with contextlib.closing(run.made(todo)) as made:
            for number, (example, name, key, done) in enumerate(
                zip(examples, names, keys, known, strict=True), 1
            ):
                if done is not None:
                    account, files = done
                    run.count(account.entry)
                    writer.add_recalled(account.entry, files)
                elif isinstance(result := next(made), MaskforgeError):
                    problems.append(result)
                else:
                    run.add(writer, example, name, key, result)
                if progress is not None:
                    progress("making the consensus", number, len(examples))
    return run.report(), problems


class _Run:
    """One consensus: names, counts and the entries of the manifest."""

    def __init__(self, folder: OutputFolder, annotated: Annotated, options: AgreeOptions) -> None:
        self._annotated = annotated
        self._sides = annotated.task.sides
        self._options = options
        self._folder = folder
        self._paths = RelativePaths(folder.path)
        self._names = MaskNames()
        self._masks = self._void = 0
        self._exclusive = not _overlaps(annotated)
        settings = (
            options.method,
            options.void_where,
            library_of(options.method),
            dump_class_map(annotated.classes).decode(),
            self._exclusive,
        )
        self._settings = repr(settings)

    def made(self, examples: Sequence[Example]) -> Generator[ConsensusMask | MaskforgeError]:
        """Yield the consensus about every image."""
        tasks = (
            ConsensusTask(
                one,
                self._sides.alone(one),
                self._annotated.classes,
                self._options.method,
                self._options.void_where,
                self._exclusive,
            )
            for one in examples
        )
        with WorkerPool(self._options.workers, loads=(consensus_mask.__name__,)) as pool:
            yield from pool.each(make_consensus, tasks, len(examples))

    def key(self, example: Example, name: str) -> str:
        """Return a digest of all that the mask of an image depends on; empty if nobody knows it."""
        predictions = (self._sides.predictions, *self._raters.others)
        masks = [example]
        for one in predictions:
            if not isinstance(one, MaskPredictions):
                return ""
            masks.append(one.partners[example.name])
        parts = [self._settings, name, str(example.image)]
        for mask in masks:
            file, page = split_page(mask.mask)
            try:
                parts += [digest_of(file), repr(page), repr(mask.values), repr(mask.channels)]
            except OSError:
                return ""
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def name(self, example: Example) -> str:
        """Return the name of the mask of the next image."""
        place = PurePosixPath(example.name.replace("#", "-"))
        folder = str(place.parent) if place.parent != PurePosixPath() else ""
        return self._names.assign(folder, f"{place.name}.png")

    def add(
        self,
        writer: DatasetWriter,
        example: Example,
        name: str,
        key: str,
        made: ConsensusMask,
    ) -> None:
        """Write the mask of an image, and enter it into the manifest."""
        files = writer.write_masks(name, "png" if self._exclusive else "npy", made.mask, None)
        entry = self._entry(example, made, files)
        self.count(entry)
        writer.add(entry, key, Account(name, {}, entry) if key else None)

    def count(self, entry: ManifestEntry) -> None:
        """Count a mask."""
        self._masks += 1
        self._void += entry.pixels.get(self._annotated.classes.names[VOID], 0)

    def _entry(
        self, example: Example, made: ConsensusMask, files: Mapping[str, str]
    ) -> ManifestEntry:
        names = self._annotated.classes.names
        marked = set(made.pixels) - {names[BACKGROUND], names[VOID]}
        encoding: Encoding = "integer" if self._exclusive else "multihot"
        is_known = has_image(example)
        orientation, digest = 1, ""
        if is_known:
            with contextlib.suppress(OSError, MaskforgeError):
                header = read_header(example.image)
                orientation, digest = header.orientation, patient_digest(header.patient)
        return ManifestEntry(
            image=self._paths.of(example.image) if is_known else None,
            match="path" if is_known else "none",
            mask=files["mask"],
            width=example.size.width,
            height=example.size.height,
            orientation=orientation,
            upright=example.upright,
            spacing=example.spacing or msgspec.UNSET,
            patient_digest=digest or msgspec.UNSET,
            state=ImageState.ANNOTATED if marked or made.void else ImageState.EMPTY,
            format=FORMAT,
            source=self._paths.of(split_page(example.mask)[0]) or "",
            pointer="",
            outcome="drawn",
            encoding=encoding,
            pixels=made.pixels,
            shapes={},
            class_shapes={},
        )

    @property
    def _raters(self) -> Raters:
        assert self._sides.raters is not None
        return self._sides.raters

    def report(self) -> ConsensusReport:
        """Return what was written."""
        return ConsensusReport(
            out=named(str(self._folder.path)),
            method=self._options.method,
            void_where=self._options.void_where,
            masks=self._masks,
            void_pixels=self._void,
        )


def _overlaps(annotated: Annotated) -> bool:
    """Tell whether masks of somebody can have several classes at a pixel."""
    if len(annotated.classes.foreground_ids) < 2:
        return False
    raters = annotated.task.raters
    assert raters is not None
    examples = [*annotated.task.examples]
    for one in (annotated.task.predictions, *raters.others):
        if isinstance(one, MaskPredictions):
            examples += one.partners.values()
    return any(one.encoding == "multihot" for one in examples)
