"""Labels to look at again: what a model that has not learned from them contradicts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from maskforge.choices import Progress, with_keywords
from maskforge.errors import DatasetError, MaskforgeError
from maskforge.evaluation.comparison import Comparison, open_comparison
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.evaluation.measures.regions import Regions
from maskforge.evaluation.predictions import Predicted
from maskforge.examples.example import ExampleSet
from maskforge.files import PathLike, as_path, as_source
from maskforge.outputs.folder import OutputFolder
from maskforge.review.reliability import reliabilities
from maskforge.review.suspect import Compared, compared
from maskforge.review.suspect_options import SuspectOptions
from maskforge.review.suspect_report import Suspect, SuspectReport
from maskforge.review.suspects_folder import FILES, write_folder


def suspects(
    model: PathLike,
    truth: PathLike | ExampleSet,
    out: PathLike | None = None,
    options: SuspectOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    **keywords: object,
) -> SuspectReport:
    """Find labels that a model contradicts, region by region, and rank them.

    The model must not have learned from them: that of a cross-validation (``--folds``) can judge
    all images of its folds, any other those of its test or validation part.

    Args:
        model: Folder of the model, or of masks that ``predict`` wrote with probabilities.
        truth: Data set, folder with images and masks, or examples.
        out: Folder for a page, a table and ``suspects.json``; None writes nothing.
        options: How; see ``SuspectOptions``.
        overwrite: Whether an earlier report in ``out`` may be replaced.
        progress: Called after every image.
        keywords: Single options by name, such as ``min_size=9``.

    Raises:
        DatasetError: If there is nothing to compare, or there are no probabilities.
        ModelError: If the model cannot be used.
        OptionError: If an option cannot be used.
        OutputExistsError: If ``out`` holds a report and ``overwrite`` is not set.

    Examples:
        >>> report = mf.suspects("runs/caries", "masks", part="all")
        >>> report.images
        8
    """
    start = time.monotonic()
    options = with_keywords(SuspectOptions, options, keywords)
    with contextlib.ExitStack() as opened:
        folder = None
        if out is not None:
            folder = opened.enter_context(OutputFolder(as_path(out)))
            FILES.check(folder, overwrite=overwrite)
        chosen = EvaluateOptions(part=options.part, split=options.split, model=options.model)
        task = open_comparison(as_source(model), truth, chosen, progress)
        report = _report(task, options, progress)
        report.seconds = time.monotonic() - start
        if folder is not None:
            report = write_folder(folder, report, task, options.most)
    return report


def _report(task: Comparison, options: SuspectOptions, progress: Progress | None) -> SuspectReport:
    found: list[tuple[str, Compared]] = []
    problems: list[str] = []
    for number, example in enumerate(task.examples, 1):
        try:
            image, predicted = task.sides.regions(example)
        except MaskforgeError as error:
            problems.append(str(error))
        else:
            regions = _compare(image, predicted, task, options)
            found += ((example.name, one) for one in regions)
        if progress is not None:
            progress("comparing", number, len(task.examples))
    if len(problems) == len(task.examples):
        raise DatasetError(f"none of {len(problems)} images could be compared: {problems[0]}")
    classes = task.shared.classes
    names = [classes.names[id_] for id_ in classes.ids]
    weights = reliabilities([one for _, one in found])
    suspects = [
        Suspect(
            image=image,
            kind=one.kind,
            class_name=names[one.number],
            other=names[one.other] if one.other else "",
            score=round(one.score * weight, 4),
            area=one.area,
            box=one.box,
        )
        for (image, one), weight in zip(found, weights, strict=True)
        if one.score
    ]
    suspects.sort(key=lambda one: (-one.score, one.image, one.box))
    return SuspectReport(
        model=task.prediction,
        truth=task.part.examples.source,
        images=len(task.examples) - len(problems),
        suspects=suspects,
        notes=list(task.notes),
        problems=problems,
    )


def _compare(
    image: Regions, predicted: Predicted, task: Comparison, options: SuspectOptions
) -> Iterator[Compared]:
    if predicted.probabilities is None:
        raise DatasetError(
            f"{task.prediction} has no probabilities, which say how sure a model is",
            hint="name the folder of the model, or predict with --probabilities",
        )
    return compared(
        image,
        predicted.probabilities,
        connectivity=options.connectivity,
        min_size=options.min_size,
        tolerance=options.tolerance,
    )
