"""Split files: what ``maskforge split`` and a training write, and lists written by hand."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from maskforge.errors import DatasetError, OptionError, check_type, did_you_mean, listing
from maskforge.examples.example import Example, ExampleSet, check_examples
from maskforge.examples.split import PARTS, Split, check_leaks
from maskforge.examples.statistics import data_digest, statistics_of
from maskforge.files import (
    PathLike,
    as_path,
    as_source,
    check_schema,
    dump_record,
    read_bytes,
    write_given,
)
from maskforge.images.page import without_suffix
from maskforge.issues import Origin
from maskforge.outputs.csvtable import read_table

SCHEMA = 1

_MAKE_ONE = "make one with make_split or make_folds"
_UNUSED = "unused"
_OTHER_NAMES = {"training": "train", "val": "validation", "valid": "validation"}


class SplitEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One example in a split file.

    Attributes:
        name: Its name.
        part: ``train``, ``validation``, ``test`` or ``unused``; for cross-validation ``fold 1``,
            ``fold 2``, ..., which is validation in one split and training in the others.
        group: Its group.
        image: SHA-256 of the image.
        mask: SHA-256 of the mask.
    """

    name: str
    part: str
    group: str | None = None
    image: str = ""
    mask: str = ""


class SplitRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A split file.

    Attributes:
        schema: Version of this document.
        options: Seed, shares and whatever else the split was made with.
        data_digest: SHA-256 over names, images and masks of all examples.
        examples: The examples.
    """

    schema: int = SCHEMA
    options: dict[str, Any] = {}
    data_digest: str = ""
    examples: list[SplitEntry]


class _Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A split written by hand as lists of names, or of image files."""

    train: list[str] = []
    validation: list[str] = []
    test: list[str] = []
    unused: list[str] = []
    folds: list[list[str]] = []


def write_split(
    path: PathLike,
    examples: ExampleSet,
    split: Split | Sequence[Split],
    *,
    options: Mapping[str, object] | None = None,
) -> None:
    """Write a split, or the splits of a cross-validation, with the digests of all files.

    Args:
        path: The file; replaced if it exists.
        examples: The examples.
        split: One split, or one per fold.
        options: Seed, shares and so on, for people.

    Raises:
        OptionError: If there is no split, or an argument is something else.
        OutputError: If the file cannot be written.

    Examples:
        >>> examples = mf.open_examples("masks")
        >>> mf.write_split("split.json", examples, mf.make_split(examples))
    """
    check_examples(examples)
    check_type("split", split, Split, Sequence, hint=_MAKE_ONE)
    splits = [split] if isinstance(split, Split) else list(split)
    for one in splits:
        check_type("split", one, Split, hint=_MAKE_ONE)
    if not splits:
        raise OptionError("there is no split to write", hint=_MAKE_ONE)
    parts = parts_by_name(splits)
    record = SplitRecord(
        options=dict(options or {}),
        data_digest=data_digest(examples),
        examples=[
            SplitEntry(
                name=one.name,
                part=parts.get(one.name, _UNUSED),
                group=one.group,
                image=statistics_of(one).image_digest,
                mask=statistics_of(one).mask_digest,
            )
            for one in sorted(examples, key=lambda one: one.name)
        ],
    )
    write_given(path, dump_record(record))


def parts_by_name(splits: Sequence[Split]) -> dict[str, str]:
    """Return the part of every example in a split, or in the splits of a cross-validation."""
    if len(splits) == 1:
        return {name: part for part in PARTS for name in splits[0].part(part)}
    parts = dict.fromkeys(splits[0].test, "test")
    for number, one in enumerate(splits, 1):
        parts |= dict.fromkeys(one.validation, f"fold {number}")
    return parts


def read_split(path: PathLike, examples: ExampleSet) -> Split:
    """Read a single split; raises as ``read_splits``, and for folds."""
    splits = read_splits(path, examples)
    if len(splits) > 1:
        raise DatasetError(
            f"holds {len(splits)} folds, expected a single split",
            origin=Origin(as_path(path), ""),
            hint="train with --folds, or make a split without",
        )
    return splits[0]


def read_splits(path: PathLike, examples: ExampleSet) -> list[Split]:
    """Read a split, or the splits of a cross-validation, and check them against the examples.

    A split file is what [`write_split`][maskforge.write_split] wrote; JSON with the lists
    ``train``, ``validation``, ``test`` and ``unused``, or ``folds`` (a list of lists) and ``test``;
    or a CSV table with the columns ``name`` and ``part``. In those written by hand, names may be
    image files.

    Args:
        path: The file.
        examples: The examples that it divides.

    Returns:
        One split; of a cross-validation one per fold.

    Raises:
        DatasetError: If the file cannot be understood, names an example that does not exist or
            leaves one out, an image or mask has changed since it was written, or a group or
            image is in several parts.

    Examples:
        >>> examples = mf.open_examples("masks")
        >>> mf.write_split("split.json", examples, mf.make_folds(examples, 3))
        >>> len(mf.read_splits("split.json", examples))
        3
    """
    check_examples(examples)
    path = as_source(path)
    origin = Origin(path, "")
    record = _read(path, origin)
    entries = _resolved(record.examples, examples, origin)
    _check_digests(entries, examples, origin)
    splits = splits_of(entries, origin)
    for split in splits:
        check_leaks(examples, split)
    return splits


def recorded_split(path: Path) -> SplitRecord | None:
    """Return a split file with its digests as a training wrote it; None if it is no such file."""
    try:
        return msgspec.json.decode(read_bytes(path), type=SplitRecord)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None


def parts_of(path: PathLike, examples: ExampleSet) -> dict[str, str]:
    """Return the part of every example in a split file, without comparing any digests.

    Raises:
        DatasetError: If the file cannot be understood, names an example that does not exist or
            leaves one out.
    """
    path = as_source(path)
    origin = Origin(path, "")
    return {
        one.name: _OTHER_NAMES.get(one.part, one.part)
        for one in _resolved(_read(path, origin).examples, examples, origin)
    }


def _read(path: Path, origin: Origin) -> SplitRecord:
    try:
        data = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
        if path.suffix.lower() in (".csv", ".tsv"):
            return SplitRecord(examples=_from_csv(data.decode(), origin))
        content = msgspec.json.decode(data)
        if isinstance(content, dict) and "examples" not in content:
            return SplitRecord(examples=_from_lists(msgspec.convert(content, _Lists)))
        record = msgspec.convert(content, SplitRecord)
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror or error}", origin=origin) from None
    except DatasetError:
        raise
    except (msgspec.MsgspecError, ValueError, RecursionError, csv.Error) as error:
        raise DatasetError(
            f"is not a split: {error}",
            origin=origin,
            hint='write {"train": [names], "validation": [names], "test": [names]}',
        ) from None
    check_schema(record.schema, SCHEMA, DatasetError, path)
    return record


def _from_lists(lists: _Lists) -> list[SplitEntry]:
    named = [
        *((part, getattr(lists, part)) for part in (*PARTS, _UNUSED)),
        *((f"fold {number}", names) for number, names in enumerate(lists.folds, 1)),
    ]
    return [SplitEntry(name=name, part=part) for part, names in named for name in names]


def _from_csv(text: str, origin: Origin) -> list[SplitEntry]:
    columns, rows = read_table(text, delimiters=",;\t", strict=True)
    if not {"name", "part"} <= set(columns):
        raise DatasetError(
            f"has the columns {listing(columns)}; expected name and part", origin=origin
        )
    return [SplitEntry(name=row["name"].strip(), part=row["part"].strip()) for row in rows]


def _resolved(
    entries: Iterable[SplitEntry], examples: ExampleSet, origin: Origin
) -> list[SplitEntry]:
    """Return the entries with the names of the examples, all of them, each once.

    Images that were left out of the set because they are partial may be named, and are left out.
    """
    finder = _finder(examples)
    left_out = set(examples.partial) | {PurePosixPath(name).name for name in examples.partial}
    found: list[SplitEntry] = []
    unknown = []
    for one in entries:
        written = one.name.replace("\\", "/")
        name = finder.get(written)
        if name is not None:
            found.append(msgspec.structs.replace(one, name=name))
        elif not {written, without_suffix(written)} & left_out:
            unknown.append(one.name)
    if unknown:
        guess = did_you_mean(unknown[0], finder) if len(unknown) == 1 else ""
        raise DatasetError(
            f"names {len(unknown)} examples that are not in {examples.source}: "
            f"{listing(unknown)}{guess}",
            origin=origin,
        )
    counts = Counter(one.name for one in found)
    if repeated := [name for name, count in counts.items() if count > 1]:
        raise DatasetError(f"names {listing(repeated)} more than once", origin=origin)
    if missing := [one.name for one in examples if one.name not in counts]:
        raise DatasetError(
            f"leaves out {len(missing)} examples of {examples.source}: {listing(missing)}",
            origin=origin,
            hint="list them in a part; `unused` is one",
        )
    return found


def _finder(examples: ExampleSet) -> dict[str, str]:
    """Return the names of the examples by what they may be called in lists written by hand."""
    shorter: dict[str, set[str]] = {}
    for one in examples:
        base = PurePosixPath(one.name).name
        for alias in (f"{one.name}{one.image.suffix}", one.image.name, base):
            shorter.setdefault(alias, set()).add(one.name)
    unique = {alias: next(iter(names)) for alias, names in shorter.items() if len(names) == 1}
    return unique | {one.name: one.name for one in examples}


def _check_digests(entries: Iterable[SplitEntry], examples: ExampleSet, origin: Origin) -> None:
    by_name: dict[str, Example] = {one.name: one for one in examples}
    changed: list[str] = []
    for entry in entries:
        one = by_name[entry.name]
        statistics = statistics_of(one)
        if entry.image not in ("", statistics.image_digest):
            changed.append(str(one.image))
        if entry.mask not in ("", statistics.mask_digest):
            changed.append(str(one.mask))
    if changed:
        raise DatasetError(
            f"was made for other files: {len(changed)} have changed since: {listing(changed)}",
            origin=origin,
            hint="make a new split, or take the data that it was made for",
        )


def splits_of(entries: Sequence[SplitEntry], origin: Origin) -> list[Split]:
    """Return the split of the entries of a file, or the splits of a cross-validation.

    Raises:
        DatasetError: If they are neither.
    """
    names: dict[str, list[str]] = {}
    for one in entries:
        names.setdefault(_OTHER_NAMES.get(one.part, one.part), []).append(one.name)
    folds = sorted(filter(_fold_number, names), key=_fold_number)
    strange = names.keys() - {*PARTS, _UNUSED, *folds}
    if strange:
        raise DatasetError(
            f"has the parts {listing(sorted(strange))}; expected train, validation, test, unused",
            origin=origin,
        )
    test = tuple(sorted(names.get("test", ())))
    if not folds:
        train, validation = names.get("train", ()), names.get("validation", ())
        return [Split(tuple(sorted(train)), tuple(sorted(validation)), test)]
    if len(folds) < 2 or names.keys() & {"train", "validation"}:
        raise DatasetError(
            "mixes folds with other parts, or has a single fold",
            origin=origin,
            hint="a cross-validation has fold 1, fold 2, ... and may have test and unused",
        )
    return [
        Split(
            tuple(sorted(name for other in folds if other != fold for name in names[other])),
            tuple(sorted(names[fold])),
            test,
        )
        for fold in folds
    ]


def _fold_number(part: str) -> int:
    number = part.removeprefix("fold ")
    return int(number) if part.startswith("fold ") and number.isdecimal() else 0
