"""Which images a model is evaluated on, and whether it has seen them in training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maskforge.choices import PartName
from maskforge.errors import OptionError, listing
from maskforge.examples.example import ExampleSet
from maskforge.examples.splitfile import SplitRecord, read_split, recorded_split
from maskforge.examples.statistics import data_digest, statistics_of
from maskforge.files import PathLike

SPLIT = "split.json"
_FOLD = "fold "


@dataclass(frozen=True, slots=True)
class Part:
    """The images that are evaluated.

    Attributes:
        name: ``test``, ``validation``, ``train`` or ``all``.
        examples: The images.
        notes: Why these, and what it means.
        folds: Of the model of a cross-validation, by the name of an image, the number of the fold
            whose network has not seen it, from 1; empty if the mean of all networks is meant.
    """

    name: str
    examples: ExampleSet
    notes: tuple[str, ...] = ()
    folds: Mapping[str, int] = field(default_factory=dict)


def choose_part(
    examples: ExampleSet,
    wanted: PartName,
    split: PathLike | None,
    model: Path | None,
    *,
    has_folds: bool = False,
) -> Part:
    """Choose the images that are evaluated.

    Args:
        examples: All images.
        wanted: The part; ``auto`` takes test, else validation, of the split, and all images if
            there is none.
        split: A split file; by default that of the model, if it was made for these images. Its
            folds also count if only the masks are others.
        model: Folder of the model, or None.
        has_folds: Whether the model has a network for every fold.

    Raises:
        OptionError: If a part is wanted and there is no split, or the part is empty.
        DatasetError: If the split file does not belong to the images.
    """
    split = None if split is None else Path(split)
    record = None if model is None else recorded_split(model / SPLIT)
    is_made_for_these = record is not None and _is_made_for(record, examples)
    if split is None and model is not None and is_made_for_these:
        split = model / SPLIT
    if split is None and record is not None and has_folds and wanted in ("auto", "validation"):
        folds = _folds_by_image(examples, record)
        if len(folds) == len(examples):  # its images, with masks of somebody else
            return _out_of_fold(examples, folds)
    if wanted == "all" or split is None:
        if wanted not in ("auto", "all"):
            raise OptionError(
                f"there is no split of which {wanted!r} could be a part",
                hint="give the split file with --split",
            )
        return Part("all", examples, _leak_notes(examples, record))
    if record is not None and _has_folds(record) and split == (model or Path()) / SPLIT:
        tested = [one.name for one in record.examples if one.part == "test"]
        if has_folds and (wanted == "validation" or (wanted == "auto" and not tested)):
            return _out_of_fold(examples, _folds_of(record))
        return _part(examples, "test" if tested else "all", tested, wanted, split, record)
    parts = read_split(split, examples)
    name = wanted if wanted != "auto" else "test" if parts.test else "validation"
    return _part(examples, name, parts.part(name), wanted, split, record)


def _folds_of(record: SplitRecord) -> dict[str, int]:
    """Return the fold of every example that is in one."""
    return {
        one.name: int(one.part.removeprefix(_FOLD)) for one in record.examples if _is_fold(one.part)
    }


def _folds_by_image(examples: ExampleSet, record: SplitRecord) -> dict[str, int]:
    """Return the folds of those examples whose images, by content, are in a single one."""
    folds = _folds_of(record)
    by_digest: dict[str, set[int]] = {}
    for one in record.examples:
        by_digest.setdefault(one.image, set()).add(folds.get(one.name, 0))
    known = {one.name: by_digest.get(statistics_of(one).image_digest, {0}) for one in examples}
    return {name: fold for name, (fold, *others) in known.items() if fold and not others}


def _out_of_fold(examples: ExampleSet, folds: Mapping[str, int]) -> Part:
    note = (
        f"evaluated out of fold, on {len(folds)} images: each is predicted by the network that was "
        "not trained on it; but these images chose its best epoch and its threshold, so the scores "
        "flatter"
    )
    return Part("validation", examples.subset(folds), (note,), folds)


def _part(
    examples: ExampleSet,
    name: str,
    names: tuple[str, ...] | list[str],
    wanted: PartName,
    split: Path,
    record: SplitRecord | None,
) -> Part:
    if name == "all" and wanted == "auto":
        return Part(name, examples, _leak_notes(examples, record))
    if not names or wanted not in ("auto", name):
        raise OptionError(f"the part {wanted!r} of {split} is empty", hint="choose another --part")
    chosen = examples.subset(names)
    notes = [f"evaluated on the part {name!r} of {split}: {len(chosen)} of {len(examples)} images"]
    if name == "validation":
        notes.append(
            "the validation images chose the best epoch and the threshold, so the scores flatter; "
            "keep a test part (--test 0.2) for numbers to report"
        )
    return Part(name, chosen, (*notes, *_leak_notes(chosen, record)))


def _leak_notes(examples: ExampleSet, record: SplitRecord | None) -> tuple[str, ...]:
    """Return a warning if images, by content, or groups were in the training."""
    if record is None:
        return ()
    trained = [one for one in record.examples if one.part == "train" or _is_fold(one.part)]
    digests = {one.image for one in trained if one.image}
    groups = {one.group for one in trained if one.group}
    seen = [one.name for one in examples if statistics_of(one).image_digest in digests]
    kin = [one.name for one in examples if one.group in groups and one.name not in set(seen)]
    notes = []
    if seen:
        notes.append(
            f"WARNING: {len(seen)} of {len(examples)} images were used to train this model, so the "
            f"scores say little about new ones: {listing(seen)}"
        )
    if kin:
        notes.append(
            f"WARNING: {len(kin)} of {len(examples)} images belong to groups that this model was "
            f"trained on: {listing(kin)}"
        )
    return tuple(notes)


def _is_made_for(record: SplitRecord, examples: ExampleSet) -> bool:
    """Tell whether a split was made for these images, partial ones perhaps among them."""
    if record.data_digest == data_digest(examples):
        return True
    digests = {one.name: statistics_of(one).image_digest for one in examples}
    return bool(examples.partial) and digests == {
        one.name: one.image for one in record.examples if one.name not in examples.partial
    }


def _has_folds(record: SplitRecord) -> bool:
    return any(_is_fold(one.part) for one in record.examples)


def _is_fold(part: str) -> bool:
    return part.startswith(_FOLD)
