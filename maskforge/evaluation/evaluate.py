"""How good a model or a folder of masks is, compared with the truth."""

from __future__ import annotations

import collections
import contextlib
import datetime
import importlib.metadata
import itertools
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from maskforge.choices import Progress, with_keywords
from maskforge.display.page import Panels
from maskforge.errors import MaskforgeError, OptionError, check_type, require
from maskforge.evaluation.against_annotators import with_annotator_report
from maskforge.evaluation.annotators import called, with_annotators
from maskforge.evaluation.comparison import Comparison, open_comparison
from maskforge.evaluation.evaluate_options import EvaluateOptions, check_options
from maskforge.evaluation.gathered import Gathered, gather
from maskforge.evaluation.measures.calibration import calibrate
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.report.evaluation_report import EvaluationReport
from maskforge.evaluation.report.panels import choose_cases, draw_panels
from maskforge.evaluation.report.records import Confusion, ImageRow
from maskforge.evaluation.report.report_files import FILES, write_report
from maskforge.evaluation.report.report_page import Charts, drawn_charts, report_page
from maskforge.evaluation.report.summary import (
    Resampled,
    class_reports,
    group_reports,
    image_rows,
    overall_report,
)
from maskforge.evaluation.report.unit_report import unit_report
from maskforge.evaluation.report.worst import Case, draw_worst, drawn_step, read_case
from maskforge.evaluation.units.unit_options import written_units
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.statistics import data_digest
from maskforge.files import PathLike, as_path, as_source, check_new_file, write_given
from maskforge.outputs.folder import OutputFolder
from maskforge.prediction.predictor import Predictor


def evaluate(
    prediction: PathLike | Predictor,
    truth: PathLike | ExampleSet | Sequence[PathLike | ExampleSet],
    out: PathLike | None = None,
    options: EvaluateOptions | None = None,
    *,
    html: PathLike | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **keywords: Any,  # noqa: ANN401 - the fields of EvaluateOptions
) -> EvaluationReport:
    """Compare predictions with the truth, exactly and on whole images.

    Images are read one after the other: the memory does not grow with their number, but for some
    hundred bytes of counts each.

    Args:
        prediction: Folder of a model, or the model loaded; or of masks: what ``predict`` or
            ``convert`` wrote, or any folder of mask files. Masks are paired with the truth by name.
        truth: Data set, folder of masks, or examples; a model needs their images. Of several, one
            for each annotator, the first is the truth, and the report says whether the prediction
            differs from them more than they from each other.
        out: Folder for report, tables and images; None writes nothing.
        options: How.
        html: File for the report as one page for people, of less than 10 MB; None writes none.
        overwrite: Whether an earlier report in ``out`` or ``html`` may be replaced.
        progress: Called after every image.
        **keywords: Single options by name, instead of those in ``options``.

    Raises:
        DatasetError: If there is nothing to compare.
        ModelError: If the model cannot be used.
        OptionError: If an option cannot be used.
        OutputExistsError: If ``out`` or ``html`` holds a report and ``overwrite`` is not set.
        MissingDependencyError: If a package that is needed is not installed.

    Examples:
        >>> report = mf.evaluate("masks", "masks", html="report.html")
        >>> report.overall.foreground["dice"], report.images
        (1.0, 8)
    """
    start = time.monotonic()
    options = with_keywords(EvaluateOptions, options, keywords)
    check_options(options)
    page = None if html is None else as_path(html)
    if page is not None:
        if page.suffix.lower() not in (".html", ".htm"):
            raise OptionError(f"{page} must end in .html")
        check_new_file(page, overwrite=overwrite)
    with OutputFolder(as_path(out)) if out is not None else contextlib.nullcontext() as folder:
        if folder is not None:
            FILES.check(folder, overwrite=overwrite)
            if options.charts:
                require(
                    "matplotlib",
                    "maskforge[matplotlib]",
                    "charts",
                    otherwise="leave the charts out with --no-charts",
                )
        report, open_case = _measured(prediction, truth, options, progress, start)
        charts: Charts = "The curves were left out."
        if options.charts and (folder is not None or page is not None):
            charts = drawn_charts(report)
        worst, best = ((), ()) if page is None else choose_cases(report.rows, options.worst)
        in_folder = () if folder is None else report.rows[: options.worst]
        panels: dict[str, Panels] = {}
        cases = _drawn(open_case, in_folder, (*worst, *best), report, panels)
        if folder is not None:
            images = {} if isinstance(charts, str) else charts
            report = write_report(
                folder, report, itertools.chain(images.items(), draw_worst(cases))
            )
        collections.deque(cases, maxlen=0)
        if html is not None:
            shown = ([panels[row.name] for row in rows] for rows in (worst, best))
            write_given(html, report_page(report, charts, *shown))
    return report


def _drawn(
    open_case: Callable[[ImageRow], Case],
    in_folder: Sequence[ImageRow],
    on_page: Sequence[ImageRow],
    report: EvaluationReport,
    panels: dict[str, Panels],
) -> Iterator[Case]:
    """Yield images for the folder, and draw those for the page on the way, each opened once."""
    names = [one.name for one in report.classes[:-1]]
    wanted = {row.name for row in on_page}
    rows = {row.name: row for row in (*in_folder, *on_page)}
    for number, row in enumerate(rows.values()):
        case = open_case(row)
        if row.name in wanted:
            panels[row.name] = draw_panels(case, names, len(on_page))
        if number < len(in_folder):
            yield case


def _measured(
    prediction: PathLike | Predictor,
    truth: PathLike | ExampleSet | Sequence[PathLike | ExampleSet],
    options: EvaluateOptions,
    progress: Progress | None,
    start: float,
) -> tuple[EvaluationReport, Callable[[ImageRow], Case]]:
    """Return the report, and what opens an image of it to be drawn."""
    opened = prediction if isinstance(prediction, Predictor) else as_source(prediction)
    first, others = _annotators(truth)
    names = called(first, others)
    task = open_comparison(opened, first, options, progress)
    _column(task.examples, options.group_column)  # refused before anything is measured
    annotated = None
    if others:
        raters = (names[0], "the prediction", *names[1:])
        annotated = with_annotators(task, others, raters, options, progress)
        task = annotated.task
    gathered = gather(
        task.examples,
        task.sides,
        options.measure,
        progress,
        workers=options.workers,
        dask=options.dask,
        units=task.units,
    )
    report = evaluation_report(task, gathered, options, time.monotonic() - start)
    if annotated is not None:
        report = with_annotator_report(report, annotated, gathered, options)
    by_name = {one.name: one for one in gathered.kept}

    def open_case(row: ImageRow) -> Case:
        example = by_name[row.name]
        step = drawn_step(example.size) if task.sides.bands(example) else 1
        return read_case(row, example, task.sides.regions(example, step=step)[0], step)

    return report, open_case


def _annotators(
    truth: PathLike | ExampleSet | Sequence[PathLike | ExampleSet],
) -> tuple[PathLike | ExampleSet, list[PathLike]]:
    """Return the truth, which is that of the first annotator, and the masks of others."""
    if isinstance(truth, (str, os.PathLike, ExampleSet)) or not isinstance(truth, Sequence):
        return truth, []
    if not truth:
        raise OptionError("there is no truth to compare with")
    for one in truth[1:]:
        check_type("truth of further annotators", one, str, os.PathLike)
    return truth[0], [one for one in truth[1:] if not isinstance(one, ExampleSet)]


def evaluation_report(
    task: Comparison, gathered: Gathered, options: EvaluateOptions, seconds: float
) -> EvaluationReport:
    """Return the report of what was measured.

    Args:
        task: What was compared with what.
        gathered: What was measured.
        options: How.
        seconds: How long it took.

    Raises:
        OptionError: If the truth has no such column as a group is made of.
    """
    values = _column(task.examples, options.group_column)
    measured, kept = gathered.arrays, gathered.kept
    image_names, groups = [one.name for one in kept], [one.group for one in kept]
    resampled = Resampled(measured, groups, options.bootstrap, options.seed)
    classes = task.shared.classes
    names = [classes.names[id_] for id_ in classes.ids]
    return EvaluationReport(
        prediction=str(task.prediction),
        truth=task.part.examples.source,
        part=task.part.name,
        images=len(kept),
        classes=class_reports(
            measured,
            classes,
            resampled,
            {} if gathered.histogram is None else calibrate(gathered.histogram, names[1:]),
            gathered.by_threshold,
        ),
        overall=overall_report(measured, resampled),
        confusion=None
        if gathered.matrix is None
        else Confusion(names=tuple(names), pixels=tuple(map(tuple, gathered.matrix.tolist()))),
        group_column=options.group_column,
        groups=group_reports(measured, [values[one.name] for one in kept], classes)
        if options.group_column
        else (),
        units=None
        if task.units is None
        else unit_report(
            task.units.question, gathered.units, image_names, groups, resampled.weights
        ),
        rows=image_rows(measured, image_names, groups, classes),
        options=_written(options),
        image_score=_image_score(gathered, options.measure),
        notes=(*task.notes, *gathered.notes, *resampled.notes),
        problems=tuple(map(str, gathered.problems)),
        unpaired_truth=task.lonely_truth,
        unpaired_predictions=task.lonely_predictions,
        data_digest=_digest(kept),
        model_digest=task.model_digest,
        versions={
            "maskforge": importlib.metadata.version("maskforge"),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seconds=seconds,
    )


def _digest(examples: Sequence[Example]) -> str:
    """Return the SHA-256 of examples; empty if files have gone that the numbers do not need."""
    try:
        return data_digest(examples)
    except MaskforgeError:
        return ""


def _column(examples: Sequence[Example], column: str | None) -> dict[str, str]:
    """Return the value in a column of every example, by name.

    Raises:
        OptionError: If no example has the column.
    """
    if column is None:
        return {}
    known = set().union(*(one.columns for one in examples))
    if column not in known and not (column == "group" and any(one.group for one in examples)):
        raise OptionError(
            f"the truth has no column {column!r}",
            hint=f"it has {', '.join(sorted(known)) or 'none'}",
        )
    return {one.name: one.columns.get(column, one.group or "") for one in examples}


def _image_score(gathered: Gathered, options: MeasureOptions) -> str:
    if gathered.histogram is None:
        return "share of the pixels that were predicted"
    if options.top_pixels == 1:
        return "largest probability"
    return f"mean of the {options.top_pixels} largest probabilities"


def _written(options: EvaluateOptions) -> dict[str, object]:
    """Return the options as they stand in the report."""
    per_unit = written_units(options.per_unit) if options.per_unit.wanted else {}
    return {
        **asdict(options.measure),
        **({"per_unit": per_unit} if per_unit else {}),
        "model": asdict(options.model),
        "bootstrap": options.bootstrap,
        "seed": options.seed,
        "split": None if options.split is None else str(options.split),
    }
