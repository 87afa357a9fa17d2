"""Training a network, in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from maskforge.conversion import Progress
from maskforge.errors import MissingDependencyError, OptionError, TrainingError
from maskforge.examples.example import ExampleSet
from maskforge.examples.sources import open_examples
from maskforge.examples.split import Split
from maskforge.examples.splitfile import read_splits
from maskforge.issues import Origin
from maskforge.plotting import require_matplotlib
from maskforge.training.configfile import build_options, read_config
from maskforge.training.options import DataOptions, TrainOptions
from maskforge.training.plan import check_values, make_plan
from maskforge.training.runfolder import CONFIG, SPLIT, RunRecord, check_run_folder, read_record
from maskforge.training.splitting import choose_splits

if TYPE_CHECKING:
    from maskforge.nn.training import Job


def train(
    options: TrainOptions,
    out: str | os.PathLike[str],
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
        examples: Pictures with masks; those that ``options.data`` names if None.
        overwrite: Whether an earlier run in that folder is removed.
        progress: Called with phase, pictures done, and their number.
        log: Takes one line after the other about what is done.

    Returns:
        The record of the run. Its state is ``interrupted`` after Ctrl-C; then the best model so
        far was saved, and :func:`resume_training` can go on.

    Raises:
        OptionError: If options contradict each other, or fit neither examples nor machine.
        DatasetError: If a picture or a mask cannot be used.
        TrainingError: If the training cannot begin, or cannot go on.
        OutputExistsError: If the folder is not empty.
        MissingDependencyError: If Keras, its backend or Matplotlib is not installed.
    """
    log = log or _nothing_said
    out = Path(out)
    # In this order, nothing slow is done, and no earlier run removed, for options that cannot work.
    check_values(options)
    check_run_folder(out, overwrite=overwrite)
    require_matplotlib()
    if options.tensorboard:
        _require_tensorboard()
    examples = examples or _open(options.data, log, progress)
    splits = choose_splits(options.split, examples)
    for note in dict.fromkeys(note for split in splits for note in split.notes):
        log(note)
    job = _job(options, out, examples, splits, log, progress)
    from maskforge.nn.training import start_run

    return start_run(job)


def resume_training(
    out: str | os.PathLike[str],
    *,
    examples: ExampleSet | None = None,
    progress: Progress | None = None,
    log: Callable[[str], None] | None = None,
) -> RunRecord:
    """Go on with a training that was killed; it ends as if nothing had happened.

    Args:
        out: Folder of the run.
        examples: Pictures with masks, if they were given to :func:`train`; not one file of them may
            have changed.
        progress: Called with phase, pictures done, and their number.
        log: Takes one line after the other about what is done.

    Returns:
        The record of the run.

    Raises:
        TrainingError: If there is no run, nothing left to do, or the checkpoint is damaged.
        DatasetError: If the examples are not those of the run.
    """
    log = log or _nothing_said
    out = Path(out)
    if read_record(out).state == "finished":
        raise TrainingError("has finished; there is nothing to go on with", origin=Origin(out, ""))
    options = build_options(read_config(out / CONFIG), Origin(out / CONFIG, ""))
    examples = examples or _open(options.data, log, progress)
    splits = read_splits(out / SPLIT, examples)
    job = _job(options, out, examples, splits, log, progress)
    from maskforge.nn.training import continue_run

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
    from maskforge.nn.training import Job

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


def _require_tensorboard() -> None:
    missing = [name for name in ("tensorboard", "tensorflow") if not find_spec(name)]
    if missing:
        raise MissingDependencyError(
            f"logs for TensorBoard need {' and '.join(missing)}, on every backend of Keras",
            hint=f"install with: pip install {' '.join(missing)}; or leave out --tensorboard",
        )


def _nothing_said(line: str) -> None:
    del line


def _no_progress(phase: str, done: int, total: int | None) -> None:
    del phase, done, total
