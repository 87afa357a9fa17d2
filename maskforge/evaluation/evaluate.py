"""How good a model or a folder of masks is, compared with the truth."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from maskforge.choices import Progress, with_keywords
from maskforge.errors import OptionError, require
from maskforge.evaluation.comparison import Comparison, open_comparison
from maskforge.evaluation.evaluate_options import EvaluateOptions, check_options
from maskforge.evaluation.gathered import Gathered, gather
from maskforge.evaluation.measures.calibration import calibrate
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.report.charts import draw_charts
from maskforge.evaluation.report.evaluation_report import EvaluationReport
from maskforge.evaluation.report.records import Confusion
from maskforge.evaluation.report.report_files import FILES, write_report
from maskforge.evaluation.report.summary import (
    Resampled,
    class_reports,
    group_reports,
    image_rows,
    overall_report,
)
from maskforge.evaluation.report.worst import draw_worst
from maskforge.examples.example import Example, ExampleSet
from maskforge.files import PathLike, as_path, as_source
from maskforge.outputs.folder import OutputFolder
from maskforge.prediction.predictor import Predictor


def evaluate(
    prediction: PathLike | Predictor,
    truth: PathLike | ExampleSet,
    out: PathLike | None = None,
    options: EvaluateOptions | None = None,
    *,
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
        truth: Data set, folder of masks, or examples; a model needs their images.
        out: Folder for report, tables and images; None writes nothing.
        options: How.
        overwrite: Whether an earlier report in ``out`` may be replaced.
        progress: Called after every image.
        **keywords: Single options by name, instead of those in ``options``.

    Raises:
        DatasetError: If there is nothing to compare.
        ModelError: If the model cannot be used.
        OptionError: If an option cannot be used.
        OutputExistsError: If ``out`` holds a report and ``overwrite`` is not set.
        MissingDependencyError: If a package that is needed is not installed.

    Examples:
        >>> report = mf.evaluate("masks", "masks")
        >>> report.overall.foreground["dice"], report.images
        (1.0, 8)
    """
    start = time.monotonic()
    options = with_keywords(EvaluateOptions, options, keywords)
    check_options(options)
    if out is None:
        return _measured(prediction, truth, options, progress, start)[0]
    with OutputFolder(as_path(out)) as folder:
        FILES.check(folder, overwrite=overwrite)
        if options.charts:
            require(
                "matplotlib",
                "maskforge[matplotlib]",
                "charts",
                otherwise="leave the charts out with --no-charts",
            )
        report, worst = _measured(prediction, truth, options, progress, start)
        charts = draw_charts(report) if options.charts else ()
        return write_report(folder, report, itertools.chain(charts, worst))


def _measured(
    prediction: PathLike | Predictor,
    truth: PathLike | ExampleSet,
    options: EvaluateOptions,
    progress: Progress | None,
    start: float,
) -> tuple[EvaluationReport, Iterator[tuple[str, bytes]]]:
    """Return the report, and the worst images, which are drawn only if somebody asks for them."""
    opened = prediction if isinstance(prediction, Predictor) else as_source(prediction)
    task = open_comparison(opened, truth, options, progress)
    _column(task.examples, options.group_column)  # refused before anything is measured
    gathered = gather(task.examples, task.regions, options.measure, progress)
    report = evaluation_report(task, gathered, options, time.monotonic() - start)
    by_name = {one.name: one for one in gathered.kept}
    worst = draw_worst(
        [(row, by_name[row.name]) for row in report.rows[: options.worst]],
        lambda example: task.regions(example)[0],
    )
    return report, worst


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
    groups = [one.group for one in kept]
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
        rows=image_rows(measured, [one.name for one in kept], groups, classes),
        options=_written(options),
        image_score=_image_score(gathered, options.measure),
        notes=(*task.notes, *gathered.notes, *resampled.notes),
        problems=tuple(map(str, gathered.problems)),
        unpaired_truth=task.lonely_truth,
        unpaired_predictions=task.lonely_predictions,
        seconds=seconds,
    )


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
    return {
        **asdict(options.measure),
        "model": asdict(options.model),
        "bootstrap": options.bootstrap,
        "seed": options.seed,
        "split": None if options.split is None else str(options.split),
    }
