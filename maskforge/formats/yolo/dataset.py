"""Data sets of YOLO: what ``data.yaml`` leads to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskforge.errors import FormatError, shorten
from maskforge.files import walk
from maskforge.formats.base import ImageRecord, ReadContext
from maskforge.formats.jsonio import Document
from maskforge.formats.yolo.label_file import label_record
from maskforge.formats.yolo.names import NAME_FILES, SPLITS, names_of
from maskforge.formats.yolo.semantic import MASKS_KEY, mask_record
from maskforge.images.suffixes import is_image_name
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import ImageState

_IMAGES = "images"
_UP = "../"


@dataclass(frozen=True)
class _Entry:
    """One image, or a label file without one.

    Attributes:
        split: For what it is meant, such as ``train``.
        label: Where its label file is, or would be.
        image: The image; None if there is only a label file.
    """

    split: str
    label: Path
    image: Path | None


def read_dataset(document: Document, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the images of all parts of a data set, and label files without an image.

    Raises:
        FormatError: If the names cannot be read, or no folder of the data set exists.
    """
    root: dict[str, Any] = document.root
    names = names_of(root["names"], document.origin.at(".names"))
    rest = {key: value for key, value in root.items() if key not in (*SPLITS, "path")}
    for entry in _entries(root, document, context):
        extra = {"split": entry.split, "data": rest}
        if MASKS_KEY in root and entry.label.is_file():
            if entry.image is not None:
                yield mask_record(entry.label, entry.image, names, rest, entry.split)
        elif entry.label.is_file():
            try:
                label = context.sibling(entry.label)
            except FormatError as error:
                context.report(error.issue())
                continue
            yield label_record(label, entry.image, names, extra, is_pose="kpt_shape" in root)
        elif entry.image is not None:
            image = entry.image
            written = Path(os.path.relpath(image, document.path.parent)).as_posix()
            origin = Origin(document.path, f"$.{entry.split} {image.name}")
            yield ImageRecord(
                image.name, (written,), (), ImageState.UNVISITED, origin, extra=extra, upright=True
            )


def _entries(root: dict[str, Any], document: Document, context: ReadContext) -> Iterator[_Entry]:
    """Yield the entries of all parts, each image and each label file once."""
    masks = root.get(MASKS_KEY)
    labels = _Labels(masks, ".png") if isinstance(masks, str) and masks else _Labels()
    places = _Places(root.get("path"), document, context)
    seen: set[Path] = set()
    found = False
    for split in SPLITS:
        written = root.get(split)
        for one in written if isinstance(written, list) else [written]:
            if not isinstance(one, str) or not one:
                continue
            place = places.find(one)
            if place is None:
                text = f"{split}: {shorten(one)} is not below the folder of the source"
                context.report(Issue(Code.INVALID_FILE, text, document.origin.at(f".{split}")))
                continue
            found = True
            for entry in _in_place(split, place, places, labels, context):
                if entry.label not in seen:
                    seen.add(entry.label)
                    yield entry
    if not found:
        raise FormatError(
            Code.INVALID_FILE,
            "none of its folders of images exists below the folder of the source",
            origin=document.origin,
            hint="put data.yaml beside the folders, with path: . and train: images/train",
        )


class _Places:
    """Where the paths in a ``data.yaml`` lead; nothing above the source is looked at."""

    def __init__(self, path: object, document: Document, context: ReadContext) -> None:
        folder = document.path.parent
        written = [folder / path] if isinstance(path, str) and path else []
        self._folders = [*written, folder]
        self._roots = [_whole(one) for one in (context.source, folder)]

    def find(self, written: str, beside: Path | None = None) -> Path | None:
        """Return what a path leads to, also where Roboflow has one folder too many in it."""
        written = written.replace("\\", "/")
        for folder in (*self._folders, *([beside] if beside else [])):
            for one in dict.fromkeys((written, written.removeprefix(_UP))):
                place = _whole(folder / one)
                inside = any(root in (place, *place.parents) for root in self._roots)
                if inside and os.path.exists(place):  # noqa: PTH110 - never raises
                    return place
        return None


def _whole(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are


@dataclass(frozen=True)
class _Labels:
    """Where the labels of images are: in another folder than ``images``, or else beside them."""

    folder: str = "labels"
    suffix: str = ".txt"

    def of(self, image: Path) -> Path:
        """Return where the labels of an image are, or would be."""
        parts = list(image.parts)
        for index in range(len(parts) - 2, -1, -1):
            if parts[index] == _IMAGES:
                parts[index] = self.folder
                break
        return Path(*parts).with_suffix(self.suffix)


def _in_place(
    split: str, place: Path, places: _Places, labels: _Labels, context: ReadContext
) -> Iterator[_Entry]:
    """Yield the images of a folder, or of a list of paths, and label files without an image."""
    if not place.is_dir():
        yield from _listed(split, place, places, labels, context)
        return
    images = [folder / name for folder, files in walk(place) for name in files]
    images = [one for one in images if is_image_name(one.name) and labels.of(one) != one]
    label_files = {one: labels.of(one) for one in images}
    yield from (_Entry(split, label, image) for image, label in label_files.items())
    folder = labels.of(place / "x").parent
    known = set(label_files.values())
    if labels.suffix != ".txt" or not folder.is_dir():
        return
    for above, files in walk(folder):
        for name in files:
            path = above / name
            if path.suffix == ".txt" and name not in NAME_FILES and path not in known:
                yield _Entry(split, path, None)


def _listed(
    split: str, file: Path, places: _Places, labels: _Labels, context: ReadContext
) -> Iterator[_Entry]:
    try:
        text = context.sibling(file).root
    except FormatError as error:
        context.report(error.issue())
        return
    for number, line in enumerate(text.splitlines() if isinstance(text, str) else (), 1):
        written = line.strip()
        if not written:
            continue
        image = places.find(written, file.parent)
        if image is None or not is_image_name(image.name):
            text = f"{shorten(written)} is not an image below the folder of the source"
            context.report(Issue(Code.INVALID_FILE, text, Origin(file, f"line {number}")))
            continue
        yield _Entry(split, labels.of(image), image)
