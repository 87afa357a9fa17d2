"""How good a model or a folder of masks is, compared with the truth."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from maskforge.choices import Progress
from maskforge.dataset.manifest import is_dataset, open_dataset
from maskforge.errors import OptionError, require
from maskforge.evaluation.evaluate_options import EvaluateOptions, ModelOptions, check_options
from maskforge.evaluation.gathered import Gathered, gather
from maskforge.evaluation.measures.calibration import calibrate
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.regions import Regions, pick, target_planes
from maskforge.evaluation.pairs import SharedClasses, pair, share_classes
from maskforge.evaluation.parts import Part, choose_part
from maskforge.evaluation.predictions import (
    MaskPredictions,
    Predicted,
    Predictions,
    compare,
    example_planes,
    probabilities_folder,
)
from maskforge.evaluation.report.charts import draw_charts
from maskforge.evaluation.report.records import Confusion, EvaluationReport
from maskforge.evaluation.report.report_files import check_target, write_report
from maskforge.evaluation.report.summary import (
    Resampled,
    class_reports,
    group_reports,
    image_rows,
    overall_report,
)
from maskforge.evaluation.report.worst import draw_worst
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.folderpairs import usual_folders
from maskforge.examples.mask_folders import known_classes, open_masks
from maskforge.examples.pixels import read_image
from maskforge.files import RECORD, PathLike
from maskforge.nn.modelfile import DESCRIPTION

if TYPE_CHECKING:
    from maskforge.prediction.predictor import Predictor


def evaluate(
    prediction: PathLike,
    truth: PathLike | ExampleSet,
    *,
    options: EvaluateOptions = EvaluateOptions(),
    out: PathLike | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> EvaluationReport:
    """Compare predictions with the truth, exactly and on whole images.

    Images are read one after the other: the memory does not grow with their number, but for some
    hundred bytes of counts each.

    Args:
        prediction: Folder of a model, or of masks: what ``predict`` or ``convert`` wrote, or any
            folder of mask files. Masks are paired with the truth by name.
        truth: Data set, folder of masks, or examples; a model needs their images.
        options: How.
        out: Folder for report, tables and images; None writes nothing.
        overwrite: Whether an earlier report in ``out`` may be replaced.
        progress: Called after every image.

    Raises:
        DatasetError: If there is nothing to compare.
        ModelError: If the model cannot be used.
        OptionError: If an option cannot be used.
        OutputExistsError: If ``out`` holds a report and ``overwrite`` is not set.
        MissingDependencyError: If a package that is needed is not installed.
    """
    start = time.monotonic()
    check_options(options)
    target = None if out is None else Path(out)
    if target is not None:
        check_target(target, overwrite=overwrite)
        if options.charts:
            require(
                "matplotlib",
                "maskforge[matplotlib]",
                "charts",
                otherwise="leave the charts out with --no-charts",
            )
    task = _open(Path(prediction), truth, options, progress)
    values = _column(task.examples, options.group_column)
    gathered = gather(task.examples, task.regions, options.measure, progress)
    measured, kept = gathered.arrays, gathered.kept
    groups = [one.group for one in kept]
    resampled = Resampled(measured, groups, options.bootstrap, options.seed)
    classes = task.shared.classes
    names = [classes.names[id_] for id_ in classes.ids]
    report = EvaluationReport(
        prediction=str(prediction),
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
        seconds=time.monotonic() - start,
    )
    if target is not None:
        write_report(target, report)
        if options.charts:
            draw_charts(target, report)
        by_name = {one.name: one for one in kept}
        draw_worst(
            target,
            [(row, by_name[row.name]) for row in report.rows[: options.worst]],
            lambda example: task.regions(example)[0],
        )
    return report


@dataclass(frozen=True, slots=True)
class _Task:
    """What is compared with what.

    Attributes:
        part: The images of the truth.
        examples: Those of them that have a prediction.
        shared: The classes.
        predictions: The predictions.
        notes: What has to be known.
        lonely_truth: Names without prediction.
        lonely_predictions: Names without truth.
    """

    part: Part
    examples: tuple[Example, ...]
    shared: SharedClasses
    predictions: Predictions
    notes: tuple[str, ...]
    lonely_truth: tuple[str, ...] = ()
    lonely_predictions: tuple[str, ...] = ()

    def regions(self, example: Example) -> tuple[Regions, Predicted]:
        """Return truth and prediction of an example."""
        truth = example_planes(example, self.part.examples, self.shared.truth)
        predicted = self.predictions.predict(example)
        return compare(example, truth, predicted.planes), predicted


def _open(
    prediction: Path,
    truth: PathLike | ExampleSet,
    options: EvaluateOptions,
    progress: Progress | None,
) -> _Task:
    if (
        prediction.name == DESCRIPTION
        or (prediction / DESCRIPTION).is_file()
        or (prediction / RECORD).is_file()
    ):
        return _open_model(prediction, truth, options, progress)
    if options.model != ModelOptions():
        raise OptionError(
            f"{prediction} is no model, so nothing is predicted: runtime, precision, tile, "
            "overlap, tta, thresholds and batch_size have no effect",
            hint="leave these options out, or name the folder of a model",
        )
    predicted_classes = known_classes(prediction)
    if isinstance(truth, ExampleSet):
        examples = truth
    elif _has_images(Path(truth)):
        from maskforge.examples.sources import open_examples

        examples = open_examples(truth, progress=progress)
    else:
        examples = open_masks(
            Path(truth),
            classes=options.classes or predicted_classes,
            mask_values=options.mask_values,
        )
    part = choose_part(examples, options.part, options.split, None)
    predictions = open_masks(
        prediction,
        classes=options.classes or examples.classes,
        mask_values=options.mask_values,
    )
    shared = share_classes(part.examples.classes, predictions.classes)
    pairing = pair(part.examples, predictions)
    partners = {one.name: partner for one, partner in pairing.pairs}
    probabilities, note = probabilities_folder(prediction, list(partners.values()))
    outside = {one.name for one in examples} - {one.name for one in part.examples}
    return _Task(
        part=part,
        examples=tuple(one for one, _ in pairing.pairs),
        shared=shared,
        predictions=MaskPredictions(predictions, partners, shared.prediction, probabilities),
        notes=_distinct(
            *examples.notes, *predictions.notes, *part.notes, *shared.notes, *pairing.notes, note
        ),
        lonely_truth=pairing.lonely_truth,
        lonely_predictions=tuple(one for one in pairing.lonely_predictions if one not in outside),
    )


def _has_images(truth: Path) -> bool:
    """Tell whether a truth is more than masks: then it can have columns and be drawn."""
    if is_dataset(truth):
        return all(
            item.image_path is not None and item.image_path.is_file()
            for item in open_dataset(truth)
        )
    return truth.is_file() or usual_folders(truth) is not None


def _open_model(
    path: Path,
    truth: PathLike | ExampleSet,
    options: EvaluateOptions,
    progress: Progress | None,
) -> _Task:
    from maskforge.examples.sources import open_examples
    from maskforge.prediction.predictor import Predictor

    predictor = Predictor.load(
        path, runtime=options.model.runtime, precision=options.model.precision
    )
    predictor.thresholds(options.model.thresholds)  # refused now rather than image by image
    if isinstance(truth, ExampleSet):
        examples = truth
    else:
        classes, values = options.classes, options.mask_values
        examples = open_examples(truth, classes=classes, mask_values=values, progress=progress)
    part = choose_part(examples, options.part, options.split, predictor.folder)
    shared = share_classes(part.examples.classes, predictor.classes)
    return _Task(
        part=part,
        examples=part.examples.examples,
        shared=shared,
        predictions=_ModelPredictions(predictor, options.model, shared.prediction),
        notes=_distinct(*examples.notes, *part.notes, *shared.notes),
    )


@dataclass(frozen=True, slots=True)
class _ModelPredictions:
    """What a model predicts, one image at a time."""

    predictor: Predictor
    options: ModelOptions
    numbers: tuple[int, ...]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def predict(self, truth: Example) -> Predicted:
        """Return the prediction for the image of an example.

        Raises:
            DatasetError: If the image cannot be read.
        """
        image = read_image(truth)
        chosen = self.options
        with self.lock:  # not every runtime takes two images at once
            result = self.predictor.predict(
                image,
                tile=chosen.tile,
                overlap=chosen.overlap,
                tta=chosen.tta,
                thresholds=chosen.thresholds,
                batch_size=chosen.batch_size,
            )
        description = self.predictor.description
        classes = len(self.predictor.classes.foreground_ids)
        planes = target_planes(result.target, description.head, classes)
        assert result.probabilities is not None
        first = result.probabilities.shape[-1] - classes
        probabilities = result.probabilities[..., [first + number for number in self.numbers]]
        return Predicted(pick(planes, self.numbers), probabilities)


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


def _distinct(*notes: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, notes)))
