"""Training a network, in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from maskforge.choices import Progress
from maskforge.errors import OptionError, TrainingError, require
from maskforge.examples.example import ExampleSet
from maskforge.examples.sources import open_examples
from maskforge.examples.split import Split, check_leaks, make_folds, make_split
from maskforge.examples.splitfile import read_splits
from maskforge.files import PathLike, as_path
from maskforge.issues import Origin
from maskforge.training.configfile import build_options, read_config
from maskforge.training.plan import check_values, make_plan
from maskforge.training.run_folder import CONFIG, SPLIT, RunRecord, check_run_folder, read_record
from maskforge.training.train_options import DataOptions, SplitOptions, TrainOptions

if TYPE_CHECKING:
    from maskforge.training.loop.run import Job


def train(
    options: TrainOptions,
    out: PathLike,
    *,
    examples: ExampleSet | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    log: Callable[[str], None] | None = None,
) -> RunRecord:
    """Train a network; its folder holds the model and everything about how it came to be.

    Keras is started on the backend that the options name, unless it runs already.

    Args:
        options: What to do.
        out: Folder of the run; it must not exist, or be empty.
        examples: Images with masks; those that ``options.data`` names if None.
        overwrite: Whether an earlier run in that folder is removed.
        progress: Called with phase, images done, and their number.
        log: Takes one line after the other about what is done.

    Returns:
        The record of the run. Its state is ``interrupted`` after Ctrl-C; then the best model so
        far was saved, and :func:`resume_training` can go on.

    Raises:
        OptionError: If options contradict each other, or fit neither examples nor machine.
        DatasetError: If an image or a mask cannot be used.
        TrainingError: If the training cannot begin, or cannot go on.
        OutputExistsError: If the folder is not empty.
        MissingDependencyError: If Keras, its backend or Matplotlib is not installed.

    Example:
        >>> data = mf.DataOptions(dataset="masks", only=("caries",))
        >>> network = mf.NetworkOptions(filters=4, depth=2)
        >>> crops = mf.InputOptions(crop=32, crops_per_image=1)
        >>> options = mf.TrainOptions(data=data, network=network, input=crops, epochs=1)
        >>> mf.train(options, "runs/first").state
        'finished'
    """
    log = log or _nothing_said
    out = as_path(out)
    # In this order, nothing slow is done, and no earlier run removed, for options that cannot work.
    check_values(options)
    check_run_folder(out, overwrite=overwrite)
    require("matplotlib", "maskforge[matplotlib]", "charts")
    if options.tensorboard:
        for package in ("tensorboard", "tensorflow"):
            require(
                package,
                package,
                "logs for TensorBoard",
                otherwise="leave out --tensorboard",
            )
    examples = examples or _open(options.data, log, progress)
    splits = choose_splits(options.split, examples)
    for note in dict.fromkeys(note for split in splits for note in split.notes):
        log(note)
    job = _job(options, out, examples, splits, log, progress)
    from maskforge.training.loop.run import start_run

    return start_run(job)


def resume_training(
    out: PathLike,
    *,
    examples: ExampleSet | None = None,
    progress: Progress | None = None,
    log: Callable[[str], None] | None = None,
) -> RunRecord:
    """Go on with a training that was killed; it ends as if nothing had happened.

    Args:
        out: Folder of the run.
        examples: Images with masks, if they were given to :func:`train`; not one file of them may
            have changed.
        progress: Called with phase, images done, and their number.
        log: Takes one line after the other about what is done.

    Returns:
        The record of the run.

    Raises:
        TrainingError: If there is no run, nothing left to do, or the checkpoint is damaged.
        DatasetError: If the examples are not those of the run.

    Example:
        >>> mf.resume_training("runs/caries")
        Traceback (most recent call last):
            ...
        maskforge.errors.TrainingError: runs/caries: has finished; there is nothing to go on with
    """
    log = log or _nothing_said
    out = as_path(out)
    if read_record(out).state == "finished":
        raise TrainingError("has finished; there is nothing to go on with", origin=Origin(out, ""))
    options = build_options(read_config(out / CONFIG), Origin(out / CONFIG, ""))
    examples = examples or _open(options.data, log, progress)
    splits = read_splits(out / SPLIT, examples)
    job = _job(options, out, examples, splits, log, progress)
    from maskforge.training.loop.run import continue_run

    return continue_run(job)


def _job(
    options: TrainOptions,
    out: Path,
    examples: ExampleSet,
    splits: Sequence[Split],
    log: Callable[[str], None],
    progress: Progress | None,
) -> Job:
    """Plan every split, then start Keras."""
    # Each fold is a run of its own.
    single = replace(options, split=replace(options.split, folds=0)) if splits[1:] else options
    plans = [make_plan(single, examples, split) for split in splits]
    from maskforge.nn import backend

    backend.start(options.backend)
    from maskforge.training.loop.run import Job

    return Job(
        options=options,
        out=out,
        examples=examples,
        splits=splits,
        plans=plans,
        log=log,
        report=progress or _no_progress,
    )


def _open(data: DataOptions, log: Callable[[str], None], progress: Progress | None) -> ExampleSet:
    if data.dataset is None and data.images is None and data.masks is None:
        raise OptionError(
            "there is nothing to train on",
            hint="name a folder that `maskforge convert` wrote, or give --images and --masks",
        )
    examples = open_examples(
        data.dataset,
        images=data.images,
        masks=data.masks,
        image_column=data.image_column,
        mask_column=data.mask_column,
        classes=data.classes,
        mask_values=data.mask_values,
        only=data.only,
        group_column=data.group_column,
        group_pattern=data.group_pattern,
        progress=progress,
    )
    for note in examples.notes:
        log(note)
    return examples


def _nothing_said(line: str) -> None:
    del line


def _no_progress(phase: str, done: int, total: int | None) -> None:
    del phase, done, total


def choose_splits(options: SplitOptions, examples: ExampleSet) -> list[Split]:
    """Divide examples as options say: one split, or one for every fold.

    Raises:
        OptionError: If the examples cannot be divided like that.
        DatasetError: If the split file does not fit the examples, or something is on both sides.
    """
    test, seed, stratify = options.test, options.seed, options.stratify
    if options.file is not None:
        splits = read_splits(Path(options.file), examples)
    elif options.folds:
        splits = make_folds(examples, options.folds, test=test, seed=seed, stratify=stratify)
    else:
        share = options.validation
        splits = [make_split(examples, validation=share, test=test, seed=seed, stratify=stratify)]
    for split in splits:
        check_leaks(examples, split)
    return splits
