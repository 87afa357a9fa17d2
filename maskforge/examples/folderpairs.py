"""Images in one folder and masks in another, paired by name; or one file of each."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from maskforge.dataset.manifest import is_dataset
from maskforge.errors import DatasetError, OptionError, listing
from maskforge.examples.candidate import Candidate, Candidates, LeftOut
from maskforge.files import CLASSES, MASKS, UNNAMEABLE, as_text, is_text, left_out, walk
from maskforge.images.pair_names import (
    IMAGE_FOLDERS,
    MASK_FOLDERS,
    MASK_SUFFIXES,
    MaskName,
    channel_of,
    image_names,
    is_companion,
    is_marked,
    mask_names,
)
from maskforge.images.suffixes import IMAGE_SUFFIXES, is_bare_name, is_image_file
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.masks.classfile import load_saved_class_map

IMAGES_ALONE = "images without mask"
MASKS_ALONE = "masks without image"
AMBIGUOUS = "names with several images or masks"
COMPANIONS = "masks in colors or by instance"

_Files = dict[str, list[Path]]
"""Files by their place: the relative path without suffix."""


def usual_folders(folder: Path) -> list[tuple[Path, Path]]:
    """Return the folders of images and masks below a folder, if they have usual names.

    They are in the folder itself, as in ``images/`` and ``masks/``; or else in folders below, as in
    ``train/image/`` and ``train/label/``.
    """
    with contextlib.suppress(OSError):  # whoever searches it will say so
        if (found := _usual(folder.iterdir())) is not None:
            return [found]
    inside: dict[Path, list[Path]] = {}
    for one, _ in walk(folder):
        if one != folder:
            inside.setdefault(one.parent, []).append(one)
    return [found for one in sorted(inside) if (found := _usual(inside[one])) is not None]


def _usual(folders: Iterable[Path]) -> tuple[Path, Path] | None:
    by_name = {one.name.lower(): one for one in sorted(folders, reverse=True) if one.is_dir()}
    images = next((by_name[name] for name in IMAGE_FOLDERS if name in by_name), None)
    masks = next((by_name[name] for name in MASK_FOLDERS if name in by_name), None)
    return None if images is None or masks is None else (images, masks)


def from_root(folder: Path, mask_name: MaskName | None = None) -> Candidates | None:
    """Pair the images and masks of all usual folders below a folder; None if there are none.

    Raises as ``from_folders``.
    """
    found = usual_folders(folder)
    if len(found) == 1 and found[0][0].parent == folder:
        return from_folders(*found[0], mask_name)
    if not found:
        return from_folders(folder, folder, mask_name) if mask_name is not None else None
    images: _Files = {}
    masks: _Files = {}
    unreadable: list[str] = []
    for image_folder, mask_folder in found:
        prefix = f"{image_folder.parent.relative_to(folder).as_posix()}/"
        for files, one, suffixes in (
            (images, image_folder, IMAGE_SUFFIXES),
            (masks, mask_folder, MASK_SUFFIXES),
        ):
            places = _files(one, suffixes, unreadable)
            files |= {f"{prefix}{key}": paths for key, paths in places.items()}
    inner = [one.parent.relative_to(folder).as_posix() for one, _ in found]
    note = f"folders of images and masks ({len(inner)}): {listing(inner)}"
    pairs = _candidates(images, masks, (folder, folder), None, mask_name)
    return replace(pairs, notes=(note,), unreadable=tuple(dict.fromkeys(unreadable)))


def from_folders(images: Path, masks: Path, mask_name: MaskName | None = None) -> Candidates:
    """Pair images and masks that have one relative path, suffixes aside.

    Equal names come first. Else words such as ``_mask``, ``gt-`` and ``_leftImg8bit`` around names,
    and folders such as ``images`` and ``masks`` in the paths, do not count, if that leaves one
    image for one mask. Images and masks without partner, or with several, are left out, counted and
    named. Two files are a pair whatever their names.

    Args:
        images: Folder of images, or one file.
        masks: Folder of masks, or one file; may be that of the images.
        mask_name: How masks are called, instead of all that.

    Raises:
        DatasetError: If a folder is missing, or no pair is found.
        LabelError: If the class map beside the masks cannot be used.
        OptionError: If names are told for files.
    """
    if os.path.isfile(images) and os.path.isfile(masks):  # noqa: PTH113 - never raises
        if mask_name is not None:
            raise OptionError("a name of masks is told, and two files are given")
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
    shared = images.resolve() == masks.resolve()
    if shared and mask_name is None and usual_folders(images):
        found = from_root(images)
        assert found is not None
        return found
    classes, masks = _written_masks(masks)
    unreadable: list[str] = []
    image_files = _files(images, IMAGE_SUFFIXES, unreadable)
    mask_files = _files(masks, MASK_SUFFIXES, unreadable)
    if shared:
        told = is_marked if mask_name is None else mask_name.fits
        mask_files = _kept(mask_files, lambda key, path: told(key) or told(f"{key}{path.suffix}"))
        marked = {path for paths in mask_files.values() for path in paths}
        image_files = _kept(image_files, lambda _, path: path not in marked)
    elif images.resolve() in masks.resolve().parents:
        inner = {path for paths in mask_files.values() for path in paths}
        image_files = _kept(image_files, lambda _, path: path.resolve() not in inner)
    found = _candidates(image_files, mask_files, (images, masks), classes, mask_name)
    return replace(found, unreadable=tuple(dict.fromkeys(unreadable)))


def _written_masks(masks: Path) -> tuple[ClassMap | None, Path]:
    """Return the class map of masks that maskforge wrote, and the folder they are in."""
    written = masks if is_dataset(masks) else masks.parent
    if is_dataset(written) and masks in (written, written / MASKS):
        return load_saved_class_map(written / CLASSES), written / MASKS
    return None, masks


def _files(folder: Path, suffixes: Collection[str], unreadable: list[str]) -> _Files:
    """Return the files below a folder by their relative path without suffix."""
    found: _Files = {}
    failed = left_out(unreadable)
    for parent, names in walk(folder.resolve(), failed):
        for name in names:
            path = parent / name
            if path.suffix.lower() not in suffixes and not is_image_file(path):
                continue
            if is_text(name):
                bare = path if is_bare_name(name) else path.with_suffix("")
                place = bare.relative_to(folder.resolve()).as_posix()
                found.setdefault(unicodedata.normalize("NFC", place), []).append(path)
            else:
                failed(Path(as_text(path)), UNNAMEABLE)
    return found


def _kept(files: _Files, wanted: Callable[[str, Path], bool]) -> _Files:
    kept = {key: [path for path in paths if wanted(key, path)] for key, paths in files.items()}
    return {key: paths for key, paths in kept.items() if paths}


def _candidates(
    images: _Files,
    masks: _Files,
    folders: tuple[Path, Path],
    classes: ClassMap | None,
    mask_name: MaskName | None,
) -> Candidates:
    """Return the pairs of images and masks; raises as ``from_folders`` if there are none."""
    companions = {key: paths for key, paths in masks.items() if is_companion(key)}
    masks = {key: paths for key, paths in masks.items() if key not in companions}
    images = {key: paths for key, paths in images.items() if not is_companion(key)}
    grouped = _by_name(images, masks) if mask_name is None else _told(images, masks, mask_name)
    pairs: dict[str, Candidate] = {}
    ambiguous: dict[str, Path] = {}
    used: set[Path] = set()
    for one in grouped:
        used.update(one.images, one.masks)
        if len(one.images) == len(one.masks) == 1:
            ((image, key),) = one.images.items()
            pairs[key] = Candidate(name=key, image=image, mask=one.masks[0])
        else:
            ambiguous |= {key: image for image, key in one.images.items()}
    left_out = [
        LeftOut(what, dict(sorted(files.items())))
        for what, files in (
            (IMAGES_ALONE, _unused(images, used)),
            (MASKS_ALONE, _unused(masks, used)),
            (AMBIGUOUS, ambiguous),
            (COMPANIONS, _unused(companions, frozenset())),
        )
        if files
    ]
    if not pairs:
        unclear = f"; {AMBIGUOUS}: {listing(sorted(ambiguous))}" if ambiguous else ""
        raise DatasetError(
            f"no image of {folders[0]} has a mask of the same name here "
            f"({_total(images)} images, {_total(masks)} masks){unclear}",
            origin=Origin(folders[1], ""),
            hint="names must be equal but for the suffix and words such as _mask; say how masks "
            "are called, as in --mask-name '{name}_truth'; or write a CSV table with the columns "
            "image and mask",
        )
    source = " and ".join(dict.fromkeys(map(str, folders)))
    return Candidates(
        tuple(one for _, one in sorted(pairs.items())), source, classes, left_out=tuple(left_out)
    )


class _Group(NamedTuple):
    """Images, with their places, and masks that may belong together."""

    images: dict[Path, str]
    masks: list[Path]


def _by_name(images: _Files, masks: _Files) -> list[_Group]:
    """Group what has equal names; then what has them but for the words around them."""
    equal = images.keys() & masks.keys()
    groups = [_Group(dict.fromkeys(images[key], key), masks[key]) for key in sorted(equal)]
    by_name: dict[str, _Group] = {}
    for key in sorted(images.keys() - equal):
        for name in _names_of_image(key, images):
            group = by_name.setdefault(name, _Group({}, []))
            group.images.update(dict.fromkeys(images[key], key))
    for key in sorted(masks.keys() - equal):
        for name in mask_names(key):
            by_name.setdefault(name, _Group({}, [])).masks.extend(masks[key])
    return groups + _joined(one for one in by_name.values() if one.images and one.masks)


def _names_of_image(key: str, images: _Files) -> set[str]:
    names = image_names(key)
    channel = channel_of(key)
    if channel is not None and f"{channel[0]}_0000" in images:
        names.add(channel[0])  # whose further channels make it unclear
    return names


def _told(images: _Files, masks: _Files, mask_name: MaskName) -> list[_Group]:
    """Group every image with the masks that are called as told."""
    by_place = dict(masks)
    for key, paths in masks.items():
        for path in paths:
            by_place.setdefault(f"{key}{path.suffix}", []).append(path)
    groups = []
    for key, paths in sorted(images.items()):
        found = (by_place.get(place) for place in mask_name.places(key))
        if first := next(filter(None, found), None):
            groups.append(_Group(dict.fromkeys(paths, key), first))
    return _joined(groups)


def _joined(groups: Iterable[_Group]) -> list[_Group]:
    """Join groups that have an image or a mask in common."""
    joined: dict[Path, _Group] = {}
    for one in groups:
        members = (*one.images, *one.masks)
        parts = [one, *{id(joined[m]): joined[m] for m in members if m in joined}.values()]
        whole = _Group(
            {image: key for part in parts for image, key in part.images.items()},
            list(dict.fromkeys(mask for part in parts for mask in part.masks)),
        )
        joined |= dict.fromkeys((*whole.images, *whole.masks), whole)
    return list({id(one): one for one in joined.values()}.values())


def _unused(files: _Files, used: frozenset[Path] | set[Path]) -> dict[str, Path]:
    return {key: paths[0] for key, paths in files.items() if not used & {*paths}}


def _total(files: _Files) -> int:
    return sum(map(len, files.values()))
