"""How far people agree who marked the same images."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from maskforge.choices import Progress, with_keywords
from maskforge.dataset.writer import check_results
from maskforge.display.page import Panels
from maskforge.errors import OptionError, shorten
from maskforge.evaluation.agreement.agree_options import AgreeOptions
from maskforge.evaluation.agreement.agreement_files import FILES, write_agreement
from maskforge.evaluation.agreement.agreement_page import agreement_page
from maskforge.evaluation.agreement.agreement_records import DifferingImage
from maskforge.evaluation.agreement.agreement_report import AgreementReport
from maskforge.evaluation.agreement.agreement_summary import Agreed, image_ratings, unit_ratings
from maskforge.evaluation.agreement.consensus import check_method
from maskforge.evaluation.agreement.consensus_set import write_consensus
from maskforge.evaluation.agreement.differing_images import (
    DifferingCase,
    difference_panels,
    draw_differences,
)
from maskforge.evaluation.annotators import Annotated, called, with_annotators
from maskforge.evaluation.comparison import is_model, open_comparison
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.evaluation.gathered import Gathered, gather
from maskforge.evaluation.measures.bootstrap import resampled_weights
from maskforge.evaluation.report.panels import MOST_CASES
from maskforge.evaluation.report.summary import image_rows, possible_samples
from maskforge.evaluation.report.worst import shown_image
from maskforge.evaluation.units.unit_options import check_unit_options, written_units
from maskforge.examples.example import Example
from maskforge.examples.groups import check_grouping, groups_of
from maskforge.files import PathLike, as_path, as_paths, check_new_file, write_given
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.journal import run_of
from maskforge.remote.address import identity


def agree(
    annotators: Sequence[PathLike],
    out: PathLike | None = None,
    options: AgreeOptions | None = None,
    *,
    html: PathLike | None = None,
    consensus: PathLike | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **keywords: Any,  # noqa: ANN401 - the fields of AgreeOptions
) -> AgreementReport:
    """Say how far annotators agree, and make one data set of what they marked.

    Every two are compared as ``evaluate`` compares masks with the truth, but for what one of them
    left void: it counts for nobody. All numbers rest on the images that all have.

    Args:
        annotators: Two or more folders of masks, of one person each: what ``convert`` or
            ``predict`` wrote, or any masks. All but the first may be models, which then need the
            images of the first.
        out: Folder for report, tables and images; None writes nothing.
        options: How; see ``AgreeOptions``.
        html: File for the report as one page for people, of less than 10 MB; None writes none.
        consensus: Folder for a data set of what they marked together; None makes none.
        overwrite: Whether earlier results in ``out``, ``html`` or ``consensus`` may be replaced.
        progress: Called after every image.
        **keywords: Single options by name, such as ``method="staple"``.

    Raises:
        DatasetError: If masks cannot be read, have no class in common, or no image has masks of all
            annotators.
        OptionError: If there are fewer than two annotators, or an option cannot be used.
        OutputExistsError: If there are results already, and ``overwrite`` is not set.
        OutputError: If a file cannot be written.
        MissingDependencyError: If a package that is needed is not installed.

    Examples:
        >>> _ = mf.convert("samples/labelme", "other", classes=mf.open_dataset("masks").classes)
        >>> report = mf.agree(["masks", "other"], bootstrap=0)
        >>> report.images, report.dice, report.pairs[0].classes[0].name
        (4, 1.0, 'dentine')
    """
    start = time.monotonic()
    options = with_keywords(AgreeOptions, options, keywords)
    check_unit_options(options.per_unit)
    check_grouping(options.group_column, options.group_pattern)
    given = isinstance(annotators, (list, tuple))
    if not given or len(annotators) < 2:
        found = ", ".join(map(str, annotators)) if given else annotators
        raise OptionError(
            f"annotators must be two or more folders of masks, found {shorten(found)}",
            hint="name one folder for each annotator",
        )
    sources = as_paths(annotators)
    names = called(sources[0], sources[1:])
    if html is not None:
        if as_path(html).suffix.lower() not in (".html", ".htm"):
            raise OptionError(f"{as_path(html)} must end in .html")
        check_new_file(html, overwrite=overwrite)
    with contextlib.ExitStack() as stack:
        folder = None if out is None else stack.enter_context(OutputFolder(as_path(out)))
        if folder is not None:
            FILES.check(folder, overwrite=overwrite)
        home = _consensus_folder(
            stack, sources, names, consensus, out, options, overwrite=overwrite
        )
        annotated = _opened(sources, names, options, progress)
        task = annotated.task
        gathered = gather(
            task.examples,
            task.sides,
            options.measure,
            progress,
            workers=options.workers,
            units=task.units,
        )
        report, agreed = _report(annotated, gathered, options)
        if home is not None:
            made, problems = write_consensus(home, annotated, gathered.kept, options, progress)
            report = msgspec.structs.replace(
                report,
                consensus=made,
                problems=(*report.problems, *map(str, problems)),
            )
        report = msgspec.structs.replace(report, seconds=time.monotonic() - start)
        return _written(report, agreed, annotated, gathered, options, folder, html)


def _consensus_folder(
    stack: contextlib.ExitStack,
    sources: Sequence[Path],
    names: Sequence[str],
    consensus: PathLike | None,
    out: PathLike | None,
    options: AgreeOptions,
    *,
    overwrite: bool,
) -> OutputFolder | None:
    """Return the folder of the consensus, locked, if one is wanted."""
    if consensus is None:
        return None
    check_method(options.method)
    place = as_path(consensus)
    if out is not None and identity(place) == identity(as_path(out)):
        raise OptionError(
            f"{place} cannot hold both the report and the consensus",
            hint="choose another folder with --consensus",
        )
    if identity(place) in map(identity, sources):
        raise OptionError(
            f"{place} holds masks that are read, and would be replaced",
            hint="choose another folder with --consensus",
        )
    run = run_of(f"agree {' '.join(names)}", sources)
    folder = stack.enter_context(OutputFolder(place, run, anew=overwrite))
    check_results(folder, overwrite=overwrite)
    return folder


def _opened(
    sources: Sequence[Path],
    names: tuple[str, ...],
    options: AgreeOptions,
    progress: Progress | None,
) -> Annotated:
    """Open all annotators, and leave out the images that one of them lacks."""
    chosen = EvaluateOptions(
        part="all",
        measure=options.measure,
        per_unit=options.per_unit,
        classes=options.classes,
        mask_values=options.mask_values,
        partial=options.partial,
        unfinished=options.unfinished,
    )
    first, second, *others = sources
    if is_model(first):
        raise OptionError(
            f"{first} is a model, and the first annotator has to be a folder of masks",
            hint="name it after the masks whose images it shall predict",
        )
    task = open_comparison(second, first, chosen, progress)
    annotated = with_annotators(task, others, names, chosen, progress)
    task = annotated.task
    assert task.raters is not None
    common = [one for one in task.examples if one.name in task.raters.images]
    groups = groups_of(common, options.group_column, options.group_pattern)
    examples = tuple(
        replace(one, group=one.group if group is None else group)
        for one, group in zip(common, groups, strict=True)
    )
    return replace(annotated, task=replace(task, examples=examples))


def _report(
    annotated: Annotated, gathered: Gathered, options: AgreeOptions
) -> tuple[AgreementReport, Agreed]:
    raters = annotated.task.raters
    assert raters is not None
    places = [annotated.task.part.examples.source, annotated.task.prediction]
    groups = [one.group for one in gathered.kept]
    samples, few = possible_samples(groups, options.bootstrap)
    every = np.ones((1, len(groups)), dtype=np.uint16)
    weights = np.concatenate([every, resampled_weights(groups, samples, options.seed)])
    classes = annotated.classes
    names = tuple(classes.names[one] for one in classes.foreground_ids)
    units = annotated.task.units
    ratings = (
        image_ratings(gathered.pairs, len(raters.names))
        if units is None
        else unit_ratings(gathered.ratings, names, units.question.lesion_classes, raters.names)
    )
    agreed = Agreed(
        pairs=gathered.pairs,
        weights=weights,
        ratings=ratings,
        classes=names,
        names=raters.names,
        area=float(np.prod(options.measure.spacing)),
    )
    dice, interval = agreed.overall()
    report = AgreementReport(
        annotators=dict(zip(raters.names, [*places, *annotated.places], strict=True)),
        images=len(gathered.kept),
        unit="image" if units is None else "unit",
        units=len(ratings.positive),
        dice=dice,
        interval=interval,
        classes=agreed.by_class(),
        pairs=agreed.by_pair(),
        rows=agreed.rows([one.name for one in gathered.kept], groups),
        missing=dict(annotated.missing),
        problems=tuple(map(str, gathered.problems)),
        notes=(*annotated.task.notes, *annotated.notes, *few),
        options={
            **asdict(options.measure),
            **({} if units is None else {"per_unit": written_units(options.per_unit)}),
            "bootstrap": options.bootstrap,
            "seed": options.seed,
            "group_column": options.group_column,
            "group_pattern": options.group_pattern,
        },
        versions={
            "maskforge": importlib.metadata.version("maskforge"),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    return report, agreed


def _written(
    report: AgreementReport,
    agreed: Agreed,
    annotated: Annotated,
    gathered: Gathered,
    options: AgreeOptions,
    folder: OutputFolder | None,
    html: PathLike | None,
) -> AgreementReport:
    """Write the report, and draw images for the folder and the page, each opened once."""
    by_name = {one.name: one for one in gathered.kept}
    marked = [row for row in report.rows if row.dice is not None]
    in_folder = [] if folder is None else marked[: options.worst]
    on_page = [] if html is None else marked[: min(options.worst, MOST_CASES)]
    panels: list[Panels] = []

    def cases() -> Iterator[DifferingCase]:
        rows = in_folder if len(in_folder) > len(on_page) else on_page
        for number, row in enumerate(rows):
            case = _case(row, by_name[row.name], annotated)
            if number < len(on_page):
                panels.append(difference_panels(case, agreed.classes, len(on_page)))
            if number < len(in_folder):
                yield case

    drawn = cases()
    if folder is not None:
        classes = annotated.classes
        groups = [one.group for one in gathered.kept]
        rows = [image_rows(one, list(by_name), groups, classes) for one in gathered.pairs]
        report = write_agreement(folder, report, rows, draw_differences(drawn))
    for _ in drawn:
        pass
    if html is not None:
        write_given(html, agreement_page(report, panels))
    return report


def _case(row: DifferingImage, example: Example, annotated: Annotated) -> DifferingCase:
    sides = annotated.task.sides
    assert sides.raters is not None
    truth, predicted = sides.read(example)
    planes = sides.raters.planes(example, truth, predicted.planes)
    image = shown_image(example, planes[0].void.shape)
    return DifferingCase(row, image, planes, sides.raters.names)
