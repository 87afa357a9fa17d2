"""Dividing examples into training, validation and test without leaks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from maskforge.display.brief import Brief
from maskforge.errors import DatasetError, OptionError, check_type, listing, shorten
from maskforge.examples.example import Example, ExampleSet, check_examples
from maskforge.examples.statistics import statistics_of

PARTS = ("train", "validation", "test")

# Kinds of examples beside the classes, whose ids are positive.
_FOREGROUND, _EMPTY = -1, -2


@dataclass(frozen=True, slots=True, repr=False)
class Split(Brief):
    """Names of the examples of every part, sorted.

    Attributes:
        train: Examples that the weights are learned from.
        validation: Examples that choose the best epoch and the threshold.
        test: Examples that no training looks at.
        notes: What was noticed, one sentence each, to be shown.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def part(self, name: str) -> tuple[str, ...]:
        """Return the names of ``train``, ``validation`` or ``test``.

        Raises:
            OptionError: If it is another word.
        """
        if name not in PARTS:
            raise OptionError(
                f"a split has no part {shorten(name)}", hint=f"it has {', '.join(PARTS)}"
            )
        part: tuple[str, ...] = getattr(self, name)
        return part


@dataclass(frozen=True, slots=True)
class _Block:
    """Examples that stay together.

    Attributes:
        names: Their names.
        present: Number of examples with each class, with any class, and with none.
        rank: A number drawn from the seed and the names.
    """

    names: tuple[str, ...]
    present: dict[int, int]
    rank: bytes


def check_shares(validation: float, test: float, folds: int | None = None) -> None:
    """Make sure that examples can be divided like that, whatever they are.

    Args:
        validation: Share of the examples for validation.
        test: Share of the examples for testing.
        folds: Number of folds for cross-validation; None for a single split.

    Raises:
        OptionError: If a share is out of range, nothing is left for training, or a single fold is
            asked for.
    """
    check_type("the number of folds", folds, int, type(None))
    if folds is not None and folds < 2:
        raise OptionError(f"cross-validation needs 2 folds or more, found {folds}")
    for name, share in (("validation", validation), ("test", test)):
        if not isinstance(share, (int, float)) or not 0 <= share < 1:
            raise OptionError(
                f"the share for {name} must be from 0 to below 1, found {shorten(share)}"
            )
    if validation + test >= 1:
        raise OptionError(
            f"validation {validation} and test {test} leave nothing to train on",
            hint="give shares that add up to less than 1",
        )


def make_split(
    examples: ExampleSet,
    *,
    validation: float = 0.2,
    test: float = 0.0,
    seed: int = 0,
    stratify: bool = True,
    keep: Mapping[str, str] | None = None,
) -> Split:
    """Divide examples by fraction.

    Examples of one group stay together, as do images with equal content. The result depends on
    seed, names and groups, not on the order of the examples.

    Args:
        examples: The examples.
        validation: Share of the examples for validation, 0 to 1.
        test: Share of the examples for testing.
        seed: Another seed gives another split.
        stratify: Whether every part gets its share of the examples with foreground, and with every
            class.
        keep: The part of examples that are not divided anew, by name; what belongs together is
            where any of it is, and in training if in doubt. New examples go where they are lacking.

    Raises:
        OptionError: If the shares leave nothing for training, or there are too few groups.

    Examples:
        >>> split = mf.make_split(mf.open_examples("masks"), validation=0.25)
        >>> len(split.train), len(split.validation)
        (6, 2)
    """
    check_examples(examples)
    check_shares(validation, test)
    blocks, notes = _blocks(examples, seed)
    shares = [1 - validation - test, validation, test]
    wanted = sum(share > 0 for share in shares)
    if len(blocks) < wanted:
        raise OptionError(
            f"{len(examples)} examples in {len(blocks)} groups cannot be divided into "
            f"{wanted} parts",
            hint="give more examples, or a share of 0",
        )
    kept = _kept(blocks, keep or {})
    parts = _divide(blocks, shares, kept, stratify=stratify)
    if any(kept):
        count = sum(len(one.names) for part in kept for one in part)
        notes += (
            f"{count} of {len(examples)} examples stay in the part that they had before, the "
            "others were divided",
        )
    if any(one.present.get(_FOREGROUND) for one in blocks):
        notes += tuple(
            f"the {name} part has no example with foreground"
            for name, part in zip(PARTS, parts, strict=True)
            if part and not any(one.present.get(_FOREGROUND) for one in part)
        )
    return Split(_names(parts[0]), _names(parts[1]), _names(parts[2]), notes)


def make_folds(
    examples: ExampleSet,
    folds: int,
    *,
    test: float = 0.0,
    seed: int = 0,
    stratify: bool = True,
) -> list[Split]:
    """Divide examples for cross-validation: every example is in validation once, or in test.

    Args:
        examples: The examples.
        folds: Number of folds, 2 or more.
        test: Share of the examples that is in no fold.
        seed: As for [`make_split`][maskforge.make_split].
        stratify: As for [`make_split`][maskforge.make_split].

    Raises:
        OptionError: If there are fewer groups than folds.

    Examples:
        >>> folds = mf.make_folds(mf.open_examples("masks"), 3)
        >>> sorted(len(split.validation) for split in folds)
        [2, 3, 3]
    """
    check_examples(examples)
    check_type("the number of folds", folds, int)
    check_shares(0.0, test, folds)
    blocks, notes = _blocks(examples, seed)
    parts = folds + (test > 0)
    if len(blocks) < parts:
        raise OptionError(
            f"{len(examples)} examples in {len(blocks)} groups cannot be divided into {folds} "
            f"folds{' and a test part' if test else ''}",
            hint=f"give at most {max(len(blocks) - (test > 0), 0)} folds",
        )
    divided = _divide(blocks, [*[(1 - test) / folds] * folds, test], stratify=stratify)
    held_out = _names(divided[-1])
    splits = []
    for fold in range(folds):
        train = [one for other in range(folds) if other != fold for one in divided[other]]
        splits.append(Split(_names(train), _names(divided[fold]), held_out, notes))
    return splits


def _names(blocks: Iterable[_Block]) -> tuple[str, ...]:
    return tuple(sorted(name for one in blocks for name in one.names))


def _blocks(examples: ExampleSet, seed: int) -> tuple[list[_Block], tuple[str, ...]]:
    """Return the groups; examples with equal images are in one group whatever they are called."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    by_digest: dict[str, list[Example]] = {}
    for one in examples:
        key = f"group {one.group}" if one.group is not None else f"name {one.name}"
        digest = statistics_of(one).image_digest
        by_digest.setdefault(digest, []).append(one)
        parent[root(f"digest {digest}")] = root(key)
    members: dict[str, list[Example]] = {}
    for digest, twins in by_digest.items():
        members.setdefault(root(f"digest {digest}"), []).extend(twins)
    blocks = []
    for group in members.values():
        names = tuple(sorted(one.name for one in group))
        present: dict[int, int] = {}
        for one in group:
            for id_ in statistics_of(one).present:
                present[id_] = present.get(id_, 0) + 1
            kind = _FOREGROUND if statistics_of(one).present else _EMPTY
            present[kind] = present.get(kind, 0) + 1
        blocks.append(_Block(names, present, sha256(f"{seed}\n{names[0]}".encode()).digest()))
    twins_named = [
        " = ".join(sorted(one.name for one in twins))
        for twins in by_digest.values()
        if len(twins) > 1
    ]
    notes: tuple[str, ...] = ()
    if twins_named:
        notes = (
            "images that are there under several names, which stay together "
            f"({len(twins_named)}): {listing(sorted(twins_named))}",
        )
    return blocks, notes


def _kept(blocks: Iterable[_Block], keep: Mapping[str, str]) -> list[list[_Block]]:
    """Return the blocks of which a part is known, for every part."""
    kept: list[list[_Block]] = [[] for _ in PARTS]
    for block in blocks:
        known = {keep.get(name) for name in block.names}
        first = next((index for index, part in enumerate(PARTS) if part in known), None)
        if first is not None:
            kept[first].append(block)
    return kept


def _divide(
    blocks: Sequence[_Block],
    shares: Sequence[float],
    kept: Sequence[Sequence[_Block]] = (),
    *,
    stratify: bool,
) -> list[list[_Block]]:
    """Give every block to the part that lacks it most, the largest and rarest first.

    The rarest kind of example is dealt out first, because it has the least choice, as in iterative
    stratification (Sechidis, Tsoumakas and Vlahavas 2011), with whole groups instead of examples.
    """
    total = sum(len(one.names) for one in blocks)
    kinds = sorted({id_ for one in blocks for id_ in one.present}) if stratify else []
    totals = {id_: sum(one.present.get(id_, 0) for one in blocks) for id_ in kinds}
    parts: list[list[_Block]] = [[] for _ in shares]
    sizes = [0] * len(shares)
    held = [dict.fromkeys(kinds, 0) for _ in shares]

    def put(block: _Block, index: int) -> None:
        parts[index].append(block)
        sizes[index] += len(block.names)
        for id_ in kinds:
            held[index][id_] += block.present.get(id_, 0)

    for index, there in enumerate(kept):
        for one in there:
            put(one, index)
    settled = {one.rank for there in kept for one in there}

    def drawn_size(one: _Block) -> float:
        # Large groups come early, while there is room, but every seed has its own order.
        return len(one.names) * (0.5 + int.from_bytes(one.rank[:4], "big") / 2**32)

    def rarest(one: _Block) -> float:
        return min((totals[id_] for id_ in kinds if one.present.get(id_)), default=math.inf)

    open_parts = [index for index, share in enumerate(shares) if share > 0]
    free = [one for one in blocks if one.rank not in settled]
    waiting = sorted(free, key=lambda one: (rarest(one), -drawn_size(one), one.rank))
    for position, block in enumerate(waiting):
        left = len(waiting) - position
        empty = [index for index in open_parts if not parts[index]]
        choice = empty if len(empty) >= left else open_parts

        def lack(index: int, block: _Block = block) -> tuple[float, float, float]:
            """Return how much a part misses of what the block has, relative to its share."""
            kind = min(
                (id_ for id_ in kinds if block.present.get(id_)),
                key=lambda id_: totals[id_],
                default=None,
            )
            room = shares[index] * total - sizes[index] - len(block.names) / 2
            need = 0.0
            if kind is not None:
                need = shares[index] * totals[kind] - held[index][kind] - block.present[kind] / 2
            fits = room + len(block.names) / 2 > 0
            return (float(fits), need, room)

        put(block, max(choice, key=lack))
    if stratify and not settled:
        _spread_foreground(parts, open_parts)
    return parts


def _spread_foreground(parts: list[list[_Block]], open_parts: Sequence[int]) -> None:
    """Exchange blocks until every part has an example with foreground, as far as they go round."""

    def with_foreground(part: Sequence[_Block]) -> list[_Block]:
        return [one for one in part if one.present.get(_FOREGROUND)]

    # The training part comes last: without the others nothing can be measured.
    for index in (*open_parts[1:], *open_parts[:1]):
        richest = max(open_parts, key=lambda other: len(with_foreground(parts[other])))
        candidates = with_foreground(parts[richest])
        if with_foreground(parts[index]) or len(candidates) < 2:
            continue
        moved, given = min(
            ((one, other) for one in candidates for other in parts[index]),
            key=lambda pair: (abs(len(pair[0].names) - len(pair[1].names)), pair[0].rank),
        )
        parts[richest].remove(moved)
        parts[index].remove(given)
        parts[richest].append(given)
        parts[index].append(moved)


def check_leaks(examples: ExampleSet, split: Split) -> None:
    """Make sure that no group and no image is in two parts of a split.

    Args:
        examples: The examples, with their groups.
        split: The split.

    Raises:
        DatasetError: Naming groups or images that are.

    Examples:
        >>> examples = mf.open_examples("masks", group_pattern="^(.{8})")
        >>> split = mf.Split(train=("bitewing-01",), validation=("bitewing-02",))
        >>> mf.check_leaks(examples, split)
        Traceback (most recent call last):
            ...
        maskforge.errors.DatasetError: 1 groups or images are in several parts of the split...
    """
    check_examples(examples)
    check_type("split", split, Split, hint="make one with make_split, or read one with read_splits")
    where = {name: part for part in PARTS for name in split.part(part)}
    places: dict[tuple[str, str], dict[str, str]] = {}
    for one in examples:
        if one.name not in where:
            continue
        keys = [("image", statistics_of(one).image_digest)]
        if one.group is not None:
            keys.append(("group", one.group))
        for key in keys:
            places.setdefault(key, {}).setdefault(where[one.name], one.name)
    leaks = [
        (f"group {key!r}: " if kind == "group" else "the same image: ")
        + ", ".join(f"{name} in {part}" for part, name in parts.items())
        for (kind, key), parts in places.items()
        if len(parts) > 1
    ]
    if leaks:
        raise DatasetError(
            f"{len(leaks)} groups or images are in several parts of the split, so scores would "
            f"be too good: {'; '.join(leaks[:10])}",
            hint="make a new split with `maskforge split`, or move them into one part",
        )
