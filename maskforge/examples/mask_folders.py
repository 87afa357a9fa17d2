"""Opening masks alone: what was predicted needs no images."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from maskforge.choices import Encoding, Partial, Unfinished
from maskforge.dataset.manifest import check_finished, is_dataset, mask_name, open_dataset
from maskforge.errors import DatasetError
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.maskvalues import MaskLook, look
from maskforge.examples.meaning import Meaning, given_meaning, recognize
from maskforge.examples.partial_masks import decide, written_outcomes
from maskforge.files import (
    CLASSES,
    MASKS,
    PROBABILITIES,
    UNNAMEABLE,
    as_text,
    is_text,
    left_out,
    walk,
)
from maskforge.images.decoder import list_pages
from maskforge.images.page import is_there, without_suffix
from maskforge.images.pair_names import MASK_SUFFIXES, is_companion
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, ClassMap
from maskforge.masks.classfile import load_saved_class_map
from maskforge.masks.encoding import binary_values


def known_classes(folder: Path) -> ClassMap | None:
    """Return the class map of a folder of masks, or None if there is none beside them.

    Raises:
        LabelError: If it cannot be used.
    """
    for place in (folder, folder.parent):
        if (place == folder or folder.name == MASKS) and (place / CLASSES).is_file():
            return load_saved_class_map(place / CLASSES)
    return None


def open_masks(
    folder: Path,
    *,
    classes: ClassMap | None = None,
    mask_values: Mapping[str, str] | None = None,
    partial: Partial = "skip",
    unfinished: Unfinished = "error",
) -> ExampleSet:
    """Open a folder of masks, with or without a manifest.

    Args:
        folder: A folder that ``convert`` or ``predict`` wrote, or any folder of mask files.
        classes: The class map of masks without a manifest; without it, their values are
            recognized, which the notes say.
        mask_values: Value in the masks to class name, ``background`` or ``void``.
        partial: What becomes of partial masks; see [`open_examples`][maskforge.open_examples].
        unfinished: Whether a data set whose run has not finished is refused.

    Returns:
        Examples whose image is the mask itself where no image is known.

    Raises:
        DatasetError: If there are no masks, or they cannot be understood.
        LabelError: If a class map cannot be used.
    """
    note = check_finished(folder, unfinished)
    opened = _open_masks(folder, classes, mask_values, note)
    names = [one.name for one in opened]
    outcomes = written_outcomes(one.mask for one in opened)
    decision = decide(dict(zip(names, outcomes, strict=True)), partial, opened.source)
    kept = opened.subset(set(names) - set(decision.left_out))
    return replace(kept, notes=(*kept.notes, *decision.notes), partial=decision.left_out)


def _open_masks(
    folder: Path, classes: ClassMap | None, mask_values: Mapping[str, str] | None, note: str
) -> ExampleSet:
    if is_dataset(folder):
        return _from_manifest(folder, note)
    if not folder.is_dir():
        raise DatasetError(
            "is not a folder of masks" if folder.exists() else "does not exist",
            origin=Origin(folder, ""),
            hint="name a model, a folder that `maskforge convert` or `maskforge predict` wrote, "
            "or a folder of masks",
        )
    root = folder / MASKS if (folder / CLASSES).is_file() and (folder / MASKS).is_dir() else folder
    unreadable: list[str] = []
    files = _mask_files(root, unreadable)
    if not files:
        raise DatasetError("holds no masks", origin=Origin(folder, ""))
    looks = [look(path) for path in files.values()]
    class_map = classes or known_classes(folder)
    meaning = given_meaning(mask_values, class_map) if mask_values else recognize(looks, class_map)
    examples = tuple(
        _example(name, path, one, meaning)
        for (name, path), one in zip(files.items(), looks, strict=True)
    )
    notes = tuple(filter(None, (note, *unreadable, *meaning.notes)))
    return ExampleSet(examples, meaning.classes, str(folder), notes)


def has_image(example: Example) -> bool:
    """Tell whether the image of an example is known, and is there."""
    return example.image != example.mask and is_there(example.image)


def _mask_files(root: Path, unreadable: list[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    failed = left_out(unreadable)
    for parent, names in walk(root, failed):
        if root / PROBABILITIES in (parent, *parent.parents):
            continue
        for file in names:
            path = parent / file
            if path.suffix.lower() not in MASK_SUFFIXES or is_companion(path.stem):
                continue
            if not is_text(file):
                failed(Path(as_text(path)), UNNAMEABLE)
                continue
            for page in _pages(path):
                place = without_suffix(page.relative_to(root).as_posix())
                name = unicodedata.normalize("NFC", place)
                if name in files:
                    raise DatasetError(
                        f"has the same name as {files[name]}",
                        origin=Origin(path, ""),
                        hint="a folder of masks holds one mask per image",
                    )
                files[name] = page
    return files


def _pages(path: Path) -> list[Path]:
    try:
        return list_pages(path)
    except OSError as error:
        reason = error.strerror or error
        raise DatasetError(f"cannot be read as a mask: {reason}", origin=Origin(path, "")) from None


def _example(name: str, path: Path, seen: MaskLook, meaning: Meaning) -> Example:
    if seen.channels != len(meaning.channels):
        raise DatasetError(
            f"has {seen.channels or 'no'} channels, expected {len(meaning.channels) or 'none'}",
            origin=Origin(path, ""),
        )
    return Example(
        name=name,
        image=path,
        mask=path,
        size=seen.size,
        encoding=meaning.encoding,
        channels=meaning.channels,
        values=meaning.values,
    )


def _from_manifest(folder: Path, note: str) -> ExampleSet:
    dataset = open_dataset(folder)
    classes = dataset.classes
    channels: Mapping[Encoding, Sequence[int]] = {
        "integer": (),
        "binary": (),
        "onehot": classes.ids,
        "multihot": tuple(id_ for id_ in classes.ids if id_ != BACKGROUND),
    }
    examples = tuple(
        Example(
            name=mask_name(item.entry.mask or ""),
            image=item.image_path or item.mask_path,
            mask=item.mask_path,
            size=item.size,
            upright=item.entry.upright,
            encoding="integer" if item.entry.encoding == "binary" else item.entry.encoding,
            channels=tuple(channels[item.entry.encoding]),
            values=binary_values(classes.ids) if item.entry.encoding == "binary" else None,
        )
        for item in dataset
    )
    if not examples:
        raise DatasetError("lists no masks", origin=Origin(folder, ""))
    return ExampleSet(examples, classes, os.fspath(folder), (note,) if note else ())
