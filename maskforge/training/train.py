"""Training a network, in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from maskforge.choices import Progress, Tracker, with_keywords
from maskforge.errors import DatasetError, OptionError, TrainingError, require
from maskforge.examples.example import ExampleSet
from maskforge.examples.sources import open_examples
from maskforge.examples.split import Split
from maskforge.examples.splitfile import read_splits
from maskforge.examples.tables import Table
from maskforge.files import CONFIG, PathLike, as_path
from maskforge.issues import Origin
from maskforge.outputs.folder import OutputFolder
from maskforge.remote.address import address_of
from maskforge.shapes import MOST_PIXELS
from maskforge.training.configfile import build_options, read_config, to_document
from maskforge.training.initial_model import InitialModel, check_place, take_over
from maskforge.training.plan import check_options, make_plan
from maskforge.training.run_folder import (
    SPLIT,
    Epoch,
    RunRecord,
    check_run_folder,
    check_run_links,
    read_record,
)
from maskforge.training.splits import choose_splits
from maskforge.training.train_options import DataOptions, TrainOptions

if TYPE_CHECKING:
    from maskforge.training.loop.run import Job

_TRACKED_BY: dict[Tracker, tuple[str, ...]] = {
    "none": (),
    "tensorboard": ("tensorboard", "tensorflow"),
    "mlflow": ("mlflow",),
    "wandb": ("wandb",),
    "trackio": ("trackio",),
}
"""Packages that trackers need."""


def train(
    dataset: PathLike | Table | ExampleSet | None,
    out: PathLike,
    options: TrainOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    log: Callable[[str], None] | None = None,
    **keywords: object,
) -> RunRecord:
    """Train a network; its folder holds the model and everything about how it came to be.

    Keras is started on the backend that the options name, unless it runs already.

    Args:
        dataset: Images with masks: what [`open_examples`][maskforge.open_examples] takes, or what
            it returned. None for those that ``options.data`` names.
        out: Folder of the run; it must not exist, or be empty.
        options: What to do; see ``TrainOptions``.
        overwrite: Whether an earlier run in that folder is removed.
        progress: Called with phase, images done, and their number.
        log: Takes one line after the other about what is done.
        keywords: Single options by name, such as ``epochs=30`` or ``network={"filters": 32}``; what
            no two groups have is found without its group: ``filters=32``.

    Returns:
        The record of the run. Its state is ``interrupted`` after Ctrl-C; then the best model so
        far was saved, and [`resume_training`][maskforge.resume_training] can go on.

    Raises:
        OptionError: If options contradict each other, or fit neither examples nor machine, nor the
            model that the training begins with.
        ModelError: If that model cannot be used.
        DatasetError: If an image or a mask cannot be used.
        TrainingError: If the training cannot begin, or cannot go on.
        OutputExistsError: If the folder is not empty.
        MissingDependencyError: If Keras, its backend or Matplotlib is not installed.

    Examples:
        >>> crops = {"crop": 32, "crops_per_image": 1}
        >>> network = {"filters": 4, "depth": 2}
        >>> record = mf.train(
        ...     "masks", "runs/first", only=["caries"], epochs=1, input=crops, network=network
        ... )
        >>> record.state
        'finished'
    """
    options = with_keywords(TrainOptions, options, keywords)
    if isinstance(dataset, (str, os.PathLike)):
        options = with_keywords(TrainOptions, options, {"dataset": dataset})
    options = build_options(to_document(options))  # every type as in a file
    return begin_training(
        dataset, as_path(out), options, overwrite=overwrite, progress=progress, log=log
    )


def begin_training(
    dataset: PathLike | Table | ExampleSet | None,
    out: Path,
    options: TrainOptions,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    log: Callable[[str], None] | None = None,
    watch: Callable[[Epoch], None] | None = None,
) -> RunRecord:
    """Train as [`train`][maskforge.train] does, and tell somebody who may end it of every epoch.

    Args:
        dataset: As there.
        out: Folder of the run.
        options: What to do, with every type as in a file.
        overwrite: As there.
        progress: As there; it may raise ``TrainingStopped``, too.
        log: As there.
        watch: Called with every epoch that is finished. When it raises ``TrainingStopped``, the
            training ends in good order, without a model; the state of the run is ``stopped``.
    """
    log = log or _nothing_said
    # In this order, nothing slow is done, and no earlier run removed, for options that cannot work.
    options, initial = take_over(options)
    check_options(options)
    check_place(initial, out)
    require("matplotlib", "maskforge[matplotlib]", "charts")
    for package in _TRACKED_BY[options.track]:
        require(package, package, f"logs for {options.track}", otherwise="leave out --track")
    with OutputFolder(out) as folder:
        check_run_folder(folder, overwrite=overwrite)
        examples = open_data(dataset, options.data, log, progress)
        splits = choose_splits(options.split, examples, initial)
        for note in dict.fromkeys(note for split in splits for note in split.notes):
            log(note)
        job = _job(options, out, examples, splits, initial, log, progress, watch)
        from maskforge.training.loop.run import start_run

        return start_run(job)


def _check_open(run: Path) -> None:
    if read_record(run).state == "finished":
        raise TrainingError("has finished; there is nothing to go on with", origin=Origin(run, ""))


def resume_training(
    out: PathLike,
    dataset: PathLike | Table | ExampleSet | None = None,
    *,
    progress: Progress | None = None,
    log: Callable[[str], None] | None = None,
) -> RunRecord:
    """Go on with a training that was killed; it ends as if nothing had happened.

    Args:
        out: Folder of the run.
        dataset: Images with masks, if they were given to [`train`][maskforge.train] as a data frame
            or as examples; not one file of them may have changed. None for those that the run
            names.
        progress: Called with phase, images done, and their number.
        log: Takes one line after the other about what is done.

    Returns:
        The record of the run.

    Raises:
        TrainingError: If there is no run, nothing left to do, or the checkpoint is damaged.
        DatasetError: If the examples are not those of the run.

    Examples:
        >>> mf.resume_training("runs/caries")
        Traceback (most recent call last):
            ...
        maskforge.errors.TrainingError: runs/caries: has finished; there is nothing to go on with
    """
    return continue_training(as_path(out), dataset, progress=progress, log=log)


def continue_training(
    out: Path,
    dataset: PathLike | Table | ExampleSet | None = None,
    *,
    progress: Progress | None = None,
    log: Callable[[str], None] | None = None,
    watch: Callable[[Epoch], None] | None = None,
) -> RunRecord:
    """Go on as [`resume_training`][maskforge.resume_training] does; ``begin_training`` has more.

    Args:
        out: Folder of the run.
        dataset: As there.
        progress: As for ``begin_training``.
        log: As there.
        watch: As for ``begin_training``; it is told of the epochs of earlier sittings first.
    """
    log = log or _nothing_said
    if address_of(out) is None:
        _check_open(out)  # before anything is made there
    with OutputFolder(out) as folder:
        _check_open(out)
        options = build_options(read_config(out / CONFIG), Origin(out / CONFIG, ""))
        options, initial = take_over(options)
        check_run_links(out)
        folder.hold_all()
        examples = open_data(dataset, options.data, log, progress)
        splits = read_splits(out / SPLIT, examples)
        job = _job(options, out, examples, splits, initial, log, progress, watch)
        from maskforge.training.loop.run import continue_run

        return continue_run(job)


def _job(
    options: TrainOptions,
    out: Path,
    examples: ExampleSet,
    splits: Sequence[Split],
    initial: InitialModel | None,
    log: Callable[[str], None],
    progress: Progress | None,
    watch: Callable[[Epoch], None] | None,
) -> Job:
    """Plan every split, then start Keras."""
    # Each fold is a run of its own.
    single = replace(options, split=replace(options.split, folds=0)) if splits[1:] else options
    plans = [make_plan(single, examples, split, initial) for split in splits]
    from maskforge.nn import backend
    from maskforge.nn.devices import devices_used

    backend.start(options.backend)
    devices_used(options.devices, options.batch_size)  # refused before an earlier run is removed
    from maskforge.training.loop.run import Job

    return Job(
        options=options,
        out=out,
        examples=examples,
        splits=splits,
        plans=plans,
        log=log,
        report=progress or _no_progress,
        watch=watch or _not_watched,
    )


def open_data(
    dataset: PathLike | Table | ExampleSet | None,
    data: DataOptions,
    log: Callable[[str], None],
    progress: Progress | None,
) -> ExampleSet:
    """Open the examples of a training: those that are given, or else those that options name.

    Raises:
        DatasetError: If an image or a mask cannot be used.
        OptionError: If there are none.
    """
    if isinstance(dataset, ExampleSet):
        _check_sizes(dataset)
        return dataset
    dataset = data.dataset if dataset is None else dataset
    if dataset is None and data.images is None and data.masks is None:
        raise OptionError(
            "there is nothing to train on",
            hint="name a folder that `maskforge convert` wrote, or give --images and --masks",
        )
    reading = {one.name: getattr(data, one.name) for one in fields(data)}
    for name in ("dataset", "hold", "workers"):
        del reading[name]
    examples = open_examples(dataset, **reading, progress=progress)
    for note in examples.notes:
        log(note)
    _check_sizes(examples)
    return examples


def _check_sizes(examples: ExampleSet) -> None:
    """Refuse what would be refused when it is read, in the midst of the training."""
    for one in examples:
        if one.size.width * one.size.height > MOST_PIXELS:
            raise DatasetError(
                f"{one.size} px are more than the {MOST_PIXELS:,} px that can be trained on",
                origin=Origin(one.mask, ""),
                hint="cut the image and its mask into tiles",
            )


def _nothing_said(line: str) -> None:
    del line


def _not_watched(epoch: Epoch) -> None:
    del epoch


def _no_progress(phase: str, done: int, total: int | None) -> None:
    del phase, done, total
