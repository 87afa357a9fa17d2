"""The lines that a run leaves in the file that locks its folder, so that it can go on."""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
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


def files_of(line: Line) -> Mapping[str, str]:
    """Return the files that a line lists, SHA-256 by name."""
    if isinstance(line, Done):
        return line.files
    return {line.file: line.digest} if isinstance(line, Written) else {}


def run_of(command: str, sources: Iterable[Path]) -> str:
    """Return what tells a run from others that write into the same folder."""
    places = [command, *(os.path.realpath(one) for one in sources)]
    return hashlib.sha256("\0".join(places).encode("utf-8", "surrogatepass")).hexdigest()


class Places:
    """Where texts stand in a file, in 16 bytes each: a hundred thousand keys would fill memory.

    A text is known by eight bytes of its digest. Once in many billions, one is found that is not
    there, or the place of another: whoever needs to know looks there.
    """

    def __init__(self, texts: Iterable[tuple[str, int]] = ()) -> None:
        """Remember all texts.

        Args:
            texts: Texts with their places.
        """
        marks, places = array("Q"), array("Q")
        for text, place in texts:
            marks.append(_mark(text))
            places.append(place)
        order = sorted(range(len(marks)), key=marks.__getitem__)
        self._marks = array("Q", map(marks.__getitem__, order))
        self._places = array("Q", map(places.__getitem__, order))

    def __len__(self) -> int:
        return len(self._marks)

    def __contains__(self, text: str) -> bool:
        return any(True for _ in self.of(text))

    def of(self, text: str) -> Iterator[int]:
        """Yield the places of a text, the last one first."""
        mark = _mark(text)
        index = bisect.bisect_right(self._marks, mark) - 1
        while index >= 0 and self._marks[index] == mark:
            yield self._places[index]
            index -= 1


def _mark(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest())


def lines(lock: Path, end: int | None = None) -> Iterator[tuple[Line, int]]:
    """Yield what earlier runs have listed, as far as it can be understood, and where it is.

    Args:
        lock: The file.
        end: Where what they have listed ends; None for all that is there.
    """
    decoder = msgspec.json.Decoder(Line)
    offset = 0
    with lock.open("rb") as stream:
        for line in stream:
            if end is not None and offset >= end:
                return
            with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
                yield decoder.decode(line), offset
            offset += len(line)


def described(lock: Path) -> str:
    """Return who holds a lock, if that can be found out."""
    with contextlib.suppress(OSError):
        holders = [one for one, _ in lines(lock) if isinstance(one, Holder)]
        for one in holders[-1:]:
            return f" (process {one.process} on {one.host}, since {one.since})"
    return ""
