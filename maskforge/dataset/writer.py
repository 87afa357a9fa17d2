"""Writing a folder of masks, so that its manifest describes exactly the masks beside it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from maskforge.dataset.manifest import ManifestEntry, is_dataset, is_inside, open_dataset
from maskforge.errors import LabelError, MaskforgeError, OutputError, OutputExistsError
from maskforge.files import (
    CLASSES,
    EXTRACTED,
    INSTANCES,
    MANIFEST,
    MASKS,
    RESULT_FOLDERS,
    read_bytes,
    unwritable,
    write_whole,
)
from maskforge.images.decoder import image_suffix
from maskforge.images.page import page_path, split_page
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.masks.classfile import dump_class_map, load_saved_class_map
from maskforge.masks.maskfile import AnyMask, encode_mask
from maskforge.masks.stackfile import StackFile

_UNFINISHED = f".{MANIFEST}.part"


def check_results(folder: Path, *, overwrite: bool) -> frozenset[str]:
    """Make sure that results can be written into a folder without harm to anything else.

    Returns:
        The masks of an earlier run, as its manifest lists them.

    Raises:
        OutputExistsError: If there are results and ``overwrite`` is not set, or if there is
            something that looks like results and that no earlier run has written.
        OutputError: If the folder cannot be looked at.
    """
    try:
        present = [one for one in (MANIFEST, CLASSES, *RESULT_FOLDERS) if (folder / one).exists()]
        is_ours = is_dataset(folder) or (folder / _UNFINISHED).exists()
    except OSError as error:
        raise unwritable(folder, error) from None
    if present and not overwrite:
        raise OutputExistsError(
            f"already holds {', '.join(present)}",
            origin=Origin(folder, ""),
            hint="choose another folder, or replace the results with --overwrite",
        )
    if present and not (is_ours and _is_class_map(folder / CLASSES)):
        raise OutputExistsError(
            f"holds {', '.join(present)} that maskforge did not write",
            origin=Origin(folder, ""),
            hint="choose another folder, or remove them",
        )
    if not is_dataset(folder):
        return frozenset()
    try:
        return frozenset(_files(open_dataset(folder).entries))
    except MaskforgeError:
        return frozenset()


def _is_class_map(path: Path) -> bool:
    """Tell whether a file may be replaced by a class map: SuperAnnotate's has the same name."""
    if not path.exists():
        return True
    try:
        load_saved_class_map(path)
    except LabelError:
        return False
    return True


class DatasetWriter:
    """Writes masks, class map and manifest; whatever ends it, they fit together.

    Masks appear one by one, the manifest at the end. After an interruption it lists the masks that
    were finished, and there are no others.
    """

    def __init__(self, folder: Path, classes: ClassMap, previous: Iterable[str] = ()) -> None:
        """Write nothing yet.

        Args:
            folder: The folder; made if missing.
            classes: The class map.
            previous: Masks of an earlier run, whose files are removed at the end.
        """
        self._folder = folder
        self._classes = classes
        self._previous = self._files_of(previous)
        self._begun: set[str] = set()
        self._encoder = msgspec.json.Encoder()
        self._lines: IO[bytes] | None = None
        self._unfinished = folder / _UNFINISHED
        self._stack: tuple[str, StackFile] | None = None

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lines = self._unfinished.open("wb")
            # From here on the old manifest would be wrong about ids and masks.
            (self._folder / MANIFEST).unlink(missing_ok=True)
            write_whole(self._folder / CLASSES, dump_class_map(self._classes))
        except BaseException as error:
            if self._lines is not None:
                self._lines.close()
            with contextlib.suppress(OSError):
                self._unfinished.unlink(missing_ok=True)
            if isinstance(error, OSError) and not isinstance(error, MaskforgeError):
                raise unwritable(self._folder / MANIFEST, error) from None
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._finish(complete=kind is None)
        except OSError as failure:
            if kind is None:
                raise unwritable(self._folder / MANIFEST, failure) from None
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):
                self._finish(complete=False)
            raise

    def _finish(self, *, complete: bool) -> None:
        """Put the manifest in its place and remove what it does not list; again if interrupted."""
        assert self._lines is not None
        failure: OSError | None = None
        try:
            self._finish_stack()
            self._lines.close()
        except OSError as full:  # what was buffered does not fit on the disk
            failure = full
        if self._unfinished.exists():
            whole = complete and failure is None
            listed = self._begun if whole else self._files_of(_whole_lines(self._unfinished))
            self._remove((self._previous | self._begun) - listed, listed)
            self._unfinished.replace(self._folder / MANIFEST)
        if failure is not None:
            raise failure

    def write_masks(
        self, name: str, file_type: str, mask: AnyMask, instances: AnyMask | None
    ) -> dict[str, str]:
        """Write the masks of one image.

        Returns:
            The paths for the manifest: ``mask``, and ``instances`` if there are any.

        Raises:
            OutputError: If a file cannot be written.
        """
        files = {"mask": f"{MASKS}/{name}.{file_type}"}
        self._write(files["mask"], mask, file_type)
        if instances is not None:
            wide = instances.dtype.itemsize > 2  # more than a PNG can hold
            type_ = "tiff" if wide and file_type == "png" else file_type
            files["instances"] = f"{INSTANCES}/{name}.{type_}"
            self._write(files["instances"], instances, type_)
        return files

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
            self._stack = place, StackFile(self._folder / place, self._classes.colors)
            self._begun.add(place)
        return {"mask": page_path(Path(place), self._stack[1].add(mask)).as_posix()}

    def _finish_stack(self) -> None:
        if self._stack is not None:
            stack = self._stack[1]
            self._stack = None
            stack.finish()

    def _files_of(self, listed: Iterable[str]) -> frozenset[str]:
        """Return the files of what a manifest lists: pages of a stack are in one file."""
        files = (split_page(self._folder / one)[0] for one in listed)
        return frozenset(file.relative_to(self._folder).as_posix() for file in files)

    def write_image(self, name: str, image: bytes) -> str:
        """Write an image that was embedded in an annotation file, as it is.

        Args:
            name: The name of its mask.
            image: The encoded image.

        Returns:
            The path for the manifest.

        Raises:
            OutputError: If the file cannot be written.
        """
        path = f"{EXTRACTED}/{name}{image_suffix(image)}"
        self._begun.add(path)
        write_whole(self._folder / path, image)
        return path

    def _write(self, name: str, mask: AnyMask, file_type: str) -> None:
        path = self._folder / name
        try:
            content = encode_mask(mask, file_type, self._classes.colors)
        except MemoryError:
            raise OutputError(
                "there is not enough memory to encode the mask", origin=Origin(path, "")
            ) from None
        self._begun.add(name)
        write_whole(path, content)

    def add(self, entry: ManifestEntry) -> None:
        """Add the line of one image to the manifest.

        Raises:
            OutputError: If the file cannot be written.
        """
        assert self._lines is not None
        try:
            self._lines.write(self._encoder.encode(entry) + b"\n")
        except OSError as error:
            raise unwritable(self._folder / MANIFEST, error) from None

    def _remove(self, names: Iterable[str], listed: Iterable[str]) -> None:
        kept = {name.casefold(): name for name in listed}
        for name in names:
            path = self._folder / name
            with contextlib.suppress(OSError):
                twin = kept.get(name.casefold())
                # On some systems names that differ in case are one file.
                if twin is None or not path.samefile(self._folder / twin):
                    path.unlink()


def _files(entries: Iterable[ManifestEntry]) -> set[str]:
    """Return what a manifest lists, as far as it is where ``convert`` writes it."""
    files = {name for entry in entries for name in (entry.mask, entry.instances, entry.image)}
    folders = tuple(f"{folder}/" for folder in RESULT_FOLDERS)
    return {one for one in files if one and one.startswith(folders) and is_inside(one)}


def _whole_lines(path: Path) -> set[str]:
    """Cut a line that was not finished from a manifest; return the masks and images it lists."""
    content = read_bytes(path)
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    decoder = msgspec.json.Decoder(ManifestEntry)
    return _files(decoder.decode(line) for line in whole.splitlines())
