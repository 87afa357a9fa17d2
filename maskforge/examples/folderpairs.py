"""Images in one folder and masks in another, paired by name; or one file of each."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection
from pathlib import Path

from maskforge.dataset.manifest import is_dataset
from maskforge.errors import DatasetError, listing
from maskforge.examples.candidate import Candidate, Candidates
from maskforge.files import CLASSES, MASKS, is_text, left_out, walk
from maskforge.images.suffixes import IMAGE_SUFFIXES
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.masks.classfile import load_saved_class_map

_MASK_SUFFIXES = IMAGE_SUFFIXES | {".npy"}

_ENDING = re.compile(
    r"(?<=.)[ _.-](masks?|labels?|segs?|segmentations?|gt|ground_?truth|annotations?)$",
    re.IGNORECASE,
)
"""What stands behind the image's name in names of masks, as in ``abc_01_mask.gif``."""

_USUAL_FOLDERS = (
    ("images", "masks"),
    ("image", "mask"),
    ("images", "labels"),
    ("image", "label"),
    ("imgs", "masks"),
)


def usual_folders(folder: Path) -> tuple[Path, Path] | None:
    """Return the folders of images and masks below a folder, if they have usual names."""
    for images, masks in _USUAL_FOLDERS:
        if os.path.isdir(folder / images) and os.path.isdir(folder / masks):  # noqa: PTH112 - never raises
            return folder / images, folder / masks
    return None


def from_folders(images: Path, masks: Path) -> Candidates:
    """Pair images and masks that have one relative path, suffixes aside.

    Endings of mask names such as ``_mask``, ``_label``, ``_seg`` and ``_gt`` do not count. Images
    and masks without partner, or with several, are left out, counted and named. Two files are a
    pair whatever their names.

    Raises:
        DatasetError: If a folder is missing, or no pair is found.
        LabelError: If the class map beside the masks cannot be used.
    """
    if os.path.isfile(images) and os.path.isfile(masks):  # noqa: PTH113 - never raises
        pair = Candidate(name=images.stem, image=images, mask=masks)
        classes, _ = _written_masks(masks.parent)
        return Candidates((pair,), f"{images} and {masks}", classes)
    for folder in (images, masks):
        if not os.path.isdir(folder):  # noqa: PTH112
            raise DatasetError(
                "is not a folder",
                origin=Origin(folder, ""),
                hint="name a folder of images and one of masks, or one file of each",
            )
    classes, masks = _written_masks(masks)
    unreadable: list[str] = []
    image_files = _files(images, IMAGE_SUFFIXES, unreadable)
    mask_files = _files(masks, _MASK_SUFFIXES, unreadable)
    if images.resolve() == masks.resolve():
        mask_files = {key: value for key, value in mask_files.items() if _ENDING.search(key)}
        image_files = {key: one for key, one in image_files.items() if key not in mask_files}
    elif images.resolve() in masks.resolve().parents:
        inner = {path for paths in mask_files.values() for path in paths}
        image_files = {
            key: left
            for key, paths in image_files.items()
            if (left := [path for path in paths if path.resolve() not in inner])
        }
    pairs, notes = _pair(image_files, mask_files)
    notes = [*dict.fromkeys(unreadable), *notes]
    if not pairs:
        raise DatasetError(
            f"no image of {images} has a mask of the same name here "
            f"({_total(image_files)} images, {_total(mask_files)} masks)",
            origin=Origin(masks, ""),
            hint="names must be equal but for the suffix and an ending such as _mask; or write a "
            "CSV table with the columns image and mask",
        )
    return Candidates(tuple(pairs), f"{images} and {masks}", classes, tuple(notes))


def _written_masks(masks: Path) -> tuple[ClassMap | None, Path]:
    """Return the class map of masks that maskforge wrote, and the folder they are in."""
    written = masks if is_dataset(masks) else masks.parent
    if is_dataset(written) and masks in (written, written / MASKS):
        return load_saved_class_map(written / CLASSES), written / MASKS
    return None, masks


def _files(folder: Path, suffixes: Collection[str], unreadable: list[str]) -> dict[str, list[Path]]:
    """Return the files below a folder by their relative path without suffix."""
    found: dict[str, list[Path]] = {}
    for parent, names in walk(folder.resolve(), left_out(unreadable)):
        for name in names:
            path = parent / name
            if path.suffix.lower() in suffixes and not name.startswith(".") and is_text(name):
                place = path.relative_to(folder.resolve()).with_suffix("").as_posix()
                found.setdefault(unicodedata.normalize("NFC", place), []).append(path)
    return found


def _pair(
    images: dict[str, list[Path]], masks: dict[str, list[Path]]
) -> tuple[list[Candidate], list[str]]:
    by_stripped: dict[str, list[str]] = {}
    for key in masks:
        if key not in images and (stripped := _ENDING.sub("", key)) != key:
            by_stripped.setdefault(stripped, []).append(key)
    pairs = []
    lonely, ambiguous = [], []
    used: set[str] = set()
    for key, paths in sorted(images.items()):
        partners = [key] if key in masks else by_stripped.get(key, [])
        used.update(partners)
        files = [path for partner in partners for path in masks[partner]]
        if len(paths) == len(files) == 1:
            pairs.append(Candidate(name=key, image=paths[0], mask=files[0]))
        elif files:
            ambiguous.append(key)
        else:
            lonely.append(key)
    unused = sorted(masks.keys() - used)
    notes = [
        f"{what}, left out ({len(keys)}): {listing(keys)}"
        for keys, what in (
            (lonely, "images without mask"),
            (unused, "masks without image"),
            (ambiguous, "names with several images or masks"),
        )
        if keys
    ]
    return pairs, notes


def _total(files: dict[str, list[Path]]) -> int:
    return sum(map(len, files.values()))
