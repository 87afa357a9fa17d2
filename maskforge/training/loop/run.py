"""Training from plans to a finished run folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from maskforge.augmentation.augment_options import AugmentOptions
from maskforge.batches.memory import available_memory
from maskforge.examples.example import ExampleSet
from maskforge.examples.split import Split
from maskforge.examples.splitfile import write_split
from maskforge.files import CONFIG, RECORD, write_whole
from maskforge.nn.backend import choice_note, device_report, peak_memory, peak_memory_note
from maskforge.nn.precision import FLOAT32, is_policy, resolve_precision
from maskforge.training.configfile import dump_config
from maskforge.training.fold_summary import describe, summarize
from maskforge.training.loop.checkpoint import Checkpoint, Progress, load_checkpoint
from maskforge.training.loop.epochs import Log, Report, Track
from maskforge.training.loop.finish import finish
from maskforge.training.loop.fit import Fitted, fit
from maskforge.training.loop.trial import choose_policy
from maskforge.training.plan import TrainPlan, describe_plan
from maskforge.training.run_folder import (
    CHECKPOINT,
    HISTORY,
    SPLIT,
    RunRecord,
    TrainingStopped,
    read_record,
    remove_run,
    write_history,
    write_record,
)
from maskforge.training.train_options import TrainOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done, with every question answered that needs no Keras.

    Attributes:
        options: The options.
        out: Folder of the run.
        examples: All examples.
        splits: One, or one for every fold.
        plans: A plan for every split.
        log: Takes lines for people.
        report: Takes phase, images done and images in all.
        watch: Takes every epoch that is finished. It and ``report`` can end the training with
            ``TrainingStopped``.
    """

    options: TrainOptions
    out: Path
    examples: ExampleSet
    splits: Sequence[Split]
    plans: Sequence[TrainPlan]
    log: Log
    report: Report
    watch: Track


def start_run(job: Job) -> RunRecord:
    """Train as ``maskforge.train`` does; Keras runs already."""
    remove_run(job.out)
    if len(job.splits) > 1:
        return _cross_validate(job)
    return _run(job, job.plans[0], job.splits[0], job.out)


def continue_run(job: Job) -> RunRecord:
    """Go on as ``maskforge.resume_training`` does; Keras runs already."""
    if read_record(job.out).folds:
        return _cross_validate(job)
    return _run(job, job.plans[0], job.splits[0], job.out)


def _cross_validate(job: Job) -> RunRecord:
    """Train once for every fold, and go on where an earlier call was ended."""
    folders = [job.out / f"fold-{number}" for number in range(1, len(job.splits) + 1)]
    summary = RunRecord(name=job.out.name, folds=[folder.name for folder in folders])
    write_whole(job.out / CONFIG, dump_config(job.options).encode())
    write_split(job.out / SPLIT, job.examples, job.splits)
    write_record(job.out, summary)
    records: list[RunRecord] = []
    try:
        for folder, plan, split in zip(folders, job.plans, job.splits, strict=True):
            job.log(f"{folder.name} of {len(folders)}")
            if (folder / RECORD).is_file() and read_record(folder).state == "finished":
                job.log("has finished already")
                records.append(read_record(folder))
                continue
            folder.mkdir(exist_ok=True)
            first = records[0].precision if records else ""  # folds are compared with each other
            records.append(_run(job, plan, split, folder, first))
            if records[-1].state != "finished":
                break
        else:
            if reason := describe(job.out, records):
                job.log(f"warning: {reason}")
    except BaseException as error:
        summary.state = _state_after(error)
        raise
    finally:
        if summary.state == "running" and records:
            summary.state = records[-1].state
        summarize(summary, records)
        write_record(job.out, summary)
    return summary


def _run(job: Job, plan: TrainPlan, split: Split, folder: Path, precision: str = "") -> RunRecord:
    """Train once, from the last checkpoint in the folder if there is one.

    Args:
        job: What is to be done.
        plan: The plan.
        split: What it was made of.
        folder: Folder of the run.
        precision: Dtype policy that ``auto`` takes, if it was settled before.
    """
    log = job.log
    before = read_record(folder) if (folder / RECORD).is_file() else None
    policy = _policy(plan, before.precision if before else precision, log)
    record = _record(plan, folder, policy)
    checkpoint = Checkpoint(Progress(warnings=list(plan.warnings)))
    if before is not None:
        if (folder / CHECKPOINT).is_file():
            checkpoint = load_checkpoint(folder / CHECKPOINT)
        checkpoint.progress.seconds = max(checkpoint.progress.seconds, before.seconds)
        done = len(checkpoint.progress.history)
        if done:
            record.init_digest = before.init_digest
            # A kill may have come between the checkpoint and the history.
            write_history(folder / HISTORY, checkpoint.progress.history)
        log(f"going on after epoch {done}" if done else "no epoch was finished: it begins anew")
        for what, now, then in (
            ("precision", record.precision, before.precision),
            ("backend", record.backend, before.backend),
        ):
            if now != then:
                log(f"warning: {what} was {then} and is now {now}: the weights will differ")
    else:
        write_whole(folder / CONFIG, dump_config(plan.options).encode())
        write_split(folder / SPLIT, job.examples, [split])
    write_record(folder, record)
    if plan.options.backend == "auto" and (note := choice_note()):
        log(note)
    log(f"{record.backend}; {policy}; {available_memory() / 1e9:.1f} GB of memory available")
    for line in describe_plan(plan):
        log(line)
    for warning in plan.warnings:
        log(f"warning: {warning}")

    def built(network: keras.Model) -> None:
        record.parameters = network.count_params()
        log(f"network: {record.network}, {record.parameters:,} parameters")

    try:
        fitted = fit(
            plan,
            folder,
            policy=policy,
            checkpoint=checkpoint,
            log=log,
            report=job.report,
            watch=job.watch,
            built=built,
        )
        _finish(record, fitted, plan, folder, checkpoint.progress, log)
    except TrainingStopped:
        record.state = "stopped"
        _note(record, checkpoint.progress)
        write_record(folder, record)
        return record
    except BaseException as error:
        record.state = _state_after(error)
        _note(record, checkpoint.progress)
        write_record(folder, record)
        raise
    write_record(folder, record)
    if not fitted.interrupted:
        (folder / CHECKPOINT).unlink(missing_ok=True)
    held = f"held at most {record.peak_memory / 1e9:.2f} GB{peak_memory_note()}"
    log(held if record.peak_memory else "done")
    return record


def _policy(plan: TrainPlan, began: str, log: Log) -> str:
    """Return the dtype policy: the one in which the training began, unless another is asked for."""
    asked = plan.options.precision
    if asked != "auto" or not is_policy(began):
        return choose_policy(plan, log)
    if began not in (FLOAT32, resolve_precision()):
        log(f"warning: {began}, in which the training began, may be slow on this hardware")
    return began


def _finish(
    record: RunRecord,
    fitted: Fitted,
    plan: TrainPlan,
    folder: Path,
    progress: Progress,
    log: Log,
) -> None:
    began = time.monotonic()
    record.validation, record.post_processing = finish(
        fitted.network, plan, folder, record.precision, progress.best_epoch, log
    )
    progress.seconds += time.monotonic() - began
    _note(record, progress)
    record.images_per_second = round(fitted.images_per_second, 2)
    record.state = "interrupted" if fitted.interrupted else "finished"


def _note(record: RunRecord, progress: Progress) -> None:
    """Take over into the record what the training has come to."""
    record.epochs = len(progress.history)
    record.best_epoch = progress.best_epoch
    if progress.best_epoch:
        record.train = progress.history[progress.best_epoch - 1].train
    record.seconds = progress.seconds
    record.warnings = progress.warnings
    record.peak_memory = peak_memory()


def _state_after(error: BaseException) -> str:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def _record(plan: TrainPlan, folder: Path, policy: str) -> RunRecord:
    options = plan.options
    network = options.network
    changed = options.augment != AugmentOptions(preset=options.augment.preset)
    return RunRecord(
        name=folder.name,
        network=network.preset or " + ".join(filter(None, (network.arch, network.encoder))),
        init=str(plan.initial.folder) if plan.initial else "",
        init_digest=plan.initial.digest if plan.initial else "",
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
