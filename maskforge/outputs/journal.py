"""The lines that a run leaves in the file that locks its folder, so that it can go on."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec


class Holder(msgspec.Struct, tag="holder"):
    """Who writes into a folder: the first line of every run in the file that locks it."""

    process: int
    host: str
    since: str


class Begun(msgspec.Struct, tag="begun"):
    """A run begins to replace what is in the folder."""

    run: str


class Written(msgspec.Struct, tag="written"):
    """A file that the run is about to write."""

    file: str
    digest: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """An image that is done, but for its files, which are about to be put in their places.

    Attributes:
        key: Digest of all that its files depend on.
        files: SHA-256 of its files, by name.
        account: What the run that goes on must know of it, JSON.
    """

    key: str
    files: dict[str, str]
    account: msgspec.Raw


Line: TypeAlias = Holder | Begun | Written | Done


def run_of(command: str, sources: Iterable[Path]) -> str:
    """Return what tells a run from others that write into the same folder."""
    places = [command, *(os.path.realpath(one) for one in sources)]
    return hashlib.sha256("\0".join(places).encode("utf-8", "surrogatepass")).hexdigest()


def lines(lock: Path) -> Iterator[tuple[Line, tuple[int, int]]]:
    """Yield what earlier runs have listed, as far as it can be understood, and where it is."""
    decoder = msgspec.json.Decoder(Line)
    offset = 0
    with lock.open("rb") as stream:
        for line in stream:
            with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
                yield decoder.decode(line), (offset, len(line))
            offset += len(line)


def described(lock: Path) -> str:
    """Return who holds a lock, if that can be found out."""
    with contextlib.suppress(OSError):
        holders = [one for one, _ in lines(lock) if isinstance(one, Holder)]
        for one in holders[-1:]:
            return f" (process {one.process} on {one.host}, since {one.since})"
    return ""
