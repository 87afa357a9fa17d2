"""Several people, or a model and several people, who marked the same images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from maskforge.choices import Progress
from maskforge.display.aliases import named
from maskforge.errors import DatasetError, OptionError, listing
from maskforge.evaluation.comparison import Comparison, open_comparison
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.evaluation.predictions import Raters
from maskforge.evaluation.units.unit_options import UnitOptions
from maskforge.examples.example import ExampleSet
from maskforge.files import PathLike, as_source
from maskforge.masks.classes import BACKGROUND, ClassMap
from maskforge.prediction.model_options import ModelOptions


@dataclass(frozen=True, slots=True)
class Annotated:
    """What they marked.

    Attributes:
        task: The first two of them, with all as raters.
        classes: The classes that all know.
        missing: Per name of a rater, names of images that it lacks and another has.
        notes: What has to be known beside the notes of ``task``.
        places: The folders of those after the first two.
    """

    task: Comparison
    classes: ClassMap
    missing: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]
    places: tuple[str, ...]


def called(first: PathLike | ExampleSet, others: Sequence[PathLike]) -> tuple[str, ...]:
    """Return what annotators are called: the names of their folders, or all of their paths.

    Raises:
        OptionError: If one is given twice.
    """
    source = first.source if isinstance(first, ExampleSet) else first
    given = [named(str(one)) for one in (source, *others)]
    for one, count in Counter(map(str, map(Path, given))).items():
        if count > 1:
            raise OptionError(
                f"{one} is given {count} times", hint="name the masks of different people"
            )
    names = [Path(one).name or one for one in given]
    if len(set(names)) == len(names):
        return tuple(names)
    return tuple(given)


def with_annotators(
    task: Comparison,
    others: Sequence[PathLike],
    names: tuple[str, ...],
    options: EvaluateOptions,
    progress: Progress | None,
) -> Annotated:
    """Add further annotators to a comparison.

    Args:
        task: Truth and prediction: the first two.
        others: Folders of masks of the others.
        names: What all are called.
        options: How the comparison was opened.
        progress: Called after every image.

    Raises:
        DatasetError: If masks cannot be opened, or no image has those of all.
    """
    truth = task.part.examples
    alike = replace(options, model=ModelOptions(), part="all", split=None, per_unit=UnitOptions())
    opened = [open_comparison(as_source(one), truth, alike, progress) for one in others]
    comparisons = [task, *opened]
    ids = [one.shared.classes.ids for one in comparisons]
    common = [one for one in ids[0] if all(one in each for each in ids)]
    if common == [BACKGROUND]:
        raise DatasetError(
            f"{listing(names)} have no class in common",
            hint="classes are compared by name: give the class map of masks that have none "
            "with --classes",
        )
    images = [{one.name for one in each.examples} for each in comparisons]
    shared = frozenset(set.intersection(*images))
    if not shared:
        raise DatasetError(f"no image has a mask of each of {listing(names)}")
    known = task.shared.classes
    classes = replace(known, classes=tuple(one for one in known.classes if one.id in common))
    raters = Raters(
        names,
        tuple(one.predictions for one in opened),
        tuple(_places(one.shared.classes, classes) for one in (task, *comparisons)),
        shared,
    )
    missing = {
        names[0]: tuple(
            dict.fromkeys(name for each in comparisons for name in each.lonely_predictions)
        ),
        **{name: each.lonely_truth for name, each in zip(names[1:], comparisons, strict=True)},
    }
    left_out = [known.names[one] for one in known.foreground_ids if one not in common]
    notes = [
        f"{name}: {note}"
        for name, each in zip(names[2:], opened, strict=True)
        for note in each.notes
        if note not in task.notes
    ]
    if left_out:
        notes.append(f"classes that not all of them know are left out: {listing(left_out)}")
    return Annotated(
        replace(task, raters=raters),
        classes,
        missing,
        tuple(notes),
        tuple(one.prediction for one in opened),
    )


def _places(known: ClassMap, wanted: ClassMap) -> tuple[int, ...]:
    """Return where the classes of a class map are in another, among those of the foreground."""
    return tuple(known.foreground_ids.index(one) for one in wanted.foreground_ids)
