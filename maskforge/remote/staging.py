"""A folder of a store that a run writes into: staged in the cache, and put when it is whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath

from maskforge.errors import OutputError, StorageError
from maskforge.issues import Origin
from maskforge.remote.address import Address, address_of
from maskforge.remote.announcement import amount, announce
from maskforge.remote.index import Known
from maskforge.remote.mirror import Mirror, in_parallel, seen
from maskforge.remote.store import StoredFile, check_writable

_ASIDE_NAME = ".fetched.00000000.part"
_RECORDS = (".json", ".jsonl", ".csv", ".toml")
_MD5 = re.compile("[0-9a-f]{32}")


class Staging:
    """The folder of the cache that becomes a folder of a store.

    What is in the store already stands there by its name; its content comes when it is needed.
    """

    def __init__(
        self, address: Address, lock: str, last: Collection[str], aside: re.Pattern[str]
    ) -> None:
        """Look at nothing yet.

        Args:
            address: The folder.
            lock: Name of the file that is there while a run puts its files.
            last: Names of files that say that the others are whole.
            aside: The names of files that are not in their places yet.

        Raises:
            MissingDependencyError: If the library for such stores is not installed.
            OptionError: If such a store cannot be written to.
            StorageError: If there is no place for a cache.
        """
        check_writable(address)
        self.path = address.staged
        self._mirror = Mirror(address)
        self._start = f"{address.key}/" if address.key else ""
        self._lock = lock
        self._last = last
        self._aside = aside
        self._found: dict[str, StoredFile] = {}
        self._held: dict[str, StoredFile] = {}
        """By name: files of which nothing but the name is here."""

    def begin(self, *, is_abandoned: bool) -> bool:
        """Show what is in the store, in the folder of the cache that is locked.

        Args:
            is_abandoned: Whether a run of this machine was ended in it before its time.

        Returns:
            Whether a run was, of this machine or while another one put its files into the store.

        Raises:
            OutputError: If a file has the name of the folder.
            StorageError: If the store refuses or cannot be reached.
        """
        self._found = self._list()
        if "" in self._found:
            raise OutputError("is a file, not a folder", origin=Origin(self.path, ""))
        taken = self._taken()
        # Whatever a run has left here is worth nothing if somebody has used the store since.
        if is_abandoned and not (self._is_as_it_was() or self._is_ours(taken)):
            os.truncate(self.path / self._lock, 0)
            is_abandoned = False
        if not is_abandoned:
            self._clear(self.path)
            with (self.path / self._lock).open("ab") as lock:  # locked, so it is never replaced
                lock.write(taken)
        records = []
        for name, file in self._found.items():
            path = self.path / name
            is_here = os.path.lexists(path)
            is_known = is_here and (path.lstat().st_size or not file.size)
            if name == self._lock or is_known or self._is_others(name):
                continue
            self._held[name] = file
            if not is_here:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            is_record = "/" not in name and name.endswith(_RECORDS)
            if is_record or self._is_head(name) or not file.size:
                records.append(name)
        self.hold(records)
        self._mirror.index.set_note(str(self._mirror.address), self._state())
        return is_abandoned or bool(taken)

    def _clear(self, folder: Path) -> None:
        """Remove what earlier runs have left here, but not what others below are writing."""
        for entry in list(folder.iterdir()):
            with contextlib.suppress(OSError):
                if entry.is_symlink() or not entry.is_dir():
                    if entry != self.path / self._lock:
                        entry.unlink()
                elif not (entry / self._lock).exists():
                    self._clear(entry)
                    entry.rmdir()

    def _list(self) -> dict[str, StoredFile]:
        own = self._mirror.address.key
        return {
            key.removeprefix(self._start) if key != own else "": one
            for key, one in self._mirror.list().items()
        }

    def _taken(self) -> bytes:
        """Return what the lock in the store says; nothing if there is none."""
        if self._lock not in self._found:
            return b""
        self._fetch([self._lock])
        return self._mirror.path(self._key(self._lock)).read_bytes()

    def _is_ours(self, taken: bytes) -> bool:
        """Tell whether the run that has locked the store is the one that was ended here."""
        return taken != b"" and (self.path / self._lock).read_bytes().startswith(taken)

    def _is_as_it_was(self) -> bool:
        """Tell whether the store holds what it held when the last run began here."""
        return self._mirror.index.note(str(self._mirror.address)) == self._state()

    def _state(self) -> str:
        lines = (f"{name} {one.version}" for name, one in sorted(self._found.items()))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def hold(self, names: Iterable[str] | None = None) -> None:
        """Bring the content of files of which only the names are here; of all if None are named.

        Raises:
            StorageError: If the store refuses or cannot be reached.
        """
        due = [one for one in (self._held if names is None else names) if one in self._held]
        self._fetch(due)
        for name in due:
            path = self.path / name
            if path.is_file() and not path.stat().st_size:
                aside = path.with_name(_ASIDE_NAME)  # half a file would be put one day
                shutil.copyfile(self._mirror.path(self._key(name)), aside)
                aside.replace(path)
            del self._held[name]

    def _fetch(self, names: Iterable[str]) -> None:
        files = {self._key(name): self._found[name] for name in names}
        self._mirror.fetch(files, say=False)

    def has_results(self) -> bool:
        """Tell whether files are here that are not in the store."""
        return not self._found.keys() >= set(self._here())

    def finish(self) -> None:
        """Put into the store what the run has made, and remove there what it has removed.

        Raises:
            OutputError: If another run has changed the folder of the store.
            StorageError: If the store refuses or cannot be reached.
        """
        if self._list() != self._found:
            raise OutputError(
                "was changed in the store by somebody else while this run was going on",
                origin=Origin(self.path, ""),
                hint="choose another folder, or run the command again",
            )
        now = self._found
        here = self._here()
        sent, digests = self._changed(here, now)
        gone = [name for name in now.keys() - set(here) - {self._lock} if not self._is_others(name)]
        if not sent and not gone:
            return
        self._take(now)
        size = sum((self.path / name).stat().st_size for name in sent)
        self._remove(name for name in (*sent, *gone) if self._is_head(name) and name in now)
        body = [name for name in sent if not self._is_head(name)]
        store = self._mirror.store
        for _ in in_parallel(lambda name: store.put(self._key(name), self.path / name), body):
            pass
        self._remove(name for name in gone if not self._is_head(name))
        for name in filter(self._is_head, sent):
            store.put(self._key(name), self.path / name)
        self._check_all(sent, digests)
        self._remove([self._lock])
        announce(f"put {amount(len(sent), size)} into {self._mirror.address}")

    def _take(self, now: Mapping[str, StoredFile]) -> None:
        """Put the lock, which also lists what this run writes."""
        key, path = self._key(self._lock), self.path / self._lock
        try:
            self._mirror.store.put(key, path, is_new=self._lock not in now)
        except FileExistsError:
            if self._is_ours(self._taken_now()):
                return  # its connection broke, and the second attempt found the first
            raise OutputError(
                "another run is putting its files into this folder",
                origin=Origin(self.path, ""),
                hint="wait until it has finished, or choose another folder",
            ) from None

    def _taken_now(self) -> bytes:
        self._found = self._list()
        return self._taken()

    def _changed(
        self, here: Collection[str], now: Mapping[str, StoredFile]
    ) -> tuple[list[str], dict[str, Known]]:
        """Return the names of files that are not in the store as they are here, and all digests."""
        known, sent, digests = self._mirror.known(), [], {}
        for name in here:
            path, file = self.path / name, now.get(name)
            if name in self._held and not path.stat().st_size:
                continue
            digests[name] = one = seen(path, "")
            earlier = known.get(self._key(name))
            if file is None or not (
                (
                    earlier is not None
                    and earlier.version == file.version != ""
                    and earlier.digest == one.digest
                )
                or (
                    file.size == one.size
                    and _MD5.fullmatch(file.tag) is not None
                    and file.tag == _md5(path)
                )
            ):
                sent.append(name)
        return sent, digests

    def _check_all(self, sent: Collection[str], digests: Mapping[str, Known]) -> None:
        """Make sure that all is in the store; what was put need not be fetched."""
        stored = self._list()
        missing = [
            name
            for name in sent
            if name not in stored or stored[name].size not in (None, digests[name].size)
        ]
        if missing:
            raise StorageError(
                f"{len(missing)} files are not in the store as they were put, such as {missing[0]}",
                origin=Origin(self.path, ""),
                hint="run the command again",
            )
        self._mirror.take(
            (self._key(name), self.path / name, stored[name].version) for name in sent
        )

    def _here(self) -> list[str]:
        """Return the names of all files that are here, but not those of other runs below."""
        names = []
        for folder, inner_folders, files in os.walk(self.path):
            place = Path(folder).relative_to(self.path)
            if self._lock in files and place.parts:
                inner_folders.clear()
                continue
            for name in files:
                inner = (place / name).as_posix()
                if inner != self._lock and not self._aside.fullmatch(name):
                    names.append(inner)
        return sorted(names)

    def _is_others(self, name: str) -> bool:
        """Tell whether another run is writing into a folder below, to which a file belongs."""
        inner = PurePosixPath(name).parents
        return any((self.path / one / self._lock).exists() for one in inner if one.name)

    def _remove(self, names: Iterable[str]) -> None:
        for _ in in_parallel(self._mirror.store.remove, map(self._key, names)):
            pass

    def _is_head(self, name: str) -> bool:
        return name.rpartition("/")[2] in self._last

    def _key(self, name: str) -> str:
        return f"{self._start}{name}"


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def put_file(path: Path) -> None:
    """Put a staged file where it belongs in the store.

    Raises:
        OptionError: If such a store cannot be written to.
        StorageError: If the store refuses or cannot be reached.
    """
    address = address_of(path)
    assert address is not None
    check_writable(address)
    mirror = Mirror(address)
    mirror.store.put(address.key, path)
    path.unlink()
