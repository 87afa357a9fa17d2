"""A folder that a run writes into: alone, through no link, and without harm to other files."""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import itertools
import os
import re
import shutil
import socket
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec

from maskforge.errors import DatasetError, MaskforgeError, OutputError, OutputExistsError
from maskforge.files import (
    HEADS,
    LOCK,
    WORKPLACE,
    aside_of,
    check_folder,
    is_inside,
    unwritable,
)
from maskforge.issues import Origin
from maskforge.outputs.journal import (
    Begun,
    Done,
    Holder,
    Line,
    Places,
    Written,
    described,
    files_of,
    lines,
)
from maskforge.outputs.links import first_link, is_link, linked
from maskforge.outputs.lock import is_open_file, open_locked
from maskforge.remote.address import Address, address_of

if TYPE_CHECKING:
    from maskforge.remote.staging import Staging

_ASIDE = re.compile(r"(?s)\..*\.[0-9a-f]{8}\.part")
_BLOCK = 2**20
_ATTEMPTS = 10


class OutputFolder:
    """A folder that one run writes into, and no other at the same time.

    While it is open it holds a file that is locked, which also lists what is written. A run that is
    ended before its time leaves this file behind, so the folder cannot be mistaken for a whole one,
    and the same run can go on.

    Attributes:
        path: The folder.
        is_abandoned: Whether an earlier run was ended here before its time.
        goes_on: Whether that was this run, which may use what is done.
        digests: SHA-256 of every file that was written by ``write``, by name.
    """

    def __init__(self, path: Path, run: str = "", *, anew: bool = False) -> None:
        """Make sure that there can be such a folder.

        Args:
            path: The folder, as ``as_path`` returns it. That of a store is staged in the user's
                cache, and put when the run has finished.
            run: What tells the run from others, if it can go on; see ``run_of``.
            anew: Whether it starts anew nonetheless.

        Raises:
            OutputError: If it is a file, or its name cannot be used.
            OptionError: If it is in a store that cannot be written to.
            MissingDependencyError: If it is in a store, and the library for it is not installed.
        """
        address = address_of(path)
        self._staging = None if address is None else _staging(address)
        self.path = path if self._staging is None else self._staging.path
        check_folder(self.path)
        self.is_abandoned = False
        self.goes_on = False
        self.digests: dict[str, str] = {}
        self._run = run
        self._anew = anew
        self._end_of_earlier = 0
        self._done = Places()
        self._left = Places()
        self._verified: Mapping[str, str] = {}
        self._made: list[Path] = []
        self._is_cleared = False
        self._has_begun = False
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Make the folder if it is missing, and lock it.

        Raises:
            OutputError: If another run writes into it, or it cannot be written.
        """
        lock = self.path / LOCK
        try:
            self._make_folders()
            self.is_abandoned = lock.is_file() and not is_link(lock)
            descriptor = open_locked(lock)
            # A signal just before ``__exit__`` keeps that from being called at all.
            self._release = weakref.finalize(self, os.close, descriptor)
            self._descriptor = descriptor
            if self._staging is not None:
                self.is_abandoned = self._staging.begin(is_abandoned=self.is_abandoned)
            if self.is_abandoned:
                self._read_earlier(lock)
            for one in self.path.glob(f"{WORKPLACE}*"):
                _remove_all(one)
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            holder = Holder(os.getpid(), socket.gethostname(), now)
            self._append(holder, b"\n")  # the last line may be torn
        except BlockingIOError:
            raise OutputError(
                f"another run is writing into this folder{described(lock)}",
                origin=Origin(self.path, ""),
                hint="wait until it has finished, or choose another folder",
            ) from None
        except BaseException as error:
            self._close(keep=self.is_abandoned)
            if isinstance(error, OSError) and not isinstance(error, MaskforgeError):
                raise unwritable(self.path, error) from None
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        keep = True
        try:
            if kind is not None:
                # What a run that failed has listed, or one that was killed, the next must know.
                keep = self._has_begun or bool(self.digests)
                keep |= self.is_abandoned and not self._is_cleared
                if self._staging is not None:
                    keep |= self._staging.has_results()
            else:
                keep = self._staging is not None
                self.check_there()
                if self._staging is not None:
                    self._staging.finish()
                keep = False
        finally:
            self._close(keep=keep)

    def _make_folders(self) -> None:
        missing = [one for one in (self.path, *self.path.parents) if not os.path.lexists(one)]
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                self._made.append(folder)
        self.path.mkdir(exist_ok=True)  # says so if it is no folder

    def _close(self, *, keep: bool = False) -> None:
        """Release the lock; folders that were made for nothing go again."""
        if self._descriptor >= 0:
            lock, remove = self.path / LOCK, False
            try:
                remove = not keep and is_open_file(lock, self._descriptor)
                if remove:
                    with contextlib.suppress(OSError):  # Windows removes no file that is open
                        lock.unlink()
            finally:
                self._unlock()
            if remove and os.name == "nt":
                with contextlib.suppress(OSError):
                    lock.unlink()
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _unlock(self) -> None:
        self._descriptor = -1
        self._release()

    def _read_earlier(self, lock: Path) -> None:
        self._end_of_earlier = lock.stat().st_size
        run = ""
        for line, _ in lines(lock):
            if isinstance(line, Begun):
                run = line.run
        self.goes_on = run == self._run != "" and not self._anew
        if self.goes_on:
            listed = lines(lock)
            self._done = Places((one.key, place) for one, place in listed if isinstance(one, Done))
            listed = lines(lock)
            self._left = Places((name, place) for one, place in listed for name in files_of(one))

    def _earlier_line(self, place: int) -> Line:
        with (self.path / LOCK).open("rb") as stream:
            stream.seek(place)
            line: Line = msgspec.json.decode(stream.readline(), type=Line)
            return line

    def left(self) -> Iterator[tuple[str, str]]:
        """Yield what earlier runs that were ended have listed: names with SHA-256.

        A name that was listed again comes again.
        """
        if self.is_abandoned:
            for line, _ in lines(self.path / LOCK, self._end_of_earlier):
                yield from files_of(line).items()

    def _append(self, line: Line, before: bytes = b"") -> None:
        os.lseek(self._descriptor, 0, os.SEEK_END)
        content = memoryview(before + msgspec.json.encode(line) + b"\n")
        while content:  # a disk that is nearly full takes a part
            content = content[os.write(self._descriptor, content) :]

    def begin(self) -> None:
        """Say that from now on the folder is this run's, which may go on if it is ended.

        Raises:
            OutputError: If the folder cannot be written.
        """
        try:
            self._append(Begun(self._run))
        except OSError as error:
            raise unwritable(self.path, error) from None
        self._has_begun = True

    def hold_all(self) -> None:
        """Bring here what a store holds of this folder, if it is one of a store.

        Raises:
            StorageError: If the store refuses or cannot be reached.
        """
        if self._staging is not None:
            self._staging.hold()

    def list_done(self, done: Done) -> None:
        """List an image whose files are about to be put in their places.

        Raises:
            OSError: If that cannot be written.
        """
        self._append(done)

    def recall(self, key: str) -> Done | None:
        """Return what was done in the run that goes on, if its files are still what they were."""
        if not key or not self.goes_on:
            return None
        with contextlib.suppress(OSError, msgspec.MsgspecError, ValueError, RecursionError):
            listed = map(self._earlier_line, self._done.of(key))
            done = next((one for one in listed if isinstance(one, Done) and one.key == key), None)
            if done is None:
                return None
            # The pages of a stack, which follow one another, are in one file.
            files = done.files.items() - self._verified.items()
            if all(is_inside(name) and self.is_unchanged(name, digest) for name, digest in files):
                self._verified = done.files
                return done
        return None

    def check_there(self) -> None:
        """Make sure that the folder is still the one that was locked.

        Raises:
            OutputError: If it was removed or replaced.
        """
        if not is_open_file(self.path / LOCK, self._descriptor):
            raise OutputError(
                "was removed or replaced while maskforge was writing into it",
                origin=Origin(self.path, ""),
                hint="run the command again",
            )

    def place(self, name: str) -> Path:
        """Return the path of a file that is about to be written, with its folders made.

        Args:
            name: Relative, with forward slashes.

        Raises:
            OutputExistsError: If something is there that this run did not write.
            OutputError: If the folder is gone, or a link is on the way.
        """
        self.check_there()
        path = self.path / name
        if (link := first_link(self.path, PurePosixPath(name).parent)) is not None:
            raise linked(link)
        is_there = os.path.lexists(path) and name not in self.digests
        if is_there and not (self.goes_on and self._remove_left(name)):
            raise OutputExistsError(
                "is in the way: an earlier run did not write it, or it was changed since",
                origin=Origin(path, ""),
                hint="move it elsewhere, or choose another output folder",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(path, error) from None
        return path

    def stage(self, name: str, content: bytes) -> StagedFile:
        """Write a file beside its place.

        Raises:
            OutputError: As ``place``, or if it cannot be written.
        """
        path = self.place(name)
        staged = StagedFile(name, aside_of(path), path, hashlib.sha256(content).hexdigest())
        try:
            with staged.aside.open("xb") as stream:
                stream.write(content)
        except BaseException as error:
            staged.drop()
            if isinstance(error, OSError):
                raise unwritable(path, error) from None
            raise
        return staged

    def adopt(self, name: str, aside: Path, digest: str) -> StagedFile:
        """Take over a file that another process has written beside its place.

        Args:
            name: Of the file, as for ``place``.
            aside: Where it is.
            digest: Its SHA-256.

        Raises:
            OutputError: As ``place``.
        """
        try:
            return StagedFile(name, aside, self.place(name), digest)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    def take(self, name: str, folder: Path, source: str, digest: str) -> StagedFile:
        """Take over a file of another folder, by a link where that is possible.

        Args:
            name: Of the file here, as for ``place``.
            folder: The other folder.
            source: Its name there.
            digest: Its SHA-256.

        Raises:
            DatasetError: If it is not that file.
            OutputError: As ``place``, or if it cannot be written.
        """
        path = self.place(name)
        staged = StagedFile(name, aside_of(path), path, digest)
        try:
            if not _is_taken(folder, source, staged.aside, digest):
                raise DatasetError(
                    "is missing, or is not the file that was written",
                    origin=Origin(folder / source, ""),
                    hint="make the folder again, with --overwrite",
                )
        except BaseException as error:
            staged.drop()
            if isinstance(error, OSError) and not isinstance(error, MaskforgeError):
                raise unwritable(path, error) from None
            raise
        return staged

    @property
    def done(self) -> Places:
        """The keys of the images that the run that goes on has done."""
        return self._done

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all, and list it.

        Raises:
            OutputError: As ``place``, or if it cannot be written.
        """
        staged = self.stage(name, content)
        try:
            # Listed first: whatever is in the folder then can be removed by the next run.
            self._append(Written(name, staged.digest))
        except OSError as error:
            staged.drop()
            raise unwritable(staged.path, error) from None
        staged.settle()
        self.digests[name] = staged.digest

    def remove_earlier(self, digests: Iterable[tuple[str, str]], within: Set[str]) -> None:
        """Remove what earlier runs wrote; what was changed since stays, and so do links.

        Args:
            digests: Names with SHA-256, from the record of the earlier run. What a run that was
                killed listed is removed in any case.
            within: Names of all files that such a run may write, and of folders; whatever a
                record says, nothing else is removed.
        """
        self._remove(itertools.chain(self.left(), digests), within)

    def _remove(self, digests: Iterable[tuple[str, str]], within: Set[str]) -> None:
        self._is_cleared = True
        if self._staging is not None:
            digests = list(digests)
            self._staging.hold(name for name, _ in digests)
        for name, digest in digests:
            is_ours = is_inside(name) and within & {name, name.partition("/")[0]}
            if is_ours and self.is_unchanged(name, digest):
                with contextlib.suppress(OSError):
                    (self.path / name).unlink()

    def remove_left(self, written: Places, within: Set[str]) -> None:
        """Remove what the run that goes on had written, and would not write again.

        Args:
            written: Names of all files that belong to the folder now.
            within: As for ``remove_earlier``.
        """
        if self.goes_on:
            self._remove((one for one in self.left() if one[0] not in written), within)

    def _remove_left(self, name: str) -> bool:
        """Remove a file that the run that goes on had written, unless it was changed since."""
        path = self.path / name
        with contextlib.suppress(OSError, msgspec.MsgspecError, ValueError, RecursionError):
            for line in map(self._earlier_line, self._left.of(name)):
                digest = files_of(line).get(name)
                # After a power failure a file can have its name, and nothing of its content.
                if digest and (self.is_unchanged(name, digest) or _is_blank(path)):
                    path.unlink()
                    return True
        return False

    def is_unchanged(self, name: str, digest: str | None) -> bool:
        """Tell whether a file below the folder, behind no link, has that SHA-256."""
        with contextlib.suppress(OSError):
            path = self.path / name
            if self._staging is not None:
                self._staging.hold([name])
            if first_link(self.path, name) is None and path.is_file():
                return digest_of(path) == digest
        return False

    @contextlib.contextmanager
    def workplace(self) -> Iterator[Path]:
        """Make a folder below this one for what other machines make, and remove it in the end.

        Raises:
            OutputError: If it cannot be made.
        """
        self.check_there()
        try:
            path = Path(tempfile.mkdtemp(prefix=WORKPLACE, dir=self.path.absolute()))
        except OSError as error:
            raise unwritable(self.path, error) from None
        try:
            yield path
        finally:
            _remove_all(path)

    def remove_unfinished(self, folders: Iterable[str]) -> None:
        """Remove files that a killed run had not put in their places.

        Args:
            folders: Folders in this one that are searched with all their sub-folders; "" for this
                one alone.
        """
        for folder in folders:
            for path, inner, files in os.walk(self.path / folder):  # follows no link
                if folder == "":
                    inner.clear()
                elif first_link(self.path, folder) is not None:
                    break
                for name in filter(_ASIDE.fullmatch, files):
                    with contextlib.suppress(OSError):
                        (Path(path) / name).unlink()


class StagedFile:
    """A file that is written, and not yet in its place."""

    def __init__(self, name: str, aside: Path, path: Path, digest: str) -> None:
        self.name = name
        self.aside = aside
        self.path = path
        self.digest = digest

    def settle(self) -> None:
        """Put the file in its place.

        Raises:
            OutputError: If that cannot be done.
        """
        try:
            self.aside.replace(self.path)
        except OSError as error:
            self.drop()
            raise unwritable(self.path, error) from None

    def drop(self) -> None:
        """Remove it, if it is not in its place."""
        with contextlib.suppress(OSError):
            self.aside.unlink(missing_ok=True)


def _remove_all(folder: Path) -> None:
    """Remove a folder, into which somebody who comes late may be writing."""
    for _ in range(_ATTEMPTS):
        if is_link(folder) or not folder.exists():
            break
        shutil.rmtree(folder, ignore_errors=True)


def _is_taken(folder: Path, source: str, aside: Path, digest: str) -> bool:
    """Link or copy a file; tell whether it is there, behind no link, and is the one of a digest."""
    place = folder / source
    if first_link(folder, source) is not None or not place.is_file():
        return False
    try:
        os.link(place, aside)
    except OSError:  # another disk, or one without links
        shutil.copyfile(place, aside)
    return digest_of(aside) == digest


def _staging(address: Address) -> Staging:
    from maskforge.remote.staging import Staging

    return Staging(address, LOCK, HEADS, _ASIDE)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files of a folder with their names."""
    if path.is_dir():
        total = hashlib.sha256()
        for file in sorted(one for one in path.rglob("*") if one.is_file()):
            total.update(f"{file.relative_to(path).as_posix()}\0{digest_of(file)}\0".encode())
        return total.hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_blank(path: Path) -> bool:
    """Tell whether a file is empty, or holds nothing but zeros."""
    with path.open("rb") as stream:
        return not any(map(any, iter(functools.partial(stream.read, _BLOCK), b"")))
