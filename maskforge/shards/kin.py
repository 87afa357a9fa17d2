"""Which shards there are, and whether they are all of one run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from maskforge.dataset.shard import ShardRecord
from maskforge.dataset.shard_entry import ShardEntry
from maskforge.errors import DatasetError, OptionError, listing, shorten
from maskforge.files import CLASSES, LOCK, MANIFEST, SHARD, is_inside, read_bytes, read_record
from maskforge.issues import Origin

_LONGEST_SHOWN = 60


class ShardFolder(NamedTuple):
    """A shard and where it is."""

    folder: Path
    record: ShardRecord

    def entries(self) -> Iterator[ShardEntry]:
        """Yield the lines of its manifest.

        Raises:
            DatasetError: If these are not what it was made with.
        """
        decoder = msgspec.json.Decoder(ShardEntry)
        path = self.folder / MANIFEST
        number = 0
        with path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                try:
                    entry = decoder.decode(line)
                except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                    raise self.damaged(f"line {number} is not one of a manifest: {error}") from None
                if not all(map(is_inside, entry.files)):
                    raise self.damaged(f"line {number} names a file outside of the folder")
                yield entry
        if number != self.record.count:
            raise self.damaged(f"has {number} lines instead of {self.record.count}")

    def damaged(self, what: str) -> DatasetError:
        """Return the error for a shard that is not what it was made as."""
        return DatasetError(
            what,
            origin=Origin(self.folder / MANIFEST, ""),
            hint=f"make {self.record} again, with --overwrite",
        )


def read_shards(folders: Sequence[Path]) -> list[ShardFolder]:
    """Return all shards of a run in their order.

    Raises:
        DatasetError: If a folder is not a shard, or is not finished, or is of another run.
        OptionError: If a shard is missing, or there twice.
    """
    if not folders:
        raise OptionError("no shard is given", hint="name the folders of all shards")
    found = [ShardFolder(folder, _record(folder)) for folder in folders]
    first = found[0]
    for one in found:
        _check_kin(first, one)
    by_number: dict[int, ShardFolder] = {}
    for one in found:
        number = one.record.number
        if number in by_number:
            raise OptionError(
                f"{one.record} is given twice: {by_number[number].folder} and {one.folder}"
            )
        by_number[number] = one
    missing = [str(one) for one in range(1, first.record.of + 1) if one not in by_number]
    if missing:
        raise OptionError(
            f"of {first.record.of} shards, {'these are' if missing[1:] else 'this one is'} "
            f"missing: {listing(missing)}",
            hint=f"make what is missing with --shard {missing[0]}/{first.record.of}, and name all",
        )
    ordered = [by_number[one] for one in sorted(by_number)]
    if sum(one.record.count for one in ordered) != first.record.images:
        raise first.damaged(f"the shards have not {first.record.images} images together")
    return ordered


def _record(folder: Path) -> ShardRecord:
    if not os.path.lexists(folder / SHARD):
        raise DatasetError(
            "is not a shard" if folder.exists() else "does not exist",
            origin=Origin(folder, ""),
            hint="name folders that `maskforge convert --shard` or `predict --shard` wrote",
        )
    record = read_record(
        folder / SHARD, ShardRecord, DatasetError, what="the record of a shard", hint=""
    )
    if os.path.lexists(folder / LOCK) or not os.path.isfile(folder / MANIFEST):  # noqa: PTH113 - never raises
        raise DatasetError(
            f"{record} is unfinished: its run is still going on, was interrupted, or was killed",
            origin=Origin(folder, ""),
            hint="run the same command again: it goes on",
        )
    return record


def _check_kin(first: ShardFolder, other: ShardFolder) -> None:
    """Make sure that two shards are of the same run."""
    if first.record.of != other.record.of:
        raise _stranger(first, other, f"one is {first.record}, the other {other.record}")
    for name in ("command", "sources", "images"):
        one, two = getattr(first.record, name), getattr(other.record, name)
        if one != two:
            raise _stranger(first, other, f"they differ in the {name}: {_both(one, two)}")
    options = first.record.options, other.record.options
    for name in sorted(options[0] | options[1], key=_rank):
        one, two = (chosen.get(name) for chosen in options)
        if one != two:
            raise _stranger(first, other, f"they differ in {name}{_shown(one, two)}")
    if _classes(first) != _classes(other):
        raise _stranger(first, other, f"their {CLASSES} differ")
    if _before(first.record) != _before(other.record):
        raise _stranger(first, other, "what they found in the sources differs")


def _rank(option: str) -> tuple[bool, bool]:
    """Return where the name of an option stands: causes before what follows from them."""
    return option != "version", option in ("classes", "labels", "model")


def _before(record: ShardRecord) -> dict[str, object]:
    """Return what every shard of a run has found before its first image."""
    report = msgspec.json.decode(record.report, type=dict[str, object])
    report.pop("notes", None)  # such as what had to be prepared on one machine
    return report


def _classes(shard: ShardFolder) -> bytes:
    try:
        return read_bytes(shard.folder / CLASSES)
    except OSError as error:
        raise shard.damaged(f"{CLASSES} cannot be read: {error.strerror or error}") from None


def _stranger(first: ShardFolder, other: ShardFolder, why: str) -> DatasetError:
    return DatasetError(
        f"is not of the same run as {first.folder}: {why}",
        origin=Origin(other.folder, ""),
        hint="make all shards with the same command, but for --shard and --out",
    )


def _shown(one: str | None, two: str | None) -> str:
    """Return two values if people can compare them."""
    values = [one or "none", two or "none"]
    return f": {_both(*values)}" if max(map(len, values)) <= _LONGEST_SHOWN else ""


def _both(one: object, two: object) -> str:
    return " and ".join(value if isinstance(value, str) else shorten(value) for value in (one, two))
