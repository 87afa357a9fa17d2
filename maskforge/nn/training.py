"""Training from options to a finished run folder."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import keras

from maskforge.augmentation.options import AugmentOptions
from maskforge.errors import TrainingError
from maskforge.examples.example import ExampleSet
from maskforge.examples.split import Split, check_leaks, make_folds, make_split
from maskforge.examples.splitfile import read_splits, write_split
from maskforge.issues import Origin
from maskforge.maskfile import write_whole
from maskforge.nn.backend import device_report
from maskforge.nn.epochs import Log, Report
from maskforge.nn.finishing import finish
from maskforge.nn.fitting import fit
from maskforge.nn.precision import resolve_precision
from maskforge.training.configfile import dump_config
from maskforge.training.options import TrainOptions
from maskforge.training.plan import TrainPlan, check_values, describe_plan, make_plan
from maskforge.training.runfolder import (
    CHECKPOINT,
    CONFIG,
    RECORD,
    SPLIT,
    RunRecord,
    Scores,
    check_run_folder,
    read_record,
    write_record,
)


def start_run(
    options: TrainOptions,
    out: Path,
    examples: ExampleSet,
    *,
    overwrite: bool,
    log: Log,
    report: Report,
) -> RunRecord:
    """Train as :func:`maskforge.train` does; Keras runs already."""
    check_values(options)
    check_run_folder(out, overwrite=overwrite)
    splits = _split(options, examples)
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    if len(splits) == 1:
        return _run(options, out, examples, splits[0], resume=False, log=log, report=report)
    return _cross_validate(options, out, examples, splits, log, report)


def continue_run(
    options: TrainOptions, out: Path, examples: ExampleSet, *, log: Log, report: Report
) -> RunRecord:
    """Go on as :func:`maskforge.resume_training` does; Keras runs already."""
    record = read_record(out)
    if record.state == "finished":
        raise TrainingError("has finished; there is nothing to go on with", origin=Origin(out, ""))
    splits = read_splits(out / SPLIT, examples)
    if record.folds:
        return _cross_validate(options, out, examples, splits, log, report)
    return _run(options, out, examples, splits[0], resume=True, log=log, report=report)


def _split(options: TrainOptions, examples: ExampleSet) -> list[Split]:
    wanted = options.split
    if wanted.file is not None:
        splits = read_splits(Path(wanted.file), examples)
    elif wanted.folds:
        splits = make_folds(
            examples,
            wanted.folds,
            test=wanted.test,
            seed=wanted.seed,
            stratify=wanted.stratify,
        )
    else:
        splits = [
            make_split(
                examples,
                validation=wanted.validation,
                test=wanted.test,
                seed=wanted.seed,
                stratify=wanted.stratify,
            )
        ]
    for split in splits:
        check_leaks(examples, split)
    return splits


def _cross_validate(
    options: TrainOptions,
    out: Path,
    examples: ExampleSet,
    splits: list[Split],
    log: Log,
    report: Report,
) -> RunRecord:
    """Train once for every fold, and go on where an earlier call was ended."""
    folders = [out / f"fold-{number}" for number in range(1, len(splits) + 1)]
    single = replace(options, split=replace(options.split, folds=0))
    summary = RunRecord(name=out.name, folds=[folder.name for folder in folders])
    write_whole(out / CONFIG, dump_config(options).encode())
    write_split(out / SPLIT, examples, splits)
    write_record(out, summary)
    records = []
    for folder, split in zip(folders, splits, strict=True):
        log(f"{folder.name} of {len(folders)}")
        started = (folder / RECORD).is_file()
        if started and read_record(folder).state == "finished":
            records.append(read_record(folder))
            continue
        resume = (folder / CHECKPOINT).is_file()
        folder.mkdir(exist_ok=True)
        record = _run(single, folder, examples, split, resume=resume, log=log, report=report)
        records.append(record)
        if record.state != "finished":
            break
    first = records[0]
    for name in ("network", "parameters", "augmentation", "head", "loss", "precision", "backend"):
        setattr(summary, name, getattr(first, name))
    summary.classes = first.classes
    summary.state = records[-1].state
    summary.seconds = sum(one.seconds for one in records)
    summary.train = _mean([one.train for one in records])
    summary.validation = _mean([one.validation for one in records])
    summary.warnings = [
        f"{folder.name}: {text}"
        for folder, one in zip(folders, records, strict=False)
        for text in one.warnings
    ]
    write_record(out, summary)
    return summary


def _mean(scores: Sequence[Scores]) -> Scores:
    """Return the mean of scores over the folds in which they are defined."""

    def mean(values: Iterable[float | None]) -> float | None:
        known = [one for one in values if one is not None]
        return statistics.fmean(known) if known else None

    names = dict.fromkeys(name for one in scores for name in one.class_dice)
    return Scores(
        dice=mean(one.dice for one in scores),
        iou=mean(one.iou for one in scores),
        accuracy=mean(one.accuracy for one in scores),
        class_dice={name: mean(one.class_dice.get(name) for one in scores) for name in names},
        class_iou={name: mean(one.class_iou.get(name) for one in scores) for name in names},
    )


def _run(
    options: TrainOptions,
    folder: Path,
    examples: ExampleSet,
    split: Split,
    *,
    resume: bool,
    log: Log,
    report: Report,
) -> RunRecord:
    """Train once."""
    plan = make_plan(options, examples, split)
    policy = resolve_precision(options.precision)
    record = _record(plan, folder, policy)
    if not resume:
        write_whole(folder / CONFIG, dump_config(plan.options).encode())
        write_split(folder / SPLIT, examples, [split])
        write_record(folder, record)
    log(f"{record.backend}, {policy}")
    for line in describe_plan(plan):
        log(line)
    for warning in plan.warnings:
        log(f"warning: {warning}")

    def built(network: keras.Model) -> None:
        record.parameters = network.count_params()
        log(f"network: {record.network}, {record.parameters:,} parameters")

    try:
        fitted = fit(
            plan, folder, policy=policy, resume=resume, log=log, report=report, built=built
        )
    except BaseException as error:
        record.state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        write_record(folder, record)
        raise
    history = fitted.progress.history
    best = fitted.progress.best_epoch
    record.epochs = len(history)
    record.best_epoch = best
    record.train = history[best - 1].train
    record.validation = finish(fitted.network, plan, folder, policy, best)
    record.seconds = fitted.progress.seconds
    record.images_per_second = round(fitted.images_per_second, 2)
    record.warnings = fitted.progress.warnings
    record.state = "interrupted" if fitted.interrupted else "finished"
    write_record(folder, record)
    if not fitted.interrupted:
        (folder / CHECKPOINT).unlink(missing_ok=True)
    return record


def _record(plan: TrainPlan, folder: Path, policy: str) -> RunRecord:
    options = plan.options
    network = options.network
    changed = options.augment != AugmentOptions(preset=options.augment.preset)
    return RunRecord(
        name=folder.name,
        network=network.preset or " + ".join(filter(None, (network.arch, network.encoder))),
        augmentation=options.augment.preset + (" (changed)" if changed else ""),
        head=plan.head,
        loss=options.loss,
        precision=policy,
        backend=device_report(),
        examples={
            "train": len(plan.train),
            "validation": len(plan.validation),
            "test": len(plan.test),
        },
        classes=[plan.classes.names[id_] for id_ in plan.classes.ids],
    )
