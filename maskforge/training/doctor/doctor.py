"""Looking at a training before it begins, or at one that went wrong."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from maskforge.checks.base import CheckPlace, Survey
from maskforge.checks.check import measure
from maskforge.checks.check_options import CheckOptions
from maskforge.checks.check_report import findings_of
from maskforge.checks.report_folder import draw_findings
from maskforge.checks.subjects import ExampleSubjects
from maskforge.choices import FailOn, Progress, with_keywords
from maskforge.display.page import Items, Section, as_page
from maskforge.errors import DatasetError, MaskforgeError, OptionError
from maskforge.examples.example import ExampleSet
from maskforge.examples.split import Split
from maskforge.examples.splitfile import parts_by_name, parts_of
from maskforge.examples.tables import Table
from maskforge.files import (
    CONFIG,
    DOCTOR_PAGE,
    DOCTOR_REPORT,
    OVERLAYS,
    RECORD,
    PathLike,
    as_path,
    as_source,
    dump_record,
)
from maskforge.images.offset import parse_offset
from maskforge.issues import Origin
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.report_files import EarlierReport, ReportFiles
from maskforge.training.configfile import build_options, read_config, to_document
from maskforge.training.doctor.catalog import DATA_CHECKS, DIAGNOSES
from maskforge.training.doctor.crops import Crops, describe_crops, draw_crops
from maskforge.training.doctor.doctor_report import DoctorReport, installed, summary
from maskforge.training.doctor.machine import look_at_machine
from maskforge.training.doctor.outlook import Outlook
from maskforge.training.doctor.past_run import read_runs, recorded
from maskforge.training.doctor.shrinking import Shrinking
from maskforge.training.doctor.surroundings import problem_of
from maskforge.training.initial_model import InitialModel, take_over
from maskforge.training.plan import TrainPlan, check_options, describe_plan, make_plan
from maskforge.training.splits import choose_splits
from maskforge.training.train import open_data
from maskforge.training.train_options import TrainOptions

_SEVERITIES = ("error", "warning", "note")


class _Earlier(EarlierReport, kw_only=True):
    """An earlier report of the doctor."""

    plan: list[str]
    findings: list[object]


FILES = ReportFiles(record=DOCTOR_REPORT, files=(DOCTOR_PAGE,), folder=OVERLAYS, earlier=_Earlier)


def doctor(
    dataset: PathLike | Table | ExampleSet | None = None,
    run: PathLike | None = None,
    out: PathLike | None = None,
    options: TrainOptions | None = None,
    *,
    fail_on: FailOn = "warning",
    places: int = 12,
    overwrite: bool = False,
    progress: Progress | None = None,
    **keywords: object,
) -> DoctorReport:
    """Say what will go wrong in a training, without training.

    The examples are opened, divided and planned as [`train`][maskforge.train] does it with the same
    options; every image is looked at once, and the crops of the first epoch are drawn. What
    [`check`][maskforge.check] finds and what harms a training is found, too. [What is looked
    for](doctor.md) has a page of its own.

    Args:
        dataset: Images with masks, as for ``train``; or the folder of a run.
        run: Folder of a run, whose options and split are taken, and whose history is looked at.
        out: Folder for the report and its overlays; None writes nothing.
        options: What the training would do; not together with ``run``.
        fail_on: The least severe findings with which the exit code is 1.
        places: Largest number of overlays per kind of finding that are written.
        overwrite: Whether an earlier report in ``out`` may be replaced.
        progress: Called with phase, images done, and their number.
        keywords: Single options by name, as for ``train``.

    Raises:
        OptionError: If options contradict each other, or are given with a run.
        DatasetError: If an image or a mask cannot be used at all.
        ModelError: If the model that the training begins with cannot be used.
        TrainingError: If the run cannot be read.
        OutputExistsError: If ``out`` holds a report and ``overwrite`` is not set.
        OutputError: If a file cannot be written.

    Examples:
        >>> report = mf.doctor("masks", only=["caries"], crop=128, fail_on="error")
        >>> report.exit_code, report.plan[1]
        (0, 'classes: caries 0.53% of the training pixels')
    """
    start = time.monotonic()
    options = with_keywords(TrainOptions, options, keywords)
    shown = with_keywords(CheckOptions, None, {"fail_on": fail_on, "places": places})
    if run is None and isinstance(dataset, (str, os.PathLike)) and _is_run(dataset):
        dataset, run = None, dataset
    folder_of_run = None if run is None else as_source(run)
    options = _options(dataset, folder_of_run, options)
    options, initial = take_over(options)
    check_options(options)
    with contextlib.ExitStack() as opened:
        folder = None
        if out is not None:
            folder = opened.enter_context(OutputFolder(as_path(out)))
            FILES.check(folder, overwrite=overwrite)
        notes: list[str] = []
        given = None if isinstance(dataset, (str, os.PathLike)) else dataset
        examples = open_data(given, options.data, notes.append, progress)
        planned = _plan(options, examples, folder_of_run, initial)
        subjects = ExampleSubjects(examples, parse_offset(options.input.offset))
        outlook = _outlook(options, planned, subjects, folder_of_run, progress)
        report = _report(outlook, planned, examples, shown.fail_on)
        report.run = "" if folder_of_run is None else str(folder_of_run)
        report.notes = list(dict.fromkeys([*notes, *planned.notes]))
        report.seconds = time.monotonic() - start
        if folder is not None:
            report = _write(folder, report, subjects, shown.places, progress)
    return report


def _is_run(path: PathLike) -> bool:
    return isinstance(path, (str, os.PathLike)) and (as_source(path) / RECORD).is_file()


def _options(dataset: object, run: Path | None, options: TrainOptions) -> TrainOptions:
    """Return the options, those of the run if there is one, with the data set that is given.

    Raises:
        OptionError: If options are given with a run.
        TrainingError: If the run cannot be read.
    """
    if run is not None:
        if options != TrainOptions():
            raise OptionError(
                "options are given, and a run, which has its own",
                hint="leave one of the two out",
            )
        read_runs(run)  # before its configuration, whose name is that of many other files
        options = build_options(read_config(run / CONFIG), Origin(run / CONFIG, ""))
        options = replace(options, init=None)  # all that it left to that model is written out
        if dataset is not None:
            data = replace(options.data, dataset=None, images=None, masks=None)
            options = replace(options, data=data)
    if isinstance(dataset, (str, os.PathLike)):
        options = replace(options, data=replace(options.data, dataset=os.fspath(dataset)))
    return build_options(to_document(options))  # every type as in a file


@dataclass(slots=True)
class _Planned:
    """What could be planned.

    Attributes:
        plans: The plans.
        parts: Part of every example.
        problems: What stopped it.
        changed: What is not as in the run.
        notes: What was noticed.
    """

    plans: tuple[TrainPlan, ...] = ()
    parts: dict[str, str] = field(default_factory=dict)
    problems: list[CheckPlace] = field(default_factory=list)
    changed: tuple[CheckPlace, ...] = ()
    notes: tuple[str, ...] = ()


def _plan(
    options: TrainOptions, examples: ExampleSet, run: Path | None, initial: InitialModel | None
) -> _Planned:
    planned = _Planned()
    splits: Sequence[Split] = ()
    try:
        if run is not None:
            splits, planned.changed = recorded(run, examples)
        else:
            splits = choose_splits(options.split, examples, initial)
        planned.parts = parts_by_name(splits)
        planned.notes = tuple(note for split in splits for note in split.notes)
        single = replace(options, split=replace(options.split, folds=0))
        planned.plans = tuple(make_plan(single, examples, split, initial) for split in splits)
    except MaskforgeError as error:
        planned.problems.append(_problem(error))
        if not splits and options.split.file is not None:
            with contextlib.suppress(DatasetError):
                planned.parts = parts_of(options.split.file, examples)
    return planned


def _problem(error: MaskforgeError) -> CheckPlace:
    place = problem_of(error.message, error.hint)
    return place if error.origin is None else msgspec.structs.replace(place, file=str(error.origin))


def _outlook(
    options: TrainOptions,
    planned: _Planned,
    subjects: ExampleSubjects,
    run: Path | None,
    progress: Progress | None,
) -> Outlook:
    plan = planned.plans[0] if planned.plans else None
    shrinking = Shrinking(plan.resize) if plan is not None and plan.resize is not None else None
    measured = measure(subjects, progress, None if shrinking is None else shrinking.look)
    crops: Crops | None = None
    if plan is not None and not subjects.broken:  # what cannot be read is a finding already
        try:
            crops = draw_crops(plan, progress)
        except MaskforgeError as error:
            planned.problems.append(_problem(error))
    return Outlook(
        survey=Survey(
            tuple(measured), subjects.classes, tuple(subjects.broken), dict(planned.parts)
        ),
        plans=planned.plans,
        problems=tuple(planned.problems),
        shrinking=shrinking,
        crops=crops,
        machine=look_at_machine(options),
        runs=() if run is None else read_runs(run),
        changed=planned.changed,
    )


def _report(
    outlook: Outlook, planned: _Planned, examples: ExampleSet, fail_on: FailOn
) -> DoctorReport:
    findings = [*findings_of(DIAGNOSES, outlook), *findings_of(DATA_CHECKS, outlook.survey)]
    return DoctorReport(
        source=examples.source,
        plan=list(_lines(planned.plans, outlook.crops)),
        device=outlook.machine.device,
        packages=list(outlook.machine.packages),
        findings=sorted(findings, key=lambda one: _SEVERITIES.index(one.severity)),
        fail_on=fail_on,
    )


def _lines(plans: Sequence[TrainPlan], crops: Crops | None) -> Iterator[str]:
    for plan in plans[:1]:
        if len(plans) > 1:
            yield f"folds: {len(plans)}; what follows is the first of them"
        yield from describe_plan(plan)
        yield f"steps: {plan.options.epochs} epochs of {len(plan.batches()):,}"
        if crops is not None:
            yield describe_crops(crops, plan)


def _write(
    folder: OutputFolder,
    report: DoctorReport,
    subjects: ExampleSubjects,
    limit: int,
    progress: Progress | None,
) -> DoctorReport:
    """Write overlays and page, and ``doctor.json`` last."""
    FILES.remove_earlier(folder)
    findings, sections = draw_findings(folder, report.findings, subjects, limit, progress)
    report = msgspec.structs.replace(report, findings=findings)
    told = Section("The training", (Items([*report.plan, report.device, *installed(report)]),))
    page = as_page("maskforge doctor", summary(report), [*sections, told])
    folder.write(DOCTOR_PAGE, page)
    report = msgspec.structs.replace(report, digests=dict(folder.digests))
    folder.write(DOCTOR_REPORT, dump_record(report))
    return report
