"""Which image of a data set a corrected annotation is about."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from maskforge.corrections.checked import is_checked
from maskforge.dataset.manifest import Dataset, ManifestEntry, mask_name
from maskforge.errors import DatasetError, listing
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.decoder import read_header
from maskforge.images.page import is_there, split_page, without_suffix
from maskforge.images.sameness import digest, shows_same
from maskforge.issues import Origin
from maskforge.shapes import Size

_One = TypeVar("_One")


@dataclass(frozen=True, slots=True)
class Returned:
    """What is known of an annotated image that came back.

    Attributes:
        name: Its name as the annotation has it.
        place: Annotation file below its source, without suffix.
        file: The image, or None if it was not found.
        size: Its size, or None if it is not known.
        origin: The annotation.
        is_checked: Whether somebody marked it as checked.
    """

    name: str
    place: str
    file: Path | None
    size: Size | None
    origin: Origin
    is_checked: bool


def returned(image: AnnotatedImage) -> Returned:
    """Return what is known of an annotated image."""
    return Returned(
        name=image.image.name,
        place=str(PurePosixPath(image.folder, image.origin.file.stem)),
        file=image.image.file,
        size=image.image.size,
        origin=image.origin,
        is_checked=is_checked(image),
    )


def match(images: Sequence[Returned], dataset: Dataset) -> dict[int, ManifestEntry]:
    """Find the line of a data set that is about each image.

    That is the line with the same image file; else that with the name of the annotation file, or of
    the image, where no other image and no other line has it and the two images are not different.

    Args:
        images: The images.
        dataset: The data set; lines without mask do not count.

    Returns:
        Lines by the number of the image.

    Raises:
        DatasetError: If two annotations are about one image, or sizes differ.
    """
    folder = dataset.folder
    left = dict(enumerate(images))
    entries = [entry for entry in dataset.entries if entry.mask is not None]
    _check_twins(images, entries, folder)
    found: dict[int, ManifestEntry] = {}
    keys: list[tuple[Callable[[Returned], str | None], Callable[[ManifestEntry], str | None]]] = [
        (lambda one: _real(one.file), lambda one: _real(_file(one, folder))),
        (lambda one: one.place.casefold(), lambda one: mask_name(one.mask or "").casefold()),
        (lambda one: _base(one.name), lambda one: _base(one.image)),
        (lambda one: _stem(one.name), lambda one: _stem(one.image or one.mask)),
        (lambda one: _stem(one.name), lambda one: _as_file(one.image)),
    ]
    for of_image, of_entry in keys:
        numbers = _unique(left, [of_image(one) for one in left.values()])
        lines = _unique(entries, [of_entry(one) for one in entries])
        for key in numbers.keys() & lines.keys():
            if _may_be(images[numbers[key]], lines[key], folder):
                found[numbers[key]] = lines[key]
        left = {number: one for number, one in left.items() if number not in found}
        used = {entry.mask for entry in found.values()}
        entries = [entry for entry in entries if entry.mask not in used]
    _check_sizes([(images[number], entry) for number, entry in found.items()])
    return found


def _check_twins(
    images: Sequence[Returned], entries: Sequence[ManifestEntry], folder: Path
) -> None:
    known = {_real(_file(entry, folder)) for entry in entries} - {None}
    origins: dict[str | None, list[str]] = {}
    for one in images:
        origins.setdefault(_real(one.file), []).append(str(one.origin))
    twins = [
        f"{file}: {listing(there)}"
        for file, there in origins.items()
        if file in known and len(there) > 1
    ]
    if twins:
        raise DatasetError(
            f"{len(twins)} images came back in several annotations: {'; '.join(twins[:10])}",
            hint="keep the annotation that is right",
        )


def _file(entry: ManifestEntry, folder: Path) -> Path | None:
    return None if entry.image is None else folder / entry.image


def _real(file: Path | None) -> str | None:
    return None if file is None else os.path.realpath(file)


def _base(name: str | None) -> str | None:
    return PurePosixPath(name.replace("\\", "/")).name.casefold() if name else None


def _stem(name: str | None) -> str | None:
    base = _base(name)
    return without_suffix(base) if base else None


def _as_file(image: str | None) -> str | None:
    """Return the name that ``export`` gives to a page of a stack."""
    file, page = split_page(Path(image or ""))
    return None if page is None else f"{file.stem}-{page:04d}".casefold()


def _unique(things: Iterable[_One], keys: Sequence[str | None]) -> dict[str, _One]:
    """Return things by their keys, without keys that several have."""
    counts = Counter(keys)
    return {
        key: one
        for one, key in zip(things, keys, strict=True)
        if key is not None and counts[key] == 1
    }


def _may_be(image: Returned, entry: ManifestEntry, folder: Path) -> bool:
    """Tell whether two images can be one: if both files are there, they are looked at."""
    file = _file(entry, folder)
    if image.file is None or file is None or not (is_there(image.file) and is_there(file)):
        return True
    if _real(image.file) == _real(file):
        return True
    with contextlib.suppress(OSError, ValueError):
        if split_page(file)[1] is None and digest(image.file) == digest(file):
            return True
        same_size = read_header(image.file).stored == read_header(file).stored
        return same_size and shows_same(image.file, file)
    return False


def _check_sizes(pairs: Sequence[tuple[Returned, ManifestEntry]]) -> None:
    other = [
        f"{image.origin.file} has {image.size} px, its mask {Size(entry.width, entry.height)} px"
        for image, entry in pairs
        if image.size is not None and entry.width is not None and entry.height is not None
        if image.size != (entry.width, entry.height)
    ]
    if other:
        raise DatasetError(
            f"{len(other)} images came back in another size: {listing(other)}",
            hint="correct the annotations of the images that were predicted, or predict these",
        )
