"""The pictures that are to be predicted: files, folders and data sets, each picture once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from maskforge.dataset.manifest import ManifestEntry, is_dataset, open_dataset
from maskforge.errors import OptionError
from maskforge.files import MASKS, is_text, walk
from maskforge.images.decoder import read_header
from maskforge.images.finder import PICTURE_SUFFIXES


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is to be predicted.

    Attributes:
        file: The picture; None if the data set does not know it.
        folder: Folder of the mask below ``masks/``.
        name: Name of the mask, before characters are replaced.
        upright: Whether the mask shall fit the upright picture; None if the picture decides: it
            is predicted as it is shown, so upright exactly if it has an EXIF orientation.
    """

    file: Path | None
    folder: str
    name: str
    upright: bool | None = None


@dataclass(slots=True)
class Pictures:
    """What sources hold.

    Attributes:
        pictures: Each picture once.
        datasets: Data sets among the sources.
        notes: What was left out.
        problems: Folders that cannot be searched, with the reason.
    """

    pictures: list[Picture] = field(default_factory=list)
    datasets: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def find_pictures(sources: Sequence[Path]) -> Pictures:
    """List the pictures of all sources.

    Args:
        sources: Picture files; data sets that ``convert`` wrote, whose pictures keep the names and
            frames of their masks; folders, searched with all sub-folders but those of data sets.

    Raises:
        DatasetError: If a data set cannot be read.
        LabelError: If its class map cannot be used.
        OptionError: If a source does not exist or is no picture, or there is no picture at all.
    """
    found = Pictures()
    others = 0
    for source in sources:
        if is_dataset(source):
            found.datasets.append(source)
            entries = open_dataset(source).entries
            found.pictures += (_of_dataset(entry, source) for entry in entries)
        elif source.is_dir():
            others += _search(source, found)
        elif source.suffix.lower() in PICTURE_SUFFIXES and source.is_file():
            found.pictures.append(Picture(source, "", source.name))
        else:
            exists = source.exists()
            raise OptionError(
                f"{source} is no picture" if exists else f"{source} does not exist",
                hint="name pictures, folders of pictures, or a data set",
            )
    named = len(found.pictures)
    found.pictures = _once(found.pictures)
    if named > len(found.pictures):
        found.notes.append(f"pictures that were named twice: {named - len(found.pictures)}")
    if others:
        found.notes.append(f"files that are no pictures, left out: {others}")
    if not found.pictures and not found.problems:
        raise OptionError(
            f"there is no picture in {', '.join(map(str, sources))}",
            hint=f"pictures end in {', '.join(sorted(PICTURE_SUFFIXES))}",
        )
    return found


def orientation_of(picture: Picture) -> tuple[int, bool]:
    """Return the EXIF orientation of a picture, and whether it is to be predicted upright.

    Raises:
        OSError: If the picture cannot be read.
    """
    assert picture.file is not None
    orientation = read_header(picture.file).orientation
    return orientation, orientation != 1 if picture.upright is None else picture.upright


def _of_dataset(entry: ManifestEntry, folder: Path) -> Picture:
    file = None if entry.image is None else folder / entry.image
    place = PurePosixPath(entry.mask or entry.image or entry.source)
    if entry.mask is None:
        return Picture(file, "", place.name, entry.upright if entry.width else None)
    inner = place.relative_to(MASKS) if place.parts[0] == MASKS else place
    return Picture(file, str(inner.parent), inner.stem, entry.upright)


def _search(root: Path, found: Pictures) -> int:
    """Add the pictures below a folder; return the number of other files."""

    def failed(folder: Path, reason: str) -> None:
        found.problems.append((str(folder), f"cannot be searched: {reason}"))

    others = 0
    for folder, names in walk(root, failed):
        inner = folder.relative_to(root).as_posix()
        for name in names:
            if Path(name).suffix.lower() not in PICTURE_SUFFIXES:
                others += 1
            elif not is_text(name):
                failed(folder / name.encode(errors="replace").decode(), "no valid Unicode")
            else:
                found.pictures.append(Picture(folder / name, inner, name))
    return others


def _once(pictures: list[Picture]) -> list[Picture]:
    kept: dict[object, Picture] = {}
    for picture in pictures:
        key = os.path.realpath(picture.file) if picture.file is not None else id(picture)
        kept.setdefault(key, picture)
    return list(kept.values())
