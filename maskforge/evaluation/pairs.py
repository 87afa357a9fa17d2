"""Which prediction belongs to which truth, and which classes they share."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TypeAlias

from maskforge.errors import DatasetError, listing
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.mask_folders import has_image
from maskforge.images.pair_names import bare_name
from maskforge.masks.classes import BACKGROUND, ClassMap

_Key: TypeAlias = Callable[[Example], str | None]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Truths and predictions.

    Attributes:
        pairs: Truth and prediction, in the order of the truth.
        lonely_truth: Names of truths without prediction.
        lonely_predictions: Names of predictions without truth.
        notes: How they were paired, if not by name.
    """

    pairs: tuple[tuple[Example, Example], ...]
    lonely_truth: tuple[str, ...]
    lonely_predictions: tuple[str, ...]
    notes: tuple[str, ...]


def pair(truth: ExampleSet, predictions: ExampleSet) -> Pairing:
    """Pair truth and predictions: by name, else by their image, else by parts of the name.

    These are the name without words such as ``_mask``, and the file name alone. An image or part of
    a name decides only where it is unique on both sides.

    Raises:
        DatasetError: If nothing can be paired.
    """
    found: dict[str, Example] = {}
    notes = []
    left, right = list(truth), list(predictions)
    for key, what in (
        (_name, ""),
        (_image, "by their image"),
        (_bare, "by their name without words such as _mask"),
        (_base, "by their file name"),
        (_bare_base, "by their file name without words such as _mask"),
    ):
        truth_keys, keys = (_unique(side, key) for side in (left, right))
        matched = {truth_keys[one].name: keys[one] for one in truth_keys.keys() & keys.keys()}
        if matched and what:
            notes.append(f"{len(matched)} masks of other names were paired {what}")
        found |= matched
        used = {one.name for one in matched.values()}
        left = [one for one in left if one.name not in matched]
        right = [one for one in right if one.name not in used]
    if not found:
        raise DatasetError(
            f"no mask of {predictions.source} has the name of one of {truth.source} "
            f"({len(predictions)} and {len(truth)} masks; for instance "
            f"{predictions.examples[0].name!r} and {truth.examples[0].name!r})",
            hint="masks of truth and prediction must have equal names, suffixes aside",
        )
    return Pairing(
        tuple((one, found[one.name]) for one in truth if one.name in found),
        tuple(one.name for one in left),
        tuple(one.name for one in right),
        tuple(notes),
    )


def _name(example: Example) -> str | None:
    return example.name


def _image(example: Example) -> str | None:
    return os.path.realpath(example.image) if has_image(example) else None


def _bare(example: Example) -> str | None:
    return bare_name(example.name)


def _base(example: Example) -> str | None:
    return PurePosixPath(example.name).name


def _bare_base(example: Example) -> str | None:
    return PurePosixPath(bare_name(example.name)).name


def _unique(side: Sequence[Example], key: _Key) -> dict[str, Example]:
    keyed = [(one, value) for one in side if (value := key(one)) is not None]
    counts = Counter(value for _, value in keyed)
    return {value: one for one, value in keyed if counts[value] == 1}


@dataclass(frozen=True, slots=True)
class SharedClasses:
    """The classes that truth and prediction have in common.

    Attributes:
        classes: Them, with the ids of the truth.
        truth: The number of each among the foreground classes of the truth.
        prediction: Likewise of the prediction.
        notes: What was left out.
    """

    classes: ClassMap
    truth: tuple[int, ...]
    prediction: tuple[int, ...]
    notes: tuple[str, ...]


def share_classes(truth: ClassMap, prediction: ClassMap) -> SharedClasses:
    """Find the classes of equal name; two single classes are the same whatever their names.

    Raises:
        DatasetError: If there are none.
    """
    names = [truth.names[id_] for id_ in truth.foreground_ids]
    predicted = [prediction.names[id_] for id_ in prediction.foreground_ids]
    notes = []
    if len(names) == len(predicted) == 1 and names != predicted:
        notes.append(f"the class {predicted[0]!r} of the prediction is compared with {names[0]!r}")
        predicted = names
    shared = [name for name in names if name in predicted]
    if not shared:
        raise DatasetError(
            f"truth and prediction have no class in common: {listing(names) or 'none'} and "
            f"{listing(predicted) or 'none'}",
            hint="classes are compared by name: give the class map of masks that have none "
            "with --classes",
        )
    for side, there in (("truth", names), ("prediction", predicted)):
        alone = [name for name in there if name not in shared]
        if alone:
            notes.append(f"classes of the {side} alone count as background: {listing(alone)}")
    kept = tuple(
        one for one in truth.classes if one.id == BACKGROUND or truth.names[one.id] in shared
    )
    return SharedClasses(
        replace(truth, classes=kept),
        tuple(names.index(name) for name in shared),
        tuple(predicted.index(name) for name in shared),
        tuple(notes),
    )
