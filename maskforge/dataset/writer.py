"""Writing a folder of masks, so that its manifest describes exactly the masks beside it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

import msgspec

import maskforge
from maskforge.dataset.made_file import MadeFile, mask_files, no_memory
from maskforge.dataset.manifest import ManifestEntry, is_dataset
from maskforge.dataset.shard import ShardRecord
from maskforge.dataset.shard_entry import ShardEntry
from maskforge.display.aliases import named
from maskforge.errors import LabelError, MaskforgeError, OutputError, OutputExistsError
from maskforge.files import (
    CLASSES,
    MANIFEST,
    MASKS,
    OVERLAYS,
    PROBABILITIES,
    RESULT_FOLDERS,
    SHARD,
    UNFINISHED,
    dump_record,
    open_regular,
    unwritable,
    write_whole,
)
from maskforge.images.page import page_path
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.masks.classfile import dump_class_map, load_saved_class_map
from maskforge.masks.maskfile import AnyMask
from maskforge.masks.stackfile import StackFile
from maskforge.outputs.folder import OutputFolder, StagedFile, digest_of
from maskforge.outputs.journal import Done, Places
from maskforge.outputs.links import check_links

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_FOLDERS = frozenset((*RESULT_FOLDERS, PROBABILITIES, OVERLAYS))

_IRRELEVANT = ("workers", "shard", "dask")
"""Options that change nothing in the files of an image."""


def check_results(
    folder: OutputFolder, *, overwrite: bool, also: Sequence[str] = RESULT_FOLDERS
) -> None:
    """Make sure that results can be written into a folder without harm to anything else.

    Args:
        folder: The folder.
        overwrite: Whether the results of an earlier run may be replaced.
        also: The folders of results that are written beside manifest and class map.

    Raises:
        OutputExistsError: If there are results and ``overwrite`` is not set, or if there is
            something that looks like results and that no earlier run has written. A run that goes
            on takes its own.
        OutputError: If the folder cannot be looked at, or a folder of results is a link.
    """
    path = folder.path
    try:
        names = (MANIFEST, UNFINISHED, CLASSES, *also)
        present = [one for one in names if os.path.lexists(path / one)]
        is_ours = is_dataset(path) or folder.is_abandoned
    except OSError as error:
        raise unwritable(path, error) from None
    check_links(path, also)
    if present and not overwrite and not folder.goes_on:
        is_unfinished = UNFINISHED in present or folder.is_abandoned
        raise OutputExistsError(
            "holds an unfinished run with other sources, or of another command"
            if is_unfinished
            else f"already holds {', '.join(present)}",
            origin=Origin(path, ""),
            hint="choose another folder, or replace the results with --overwrite",
        )
    if present and not (is_ours and _is_class_map(path / CLASSES)):
        raise OutputExistsError(
            f"holds {', '.join(present)} that maskforge did not write",
            origin=Origin(path, ""),
            hint="choose another folder, or remove them",
        )


def _is_class_map(path: Path) -> bool:
    """Tell whether a file may be replaced by a class map: SuperAnnotate's has the same name."""
    if not os.path.lexists(path):
        return True
    try:
        load_saved_class_map(path)
    except LabelError:
        return False
    return True


class Account(msgspec.Struct, frozen=True):
    """What became of an image in a run that was ended, as the run that goes on needs it.

    Attributes:
        name: Name of its mask.
        files: The paths of the manifest: ``mask``, ``instances``, ``image``.
        entry: Its line of the manifest before its files were written.
    """

    name: str
    files: dict[str, str | None]
    entry: ManifestEntry


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A line of the manifest that is not written yet."""

    entry: ManifestEntry
    staged: Sequence[StagedFile]
    key: str
    account: Account | None
    recalled: Mapping[str, str]


class DatasetWriter:
    """Writes masks, class map and manifest; whatever ends it, they fit together.

    Every image is listed as soon as it is done, in an unfinished manifest that gets its name at
    the end. Whenever the run is ended, even by the system, this lists the images that were done,
    and the same run can go on with them.
    """

    def __init__(
        self, folder: OutputFolder, classes: ClassMap, shard: ShardRecord | None = None
    ) -> None:
        """Write nothing yet.

        Args:
            folder: The folder, locked; what an earlier run wrote into it is removed.
            classes: The class map.
            shard: Which part of a run is written; None for the whole.
        """
        self._folder = folder
        self._classes = classes
        self._shard = shard
        self._encoder = msgspec.json.Encoder()
        self._lines: IO[bytes] | None = None
        self._stack: tuple[str, StackFile] | None = None
        self._staged: list[StagedFile] = []
        self._waiting: list[_Waiting] = []
        self._end = -1
        self._is_shared = False

    def __enter__(self) -> Self:
        path = self._folder.path
        try:
            if self._folder.goes_on:
                self._folder.remove_unfinished(_FOLDERS)
            else:
                _remove_earlier(self._folder)
            self._folder.begin()
            if self._shard is not None:  # first, so that nothing of it is taken for a whole
                write_whole(path / SHARD, dump_record(self._shard))
            unfinished = path / UNFINISHED
            unfinished.unlink(missing_ok=True)
            self._lines = unfinished.open("xb")
            # From here on the old manifest would be wrong about ids and masks.
            (path / MANIFEST).unlink(missing_ok=True)
            if self._shard is None:
                (path / SHARD).unlink(missing_ok=True)
            write_whole(path / CLASSES, dump_class_map(self._classes))
        except BaseException as error:
            if self._lines is not None:
                self._lines.close()
            if isinstance(error, OSError) and not isinstance(error, MaskforgeError):
                raise unwritable(path / MANIFEST, error) from None
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._lines is not None
        try:
            if kind is None:
                self._finish()
            else:
                with contextlib.suppress(OSError):  # the pages so far
                    self._finish_stack()
        finally:
            try:
                self._tidy()
            finally:
                with contextlib.suppress(OSError):  # what a full disk did not take
                    self._lines.close()

    def _tidy(self) -> None:
        """Put files in their places that are listed, and remove the others."""
        assert self._lines is not None
        is_listed = 0 <= self._end <= self._lines.tell()
        for staged in (one for line in self._waiting for one in line.staged):
            with contextlib.suppress(OutputError):  # it may have its place already
                staged.settle() if is_listed else staged.drop()
        for staged in self._staged:
            staged.drop()
        if self._stack is not None:
            self._stack[1].drop()
        if self._is_shared:  # with a process that may have been ended from outside
            self._folder.remove_unfinished(_FOLDERS)

    def _finish(self) -> None:
        """Put the manifest in its place, if everything that it lists is in its own.

        Raises:
            OutputError: If it is not, or the manifest cannot be written.
        """
        assert self._lines is not None
        self._finish_stack()
        self._folder.check_there()
        path = self._folder.path
        for name, _ in _listed(path / UNFINISHED):
            if not os.path.lexists(path / name):
                raise OutputError(
                    "was removed while maskforge was writing into the folder",
                    origin=Origin(path / name, ""),
                    hint="run the command again",
                )
        if self._folder.goes_on:
            written = Places((name, 0) for name, _ in _listed(path / UNFINISHED))
            self._folder.remove_left(written, _FOLDERS)
        try:
            self._lines.close()
            (path / UNFINISHED).replace(path / MANIFEST)
        except OSError as error:
            raise unwritable(path / MANIFEST, error) from None

    def write_masks(
        self,
        name: str,
        file_type: str,
        mask: AnyMask,
        instances: AnyMask | None,
        *,
        palette: bool = True,
    ) -> dict[str, str]:
        """Write the masks of one image.

        Args:
            name: Their name.
            file_type: ``png``, ``tiff`` or ``npy``.
            mask: The mask.
            instances: The instance map, or None.
            palette: Whether the values of the mask are class ids, which have colors.

        Returns:
            The paths for the manifest: ``mask``, and ``instances`` if there are any.

        Raises:
            OutputError: If a file cannot be written.
        """
        try:
            made = [*mask_files(mask, instances, file_type, self._classes.colors, palette=palette)]
        except MemoryError:
            raise no_memory(Origin(self._folder.path / MASKS / name, "")) from None
        return self.write_made(name, made)

    def write_made(self, name: str, files: Iterable[MadeFile]) -> dict[str, str]:
        """Write the files of one image.

        Args:
            name: The name of its mask.
            files: What was encoded, perhaps in files of its own.

        Returns:
            The paths for the manifest, by the kinds of files.

        Raises:
            OutputError: If a file cannot be written.
        """
        paths: dict[str, str] = {}
        for file in files:
            if file.kind == "mask":
                self._finish_stack()
            place = paths[file.kind] = file.name_of(name)
            if file.aside is None:
                self.write_file(place, file.content)
            else:
                self._staged.append(self._folder.adopt(place, file.aside, file.digest))
        return paths

    def write_page(self, name: str, mask: AnyMask) -> dict[str, str]:
        """Write the mask of the next page of a stack; pages of one stack follow one another.

        Args:
            name: The name of the stack.
            mask: (H, W) class ids.

        Returns:
            The path for the manifest: ``mask``.

        Raises:
            OutputError: If the file cannot be written.
        """
        place = f"{MASKS}/{name}.tif"
        if self._stack is None or self._stack[0] != place:
            self._finish_stack()
            self._stack = place, StackFile(self._folder.place(place), self._classes.colors)
        return {"mask": page_path(Path(place), self._stack[1].add(mask)).as_posix()}

    def write_file(self, name: str, content: bytes) -> str:
        """Write a file that belongs to the next line of the manifest.

        Returns:
            Its name.

        Raises:
            OutputError: If the file cannot be written.
        """
        self._staged.append(self._folder.stage(name, content))
        return name

    def take_file(self, name: str, folder: Path, source: str, digest: str) -> None:
        """Take over a file of another folder that belongs to the next line of the manifest.

        Args:
            name: Its name here.
            folder: The other folder.
            source: Its name there.
            digest: Its SHA-256.

        Raises:
            DatasetError: If it is not that file.
            OutputError: If it cannot be written.
        """
        self._staged.append(self._folder.take(name, folder, source, digest))

    def add(
        self,
        entry: ManifestEntry,
        key: str = "",
        account: Account | None = None,
        present: Mapping[str, str] | None = None,
    ) -> None:
        """Add the line of one image to the manifest, and put its files in their places.

        Lines of the pages of a stack wait until the stack is whole.

        Args:
            entry: The line.
            key: Digest of all that the files of the image depend on; empty if nobody knows it.
            account: What ``recall`` shall return if the run is ended and goes on.
            present: SHA-256 of its files that are in their places already, by name.

        Raises:
            OutputError: If a file cannot be written.
        """
        self._waiting.append(_Waiting(entry, self._staged, key, account, {}))
        self._staged = []
        if self._stack is None:
            self._list_waiting(present or {})

    @property
    def known(self) -> Places:
        """The keys of the images that the run that goes on has done."""
        return self._folder.done

    def folder_aside(self) -> Path:
        """Return a folder for files that are beside their places, as those of other processes."""
        self._is_shared = True
        return self._folder.place(f"{MASKS}/x").parent

    def recall(self, key: str) -> tuple[Account, Mapping[str, str]] | None:
        """Return what is known of an image that is done already, and the digests of its files.

        Args:
            key: Digest of all that its files depend on.
        """
        done = self._folder.recall(key)
        with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
            if done is not None:
                return msgspec.json.decode(done.account, type=Account), done.files
        return None

    def add_recalled(self, entry: ManifestEntry, files: Mapping[str, str]) -> None:
        """Add the line of an image that is done already.

        Args:
            entry: The line.
            files: The digests of its files, from ``recall``.

        Raises:
            OutputError: If the line cannot be written.
        """
        self._finish_stack()
        self._waiting.append(_Waiting(entry, (), "", None, files))
        self._list_waiting({})

    def _finish_stack(self) -> None:
        if self._stack is None:
            return
        name, stack = self._stack
        aside = stack.close()
        self._list_waiting({name: digest_of(aside)} if aside is not None else {})
        stack.finish()
        self._stack = None

    def _list_waiting(self, stack: Mapping[str, str]) -> None:
        """Write the lines that wait, and only then put the files in their places."""
        assert self._lines is not None
        self._folder.check_there()
        try:
            lines = b"".join(self._line(one, stack) for one in self._waiting)
            # Whatever interrupts this: files get their places if, and only if, they are listed.
            self._end = self._lines.tell() + len(lines)
            self._lines.write(lines)
            self._lines.flush()
        except OSError as error:
            self._end = -1
            raise unwritable(self._folder.path / MANIFEST, error) from None
        for one in self._waiting:
            for file in reversed(one.staged):  # the mask last: without it, the line does not count
                file.settle()
        self._waiting.clear()
        self._end = -1

    def _line(self, one: _Waiting, stack: Mapping[str, str]) -> bytes:
        """Return a line of the manifest, of which the run that goes on can know."""
        files = {**one.recalled, **{file.name: file.digest for file in one.staged}, **stack}
        if not one.recalled:
            account = msgspec.Raw(self._encoder.encode(one.account))
            self._folder.list_done(Done(one.key, files, account))
        digests = files if one.entry.mask is not None else {}
        listed = msgspec.structs.replace(one.entry, digests=digests)
        if isinstance(listed, ShardEntry):
            listed = msgspec.structs.replace(listed, files=files)
        return named(self._encoder.encode(listed).decode()).encode() + b"\n"


def digest_of_settings(options: DataclassInstance, classes: ClassMap) -> bytes:
    """Return a digest of what the files of all images depend on.

    Args:
        options: Of the run; one that changes makes a run that goes on do everything again.
        classes: The class map.
    """
    chosen = settings_of(options, classes)
    return hashlib.sha256(msgspec.json.encode(chosen)).digest()


def settings_of(options: DataclassInstance, classes: ClassMap) -> dict[str, str]:
    """Return what the files of all images depend on, by name; see ``digest_of_settings``."""
    chosen = {
        one.name: repr(getattr(options, one.name))
        for one in fields(options)
        if one.name not in _IRRELEVANT
    }
    return chosen | {"classes": dump_class_map(classes).decode(), "version": maskforge.__version__}


def _remove_earlier(folder: OutputFolder) -> None:
    """Remove what earlier runs wrote into a folder, whether or not they have finished."""
    for name in (UNFINISHED, MANIFEST):
        folder.remove_earlier(_listed(folder.path / name), _FOLDERS)
    folder.remove_unfinished(_FOLDERS)


def _listed(manifest: Path) -> Iterator[tuple[str, str]]:
    """Yield the files that a manifest lists, as far as it can be read: names with SHA-256."""
    decoder = msgspec.json.Decoder(_Digests)
    with contextlib.suppress(OSError), open_regular(manifest) as stream:
        for line in stream:
            with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
                yield from decoder.decode(line).digests.items()


class _Digests(msgspec.Struct):
    """What has to be known of a line to remove its files."""

    digests: dict[str, str] = {}
