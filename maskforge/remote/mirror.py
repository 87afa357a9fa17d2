"""Files of a store in the user's cache, of which only those are fetched that have changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from maskforge.errors import StorageError, listing
from maskforge.issues import Origin
from maskforge.remote.address import WEB, Address, address_of, is_name, tree
from maskforge.remote.announcement import amount, announce, size_text
from maskforge.remote.index import Index, Known
from maskforge.remote.store import Store, StoredFile

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 8
"""Files that are on their way at the same time."""

_FEW = 8  # are asked for one by one; of more, their folders are listed
_AT_A_TIME = 200
_SECONDS_BETWEEN = 5.0
_OLD = 24 * 3600.0
_PAGE = re.compile(r"(?s)(.+)(#[1-9][0-9]{0,8})")
_SPARE = 2**26  # bytes that stay free

Chosen = Callable[[Collection[str]], Collection[str]]
"""Chooses from the names below a folder those that are needed."""


def mirrored(address: Address, choose: Chosen) -> Path:
    """Bring what lies at an address into the cache, as far as it has changed.

    Args:
        address: A file or a folder; the page of a stack is that of its file.
        choose: Which files of a folder are needed.

    Returns:
        Its path in the cache, where nothing is if nothing is in the store.

    Raises:
        MissingDependencyError: If the library for such stores is not installed.
        StorageError: If the store refuses or cannot be reached, or the cache is full.
    """
    mirror = Mirror(address)
    found = mirror.list()
    page = _PAGE.fullmatch(address.key)
    if not found and page is not None:
        mirrored(replace(address, key=page[1]), choose)
        return address.path
    folder = f"{address.key}/" if address.key else ""
    names = [key.removeprefix(folder) for key in found if key != address.key]
    wanted = {f"{folder}{name}" for name in choose(names)} | (found.keys() & {address.key})
    mirror.forget([key for key in mirror.known() if key not in found])
    mirror.fetch({key: one for key, one in found.items() if key in wanted})
    return address.path


def mirror_files(paths: Iterable[Path]) -> None:
    """Bring single files of buckets into the cache, by their paths there.

    All other paths are left alone, and so is the web: whoever gives a data set away could make
    others ask for any address.

    Raises:
        StorageError: As ``mirrored``.
    """
    buckets: dict[Address, set[str]] = {}
    for path in paths:
        address = address_of(path)
        if address is None or address.scheme in WEB:
            continue
        if address.key and is_name(address.key):
            page = _PAGE.fullmatch(address.key)
            named = (address.key,) if page is None else (address.key, page[1])
            buckets.setdefault(address.below(""), set()).update(named)
    for bucket, keys in buckets.items():
        few = len(keys) <= _FEW
        places = keys if few else {key.rpartition("/")[0] for key in keys}
        listings = in_parallel(_listed, map(bucket.below, places))
        found = {key: one for listed in listings for key, one in listed.items() if key in keys}
        mirror = Mirror(bucket)
        mirror.forget(keys - found.keys())
        mirror.fetch(found)


def _listed(address: Address) -> dict[str, StoredFile]:
    return Mirror(address).list(deep=False)


class Mirror:
    """What lies at an address, and the same in the cache."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.store = Store(address)
        self.index = Index(tree())
        self._start = address.below("").path

    def list(self, *, deep: bool = True) -> dict[str, StoredFile]:
        """Return the files of the store by key: those whose keys can be names of files here.

        Args:
            deep: Whether those of sub-folders are among them.
        """
        start = f"{self.address.key}/" if self.address.key else ""
        listed = self.store.list(deep=deep)
        folders = {key[: one.start()] for key in listed for one in re.finditer("/", key)}
        left_out = []
        found = {}
        for key, file in sorted(listed.items()):
            is_below = key == self.address.key or key.startswith(start)
            if is_below and is_name(key) and key not in folders:
                found[key] = file
            elif is_below and key:
                left_out.append(repr(key))
        if left_out:
            announce(
                f"{self.address}: left out, because files cannot have such names "
                f"({len(left_out)}): {listing(left_out)}"
            )
        return found

    def known(self) -> dict[str, Known]:
        """Return what is known of the files of the cache by key."""
        start = self._name("")
        below = self.index.below(self._name(self.address.key).rstrip("/"))
        return {name.removeprefix(start): one for name, one in below.items()}

    def path(self, key: str) -> Path:
        """Return the path of a key in the cache."""
        return self._start / key

    def _name(self, key: str) -> str:
        return (self._start / key).relative_to(tree()).as_posix() + ("" if key else "/")

    def is_current(self, key: str, file: StoredFile, known: Mapping[str, Known]) -> bool:
        """Tell whether the cache holds what the store holds."""
        one = known.get(key)
        return (
            one is not None
            and one.version == file.version != ""
            and one.is_untouched(self.path(key))
        )

    def keep(self, files: Iterable[tuple[str, Known]]) -> None:
        """Remember files that are the same on both sides."""
        self.index.keep((self._name(key), one) for key, one in files)

    def forget(self, gone: Collection[str]) -> None:
        """Remove from the cache what is not in the store any more."""
        for key in gone:
            path = self.path(key)
            with contextlib.suppress(OSError):
                path.unlink()
            with contextlib.suppress(OSError):  # up to the first folder that is not empty
                for folder in path.relative_to(self._start).parents:
                    (self._start / folder).rmdir()
        self.index.forget(map(self._name, gone))

    def fetch(self, files: Mapping[str, StoredFile], *, say: bool = True) -> None:
        """Bring files into the cache, several at a time, each whole or not at all.

        Args:
            files: The files by key; those are left alone that have not changed.
            say: Whether to announce how much has come.

        Raises:
            StorageError: If the store refuses or cannot be reached, or the cache is full.
        """
        known = self.known()
        due = {key: one for key, one in files.items() if not self.is_current(key, one, known)}
        if not due:
            return
        self._check_space(sum(one.size or 0 for one in due.values()))
        parts = tree() / ".parts"
        fetched: list[tuple[str, Known]] = []
        size = 0
        try:
            parts.mkdir(parents=True, exist_ok=True)
            _remove_old(parts)
            jobs = ((key, one, parts) for key, one in due.items())
            steps = _Steps(f"fetching from {self.address}", len(due))
            for key, one in in_parallel(self._fetch_one, jobs):
                fetched.append((key, one))
                size += one.size
                steps.add()
                if len(fetched) % _AT_A_TIME == 0:
                    self.keep(fetched[-_AT_A_TIME:])
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(
                f"cannot be written: {error.strerror or error}",
                origin=Origin(Path(error.filename or tree()), ""),
                hint="make room, or name another folder in MASKFORGE_CACHE",
            ) from None
        finally:
            self.keep(fetched[len(fetched) // _AT_A_TIME * _AT_A_TIME :])
        unchanged = len(files) - len(due)
        same = f"; {unchanged:,} unchanged" if unchanged else ""
        if say:
            announce(f"fetched {amount(len(due), size)} from {self.address}{same}")

    def take(self, files: Iterable[tuple[str, Path, str]]) -> None:
        """Take files that were put into the store, so that they need not be fetched.

        Args:
            files: Key, file and version of each.
        """
        parts = tree() / ".parts"
        taken = []
        with contextlib.suppress(OSError):
            parts.mkdir(parents=True, exist_ok=True)
            for key, path, version in files:
                place, part = self.path(key), parts / secrets.token_hex(8)
                place.parent.mkdir(parents=True, exist_ok=True)
                try:
                    part.hardlink_to(path)
                except OSError:
                    shutil.copyfile(path, part)
                taken.append((key, seen(part, version)))
                part.replace(place)
        self.keep(taken)

    def _fetch_one(self, job: tuple[str, StoredFile, Path]) -> tuple[str, Known]:
        key, file, parts = job
        path, part = self.path(key), parts / secrets.token_hex(8)
        try:
            self.store.fetch(key, file, part)
            path.parent.mkdir(parents=True, exist_ok=True)
            known = seen(part, file.version)
            part.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        return key, known

    def _check_space(self, size: int) -> None:
        root = tree()
        place = next(one for one in (root, *root.parents) if one.exists())
        free = shutil.disk_usage(place).free
        if size + _SPARE > free:
            raise StorageError(
                f"{size_text(size)} have to be fetched, and {place} has only {size_text(free)} "
                "left",
                origin=Origin(self.address.path, ""),
                hint="make room, or name another folder in MASKFORGE_CACHE",
            )


def seen(path: Path, version: str) -> Known:
    """Return what is to be remembered of a file in the cache."""
    status = path.stat()
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Known(version, status.st_size, status.st_mtime_ns, digest)


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield results as they come; the first error, or an interruption, ends it all."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for done in as_completed([pool.submit(work, item) for item in items]):
                yield done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class _Steps:
    """Says every few seconds how far something is."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._last = time.monotonic()

    def add(self) -> None:
        self._done += 1
        if time.monotonic() - self._last > _SECONDS_BETWEEN:
            self._last = time.monotonic()
            announce(f"{self._what}: {self._done:,} of {self._total:,} files")


def _remove_old(parts: Path) -> None:
    """Remove what killed processes have left."""
    for part in parts.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > _OLD:
                os.unlink(part)  # noqa: PTH108 - as everywhere here it may be gone
