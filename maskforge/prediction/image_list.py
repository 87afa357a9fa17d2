"""The images that are to be predicted: files, folders and data sets, each image once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from maskforge.dataset.manifest import ManifestEntry, is_dataset, open_dataset
from maskforge.errors import OptionError
from maskforge.files import MASKS, as_source, is_text, walk
from maskforge.images.decoder import read_header
from maskforge.images.finder import IMAGE_SUFFIXES


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image that is to be predicted.

    Attributes:
        file: The image; None if the data set does not know it.
        folder: Folder of the mask below ``masks/``.
        name: Name of the mask, before characters are replaced.
        upright: Whether the mask shall fit the upright image; None if the image decides: it
            is predicted as it is shown, so upright exactly if it has an EXIF orientation.
    """

    file: Path | None
    folder: str
    name: str
    upright: bool | None = None


@dataclass(slots=True)
class Images:
    """What sources hold.

    Attributes:
        images: Each image once.
        datasets: Data sets among the sources.
        notes: What was left out.
        problems: Folders that cannot be searched, with the reason.
    """

    images: list[ImageFile] = field(default_factory=list)
    datasets: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def find_images(sources: Sequence[Path]) -> Images:
    """List the images of all sources.

    Args:
        sources: Image files; data sets that ``convert`` wrote, whose images keep the names and
            frames of their masks; folders, searched with all sub-folders but those of data sets.

    Raises:
        DatasetError: If a data set cannot be read.
        LabelError: If its class map cannot be used.
        OptionError: If a source does not exist or is no image, or there is no image at all.
    """
    found = Images()
    others = 0
    for source in map(as_source, sources):
        if is_dataset(source):
            found.datasets.append(source)
            entries = open_dataset(source).entries
            found.images += (_of_dataset(entry, source) for entry in entries)
        elif source.is_dir():
            others += _search(source, found)
        elif source.suffix.lower() in IMAGE_SUFFIXES and source.is_file():
            found.images.append(ImageFile(source, "", source.name))
        else:
            exists = source.exists()
            raise OptionError(
                f"{source} is no image" if exists else f"{source} does not exist",
                hint="name images, folders of images, or a data set",
            )
    named = len(found.images)
    found.images = _once(found.images)
    if named > len(found.images):
        found.notes.append(f"images that were named twice: {named - len(found.images)}")
    if others:
        found.notes.append(f"files that are no images, left out: {others}")
    if not found.images and not found.problems:
        raise OptionError(
            f"there is no image in {', '.join(map(str, sources))}",
            hint=f"images end in {', '.join(sorted(IMAGE_SUFFIXES))}",
        )
    return found


def orientation_of(image: ImageFile) -> tuple[int, bool]:
    """Return the EXIF orientation of an image, and whether it is to be predicted upright.

    Raises:
        OSError: If the image cannot be read.
    """
    assert image.file is not None
    orientation = read_header(image.file).orientation
    return orientation, orientation != 1 if image.upright is None else image.upright


def _of_dataset(entry: ManifestEntry, folder: Path) -> ImageFile:
    file = None if entry.image is None else folder / entry.image
    place = PurePosixPath(entry.mask or entry.image or entry.source)
    if entry.mask is None:
        return ImageFile(file, "", place.name, entry.upright if entry.width else None)
    inner = place.relative_to(MASKS) if place.parts[0] == MASKS else place
    return ImageFile(file, str(inner.parent), inner.stem, entry.upright)


def _search(root: Path, found: Images) -> int:
    """Add the images below a folder; return the number of other files."""

    def failed(folder: Path, reason: str) -> None:
        found.problems.append((str(folder), f"cannot be searched: {reason}"))

    others = 0
    for folder, names in walk(root, failed):
        inner = folder.relative_to(root).as_posix()
        for name in names:
            if Path(name).suffix.lower() not in IMAGE_SUFFIXES:
                others += 1
            elif not is_text(name):
                failed(folder / name.encode(errors="replace").decode(), "no valid Unicode")
            else:
                found.images.append(ImageFile(folder / name, inner, name))
    return others


def _once(images: list[ImageFile]) -> list[ImageFile]:
    kept: dict[object, ImageFile] = {}
    for image in images:
        key = os.path.realpath(image.file) if image.file is not None else id(image)
        kept.setdefault(key, image)
    return list(kept.values())
