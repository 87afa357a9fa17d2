"""A part of a run that is made apart from the others: which images, and what joins them again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from maskforge.display.brief import Brief
from maskforge.errors import DatasetError, OptionError, shorten
from maskforge.files import SHARD, read_bytes
from maskforge.issues import Origin
from maskforge.remote.address import identity

Command: TypeAlias = Literal["convert", "predict"]
Shard: TypeAlias = tuple[int, int]
"""Number of a part, from 1, and how many parts there are."""

SCHEMA_VERSION = 1


class ShardRecord(Brief, msgspec.Struct, frozen=True, kw_only=True):
    """What a shard knows of the run that it is a part of.

    Attributes:
        schema: Version of this object.
        command: What made it.
        number: Which part it is, from 1.
        of: Number of parts.
        version: Of maskforge.
        folder: Where it was made, without links: manifest paths are relative to that.
        sources: The sources, without links.
        options: Every option, and what else all masks depend on.
        images: Number of images of the whole run.
        count: Number of its own.
        report: The report of the run before its first image.
    """

    schema: int = SCHEMA_VERSION
    command: Command
    number: int
    of: int
    version: str
    folder: str
    sources: list[str]
    options: dict[str, str]
    images: int
    count: int
    report: msgspec.Raw

    def __str__(self) -> str:
        return called((self.number, self.of))


def check_shard(shard: Shard | None) -> None:
    """Make sure that a part can be made.

    Raises:
        OptionError: If there is no such part.
    """
    if shard is None:
        return
    is_pair = isinstance(shard, tuple) and [type(one) for one in shard] == [int, int]
    if not is_pair or not 1 <= shard[0] <= shard[1]:
        raise OptionError(
            f"there is no shard {'/'.join(map(str, shard)) if is_pair else shorten(shard)}",
            hint="of 8 parts, the first is 1/8 and the last is 8/8",
        )


def called(shard: Shard | None) -> str:
    """Return how a part is called; empty for the whole."""
    return "" if shard is None else f"shard {shard[0]} of {shard[1]}"


def range_of(shard: Shard | None, count: int) -> range:
    """Return which of all images a part has: those that follow one another.

    Examples:
        >>> [len(range_of((number, 3), 10)) for number in (1, 2, 3)]
        [3, 3, 4]
    """
    number, of = shard or (1, 1)
    return range(count * (number - 1) // of, count * number // of)


def shard_record(
    command: Command,
    shard: Shard,
    folder: Path,
    sources: Sequence[Path],
    settings: Mapping[str, str],
    images: int,
    count: int,
    report: object,
) -> ShardRecord:
    """Return what a shard knows of its run.

    Args:
        command: What makes it.
        shard: Which part it is.
        folder: The folder of the shard.
        sources: The sources of the run.
        settings: What the files of all images depend on.
        images: Number of images of the whole run.
        count: Number of images of the shard.
        report: Of the run, before its first image.
    """
    digest = hashlib.sha256(settings["classes"].encode()).hexdigest()
    return ShardRecord(
        command=command,
        number=shard[0],
        of=shard[1],
        version=settings["version"],
        folder=os.path.realpath(folder),
        sources=[identity(one) for one in sources],
        options={**settings, "classes": digest},
        images=images,
        count=count,
        report=msgspec.Raw(msgspec.json.encode(report)),
    )


class _Number(msgspec.Struct):
    """As much as tells what a folder is."""

    number: int
    of: int


def refuse_shard(folder: Path) -> None:
    """Make sure that a folder is not a part of a data set.

    Raises:
        DatasetError: If it is one.
    """
    try:
        found = msgspec.json.decode(read_bytes(folder / SHARD), type=_Number)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return
    raise DatasetError(
        f"is {called((found.number, found.of))}, not a whole data set",
        origin=Origin(folder, ""),
        hint="join all shards first: maskforge gather SHARDS... --out DIR",
    )
