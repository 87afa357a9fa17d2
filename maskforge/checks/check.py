"""Looking for what a careful colleague would look for, before a training."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from maskforge.checks.base import Broken, ImageFacts, Survey
from maskforge.checks.catalog import CHECKS
from maskforge.checks.check_options import CheckOptions
from maskforge.checks.check_report import CheckReport, findings_of
from maskforge.checks.image_facts import facts_of
from maskforge.checks.report_folder import FILES, write_folder
from maskforge.checks.subjects import (
    AnnotationSubjects,
    DatasetSubjects,
    PairSubjects,
    Subject,
    Subjects,
)
from maskforge.choices import Progress, with_keywords
from maskforge.dataset.manifest import is_dataset
from maskforge.dataset.spool import ImageSpool
from maskforge.errors import DatasetError, OptionError, listing
from maskforge.examples.candidate import Candidates
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.folderpairs import usual_folders
from maskforge.examples.sources import find_pairs
from maskforge.examples.splitfile import parts_of
from maskforge.examples.tables import is_table
from maskforge.files import MANIFEST, PathLike, as_path, as_paths, as_source
from maskforge.images.pair_names import MaskName
from maskforge.masks.classes import BACKGROUND
from maskforge.outputs.folder import OutputFolder

_NOT_FOR_DATASETS = (
    *("images", "allow_outside_images", "classes", "class_from", "fold_case"),
    *("mask_values", "mask_name"),
)


def check(
    sources: PathLike | Sequence[PathLike] | None = None,
    out: PathLike | None = None,
    options: CheckOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    **keywords: object,
) -> CheckReport:
    """Look for what looks wrong in annotations, or in images with masks, and change nothing.

    Every image is looked at once, and a few numbers are kept of it, so that the memory does not
    grow with the size of the images. [What is looked for](checks.md) has a page of its own.

    Args:
        sources: Annotation files and folders; or one data set, one folder with ``images/`` and
            ``masks/``, or one table of images and masks. None if ``images`` and ``masks`` are given
            as options.
        out: Folder for the report and its overlays; None writes nothing.
        options: What is checked.
        overwrite: Whether an earlier report in ``out`` may be replaced.
        progress: Called after every image.
        **keywords: Single options, such as ``fail_on="error"``.

    Raises:
        DatasetError: If the data set is malformed, or masks cannot be understood.
        LabelError: If a class map does not know all labels.
        OptionError: If an option cannot be used, or there is nothing to check.
        OutputExistsError: If ``out`` holds a report and ``overwrite`` is not set, or files in the
            place of one that maskforge did not write.
        OutputError: If a file cannot be written.

    Examples:
        >>> report = mf.check("masks", fail_on="error")
        >>> report.images["masked"], report.exit_code
        (8, 0)
    """
    start = time.monotonic()
    options = with_keywords(CheckOptions, options, keywords)
    with contextlib.ExitStack() as opened:
        folder = None
        if out is not None:  # before the search, which leaves it out
            folder = opened.enter_context(OutputFolder(as_path(out)))
            FILES.check(folder, overwrite=overwrite)
        subjects = _open(sources, options, opened, progress)
        report = _report(subjects, options, progress)
        report.seconds = time.monotonic() - start
        if folder is not None:
            report = write_folder(folder, report, subjects, options.places, progress)
    return report


def _report(subjects: Subjects, options: CheckOptions, progress: Progress | None) -> CheckReport:
    measured = measure(subjects, progress)
    if not measured and not subjects.broken:
        raise OptionError(
            f"there is nothing to check in {subjects.title}",
            hint="name annotation files, a data set, or --images DIR and --masks DIR",
        )
    survey = Survey(
        tuple(measured),
        subjects.classes,
        tuple(subjects.broken),
        _parts(measured, subjects, options),
    )
    names = subjects.classes.names
    return CheckReport(
        source=subjects.title,
        images={
            "found": len(subjects),
            "masked": len(survey.masked),
            "aligned": sum(one.alignment is not None for one in measured),
        },
        classes=[names[id_] for id_ in subjects.classes.ids if id_ != BACKGROUND],
        findings=findings_of(CHECKS, survey),
        fail_on=options.fail_on,
    )


def measure(
    subjects: Subjects,
    progress: Progress | None = None,
    look: Callable[[Subject], None] | None = None,
) -> list[ImageFacts]:
    """Return what is kept of every image; those that cannot be measured become broken ones.

    Args:
        subjects: The images.
        progress: Called after every image.
        look: Is given every image while it is in memory.
    """
    measured: list[ImageFacts] = []
    for number, subject in enumerate(subjects.each(), 1):
        if subject is not None:
            try:
                measured.append(facts_of(subject))
                if look is not None:
                    look(subject)
            except MemoryError:
                place = subject.place.saying("there is not enough memory to check it")
                subjects.broken.append(Broken("unreadable", place))
        if progress is not None:
            progress("checking", number, len(subjects))
    return measured


def _open(
    sources: PathLike | Sequence[PathLike] | None,
    options: CheckOptions,
    open_files: contextlib.ExitStack,
    progress: Progress | None,
) -> Subjects:
    if options.masks is not None:
        if sources:
            raise OptionError("a source and a folder of masks are given", hint="give one of them")
        return PairSubjects(_pairs(None, options), options, progress)
    paths = [] if sources is None else as_paths(sources)
    if not paths:
        raise OptionError(
            "there is nothing to check",
            hint="name annotation files, a data set, or --images DIR and --masks DIR",
        )
    paths = [one.parent if one.name == MANIFEST else one for one in map(as_source, paths)]
    if len(paths) == 1 and is_dataset(paths[0]):
        given = [name for name in _NOT_FOR_DATASETS if getattr(options, name)]
        if given:
            raise OptionError(
                f"{listing(given)} cannot be given with a data set",
                hint="its manifest and its classes.json say it",
            )
        return DatasetSubjects(paths[0])
    if any(map(is_dataset, paths)):
        raise OptionError("data sets are checked one at a time")
    if len(paths) == 1 and (pairs := _pairs_of(paths[0], options)) is not None:
        return PairSubjects(pairs, options, progress)
    spool = open_files.enter_context(ImageSpool())
    return AnnotationSubjects(paths, spool, options, progress)


def _pairs_of(path: Path, options: CheckOptions) -> Candidates | None:
    """Return the images and masks of a folder or table; None if it is none of these."""
    columns = (options.image_column, options.mask_column)
    if path.is_dir() and (options.mask_name is not None or usual_folders(path)):
        try:
            return _pairs(path, options)
        except DatasetError:
            if options.mask_name is not None:
                raise
            return None  # annotation files, perhaps, in folders of such names
    if path.is_file() and is_table(path, columns):
        return _pairs(path, options)
    return None


def _pairs(source: Path | None, options: CheckOptions) -> Candidates:
    told = None if options.mask_name is None else MaskName(options.mask_name)
    columns = (options.image_column, options.mask_column)
    if source is not None:
        return find_pairs(source, None, None, columns, told)
    return find_pairs(None, options.images, options.masks, columns, told)


def _parts(
    measured: Sequence[ImageFacts], subjects: Subjects, options: CheckOptions
) -> dict[str, str]:
    """Return the part of the split per name of an image."""
    if options.split is None:
        return {}
    if isinstance(subjects, AnnotationSubjects):
        raise OptionError(
            "a split divides images with masks, and annotations are checked",
            hint="check the data set that was made of them",
        )
    examples = tuple(
        Example(
            name=one.place.name,
            image=Path(one.place.image or one.place.mask or ""),
            mask=Path(one.place.mask or ""),
            size=one.size,
        )
        for one in measured
        if one.size is not None
    )
    return parts_of(options.split, ExampleSet(examples, subjects.classes, subjects.title))
