"""A search for better options of a training: one training after the other."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from maskforge.choices import Progress, with_keywords
from maskforge.errors import OptionError
from maskforge.evaluation.difference import DiceDifference, dice_difference
from maskforge.evaluation.evaluate import evaluate
from maskforge.evaluation.report.evaluation_report import EvaluationReport
from maskforge.examples.example import ExampleSet
from maskforge.examples.split import Split
from maskforge.examples.splitfile import read_split, write_split
from maskforge.examples.statistics import class_pixels
from maskforge.examples.tables import Table
from maskforge.files import CONFIG, PathLike, as_path, dump_record, write_whole
from maskforge.issues import Origin
from maskforge.outputs.folder import OutputFolder
from maskforge.prediction.model_options import ModelOptions
from maskforge.remote.address import address_of
from maskforge.training.configfile import build_options, dump_config, read_config, to_document
from maskforge.training.initial_model import take_over
from maskforge.training.plan import check_options
from maskforge.training.run_folder import SPLIT
from maskforge.training.splits import choose_splits
from maskforge.training.train import open_data
from maskforge.training.train_options import TrainOptions
from maskforge.training.tuning.search import Search
from maskforge.training.tuning.space import (
    Space,
    flat,
    given_values,
    search_space,
    without_large_crops,
    written,
)
from maskforge.training.tuning.study import Study, check_optuna
from maskforge.training.tuning.tune_folder import (
    BEST,
    STUDY,
    begin_folder,
    check_same,
    copy_best,
    trial_folder,
)
from maskforge.training.tuning.tune_options import TuneOptions
from maskforge.training.tuning.tune_report import (
    REPORT,
    TuneReport,
    finished,
    gain,
    verdict,
)


def tune(
    dataset: PathLike | Table | ExampleSet | None,
    out: PathLike,
    options: TuneOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    log: Callable[[str], None] | None = None,
    **keywords: Any,  # noqa: ANN401 - the fields of TuneOptions
) -> TuneReport:
    """Search for better options of a training, within a time or a number of trials.

    Each trial is an ordinary training with the same split; the first one has the options that are
    given. Values are drawn by a tree-structured Parzen estimator (Bergstra et al. 2011), and what
    falls behind is stopped early. At the end the best model and the first one are compared once on
    the test part, if there is one. The same call goes on with a search that was ended.

    Args:
        dataset: Images with masks, as for [`train`][maskforge.train].
        out: Folder of the search; it must not exist, be empty, or hold the search that goes on.
        options: What to do; see ``TuneOptions``.
        overwrite: Whether an earlier search in that folder is removed.
        progress: Called with phase, images done, and their number.
        log: Takes one line after the other about what is done.
        **keywords: Single options by name, such as ``trials=20`` or ``train={"epochs": 30}``.

    Returns:
        The report. Its state is ``interrupted`` after Ctrl-C.

    Raises:
        OptionError: If options contradict each other, or an option cannot be searched; or if they
            are not those of the search that goes on.
        DatasetError: If an image or a mask cannot be used, or has changed since the search began.
        TrainingError: If the training with the given options fails.
        OutputExistsError: If the folder holds something else.
        MissingDependencyError: If Optuna, Keras or its backend is not installed.

    Examples:
        >>> mf.tune("masks", "tuned", train={"only": ["caries"], "epochs": 30})
        Traceback (most recent call last):
            ...
        maskforge.errors.OptionError: nothing says when the search ends
          hint: give it --time 8h, or --trials 50
    """
    began = time.monotonic()
    options = with_keywords(TuneOptions, options, keywords)
    train = options.train
    if isinstance(dataset, (str, os.PathLike)):
        train = with_keywords(TrainOptions, train, {"dataset": dataset})
    train = build_options(to_document(train))  # every type as in a file
    if options.time is None and options.trials is None:
        raise OptionError(
            "nothing says when the search ends", hint="give it --time 8h, or --trials 50"
        )
    if train.split.folds:
        raise OptionError("a search has one split", hint="leave out --folds")
    settled, initial = take_over(train)
    check_options(settled)
    space = search_space(options.search, train)
    check_optuna()
    path = as_path(out)
    if address_of(path) is not None:
        raise OptionError(f"{out} is not a folder of this machine", hint="choose one for --out")
    log = log or _nothing_said
    with OutputFolder(path) as folder:
        begin_folder(folder, overwrite=overwrite)
        if (path / CONFIG).is_file():
            began_with = build_options(read_config(path / CONFIG), Origin(path / CONFIG, ""))
            check_same("a training", _compared(began_with), _compared(train), path)
        examples = open_data(dataset, train.data, log, progress)
        space = without_large_crops(space, max(min(one.size) for one in examples))
        study = Study(
            path / STUDY,
            space,
            given_values(space, settled),
            seed=train.seed,
            startup=options.startup,
            epochs=train.epochs,
        )
        try:
            if not (path / CONFIG).is_file():
                splits = choose_splits(train.split, examples, initial)
                _check_splits(examples, splits)
                write_split(path / SPLIT, examples, splits)
                write_whole(path / CONFIG, dump_config(train).encode())
            split = read_split(path / SPLIT, examples)
            search = Search(
                options=options,
                train=replace(train, split=replace(train.split, file=str(path / SPLIT))),
                folder=path,
                examples=examples,
                study=study,
                began=began - study.seconds,
                log=log,
                progress=progress or _no_progress,
            )
            report = _report(search, space, split)
        finally:
            study.close()
        write_whole(path / REPORT, dump_record(report))
    return report


def _compared(options: TrainOptions) -> dict[str, object]:
    """Return what has to stay as it was; the data are compared by their digests."""
    values = flat(to_document(options))
    return {key: one for key, one in values.items() if not key.startswith("data.")}


def _check_splits(examples: ExampleSet, splits: Sequence[Split]) -> None:
    if splits[1:]:
        raise OptionError("a search has one split", hint="give a split file without folds")
    split = splits[0]
    pixels = class_pixels(examples.subset(split.validation)) if split.validation else {}
    if not any(pixels.get(id_) for id_ in examples.classes.foreground_ids):
        raise OptionError(
            "nothing tells which training is better: the validation examples "
            f"{'have no foreground' if split.validation else 'are missing'}",
            hint="use a larger --validation, or another split",
        )


def _report(search: Search, space: Space, split: Split) -> TuneReport:
    """Go through the trials, and compare the best with the first on the test part."""
    study, folder = search.study, search.folder
    state, note = "interrupted", ""
    test: DiceDifference | None = None
    with contextlib.suppress(KeyboardInterrupt):
        note = search.run()
        best = finished(study.trials())[:1]
        if best:
            copy_best(folder, best[0].number)
        if best and best[0].number and split.test:
            search.log("comparing the best model with the first one on the test part")
            given, after = (
                _tested(one, search) for one in (trial_folder(folder, 0), folder / BEST)
            )
            test = dice_difference(given, after, seed=search.train.seed)
        state = "finished"
    trials = study.trials()
    notes = (note, *(() if test is None else test.notes))
    return TuneReport(
        folder=str(folder),
        state=state,
        space=written(space),
        trials=trials,
        best=next((one.number for one in finished(trials)), None),
        gain=gain(trials),
        test=test,
        verdict=verdict(trials, test, has_test=bool(split.test)),
        seconds=study.seconds,
        notes=tuple(filter(None, notes)),
    )


def _tested(model: Path, search: Search) -> EvaluationReport:
    return evaluate(
        model,
        search.examples,
        part="test",
        split=search.folder / SPLIT,
        bootstrap=0,
        worst=0,
        charts=False,
        model=ModelOptions(runtime="keras"),  # which runs already, and writes nothing
        progress=search.progress,
    )


def _nothing_said(line: str) -> None:
    del line


def _no_progress(phase: str, done: int, total: int | None) -> None:
    del phase, done, total
