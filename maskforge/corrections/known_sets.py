"""Data sets that are there already: the predictions, and what the corrections are added to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Encoding, FileType
from maskforge.dataset.manifest import (
    Dataset,
    DatasetItem,
    ManifestEntry,
    check_finished,
    is_dataset,
    open_dataset,
    relative,
)
from maskforge.dataset.writer import DatasetWriter
from maskforge.errors import DatasetError, LabelError, OptionError, listing
from maskforge.examples.network_target import network_target
from maskforge.files import EXTRACTED, MANIFEST, PathLike, as_source, read_bytes
from maskforge.images.page import split_page
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.remote.address import identity

_FILE_TYPES: dict[str, FileType] = {".png": "png", ".tif": "tiff", ".tiff": "tiff", ".npy": "npy"}


def open_known(folder: PathLike, command: str) -> Dataset:
    """Open a data set.

    Args:
        folder: The folder.
        command: What writes such a folder, for the hint.

    Raises:
        DatasetError: If it is none, or its run has not finished.
        LabelError: If its class map cannot be used.
    """
    path = as_source(folder)
    if not is_dataset(path):
        raise DatasetError(
            f"holds no {MANIFEST}" if path.exists() else "does not exist",
            origin=Origin(path, ""),
            hint=f"name a folder that `{command}` wrote",
        )
    check_finished(path, "error")
    return open_dataset(path)


def check_place(out: Path, known: list[Dataset]) -> None:
    """Make sure that no data set is replaced by the one that is made of it.

    Raises:
        OptionError: If one would be.
    """
    for one in known:
        if identity(out) == identity(one.folder):
            raise OptionError(
                f"{out} is a data set that is read, and would be replaced",
                hint="choose another folder with --out",
            )


def shared_classes(given: ClassMap | None, known: list[Dataset]) -> ClassMap:
    """Return the class map of the new data set: the given one, or that of the last known set.

    A class is a label of itself, since predictions are written with the names of the classes.

    Raises:
        LabelError: If a data set has a class that the class map has not, or with another id.
    """
    classes = known[-1].classes if given is None else given
    for one in known:
        other = {id_: one.classes.names[id_] for id_ in one.classes.foreground_ids}
        differ = [
            f"{name}={id_}"
            for id_, name in other.items()
            if id_ not in classes.ids or classes.names[id_] != name
        ]
        if differ:
            raise LabelError(
                f"has {listing(differ)}, which the class map of the new data set has not: "
                f"{classes}",
                origin=Origin(one.folder, ""),
                hint="ids must not change: convert the older annotations again with --classes "
                f"{known[0].folder}/classes.json, or give a class map that has all of them",
            )
    return replace(classes, classes=tuple(_with_name(classes, one) for one in classes.classes))


def _with_name(classes: ClassMap, one: MaskClass) -> MaskClass:
    try:
        classes.value(one.name)
    except LabelError:
        return replace(one, labels=(*one.labels, one.name))
    return one


def encoding_of(dataset: Dataset) -> tuple[Encoding, FileType]:
    """Return encoding and type of the mask files of a data set, as its first mask has them."""
    for item in dataset:
        suffix = split_page(item.mask_path)[0].suffix.lower()
        return item.entry.encoding, _FILE_TYPES.get(suffix, "png")
    return "integer", "png"


def target_of(
    mask: NDArray[np.generic], encoding: Encoding, own: ClassMap, classes: ClassMap, file: Path
) -> NDArray[np.uint8]:
    """Return a mask as (H, W, K) of 0, 1 and 255 for void, with a channel for every class.

    Args:
        mask: The mask, as the encoding says.
        encoding: What it holds.
        own: The class map that it was made with.
        classes: The classes that are wanted.
        file: Where it is from, for errors.

    Raises:
        DatasetError: If it is not such a mask.
    """
    channels = own.ids if encoding == "onehot" else own.foreground_ids
    return network_target(mask, encoding, channels, None, classes, "sigmoid", Origin(file, ""))


def images_beside(known: list[Dataset]) -> Iterator[Path]:
    """Yield every folder with images of the data sets, once."""
    seen = set()
    for dataset in known:
        for item in dataset:
            if item.image_path is not None:
                folder = Path(os.path.realpath(item.image_path.parent))
                if folder not in seen and folder.is_dir():
                    seen.add(folder)
                    yield folder


@dataclass(frozen=True, slots=True)
class Mover:
    """Takes lines of a data set over into another one.

    Attributes:
        dataset: Where they are.
        out: Folder of the other one.
    """

    dataset: Dataset
    out: Path

    def entry(self, entry: ManifestEntry) -> ManifestEntry:
        """Return a line with all paths as they are seen from the other folder."""
        return msgspec.structs.replace(
            entry,
            image=self._path(entry.image),
            source=self._path(entry.source) or "",
            issues=[
                msgspec.structs.replace(one, file=self._path(one.file) or "")
                for one in entry.issues
            ],
        )

    def write(self, entries: list[ManifestEntry], writer: DatasetWriter) -> None:
        """Write lines with their masks, byte by byte as they are.

        Raises:
            DatasetError: If a mask cannot be read.
            OutputError: If a file cannot be written.
        """
        written: set[str] = set()
        for entry in entries:
            is_extracted = (entry.image or "").startswith(f"{EXTRACTED}/")
            files = [entry.mask, entry.instances, entry.image if is_extracted else None]
            for name in filter(None, files):
                place = split_page(self.dataset.folder / name)[0]
                key = place.relative_to(self.dataset.folder).as_posix()
                if key not in written:  # pages are in one file
                    writer.write_file(key, self._content(place))
                    written.add(key)
            moved = self.entry(entry)
            writer.add(msgspec.structs.replace(moved, image=entry.image) if is_extracted else moved)

    def _path(self, name: str | None) -> str | None:
        return relative(self.dataset.folder / name, self.out) if name else name

    def _content(self, path: Path) -> bytes:
        try:
            return read_bytes(path)
        except OSError as error:
            raise DatasetError(
                f"cannot be read: {error.strerror or error}", origin=Origin(path, "")
            ) from None


def read_target(dataset: Dataset, entry: ManifestEntry, classes: ClassMap) -> NDArray[np.uint8]:
    """Return the mask of a line in the form of ``target_of``.

    Raises:
        DatasetError: If it cannot be read, or is not what the manifest says.
    """
    item = DatasetItem(entry, dataset.folder)
    mask = item.read_mask()
    return target_of(mask, entry.encoding, dataset.classes, classes, item.mask_path)
