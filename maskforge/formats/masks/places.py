"""Which files of a source are masks, and which of them belong to one image."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from maskforge.errors import ImageError, LimitError
from maskforge.files import INSTANCES, MASKS, is_text, walk
from maskforge.formats.pixels import VOID_VALUE, PixelNames, read_pixels
from maskforge.images.pair_names import (
    IMAGE_FOLDERS,
    bare_mask_name,
    is_companion,
    is_marked,
)
from maskforge.images.suffixes import is_image_name

_OBJECT_FOLDERS = (INSTANCES, "instance", "segmentationobject")
"""Names of folders of maps that tell objects apart, without regard to case."""


@dataclass(frozen=True, slots=True)
class MaskPart:
    """One mask of an image: it alone, or that of a single class.

    Attributes:
        path: The file.
        label: The class whose mask it is; empty if it holds all.
        object: Number of the object that it shows alone; empty if it has none.
    """

    path: Path
    label: str = ""
    object: str = ""


@dataclass(frozen=True, slots=True)
class MaskGroup:
    """The masks of one image.

    Attributes:
        place: Path of the image below the source, without suffix and without what says mask.
        parts: The masks.
        objects: The map that tells objects apart, or None.
    """

    place: str
    parts: tuple[MaskPart, ...]
    objects: Path | None = None

    @property
    def name(self) -> str:
        """Name of the image."""
        return PurePosixPath(self.place).name


class MaskPlaces:
    """The masks below a folder.

    If names or folders say of some files that they are masks, all others are not.

    Attributes:
        no_images: Masks, and what else shows the same by class or object.
    """

    def __init__(self, source: Path, names: PixelNames, tolerance: int | None) -> None:
        """Look at the names of all files.

        Args:
            source: The folder.
            names: What numbers are called; each class may have masks of its own.
            tolerance: As for ``read_pixels``.
        """
        self._names = names
        self._tolerance = tolerance
        self._class_names = _ClassNames(names.foreground)
        marked: dict[Path, str] = {}
        others: dict[Path, str] = {}
        objects: dict[str, Path] = {}
        companions: set[Path] = set()
        for path, place in _places(source):
            within = f"{source.resolve().name}/{place}"
            if is_companion(place):
                companions.add(path)
            elif (key := _without_object_folder(within)) is not None:
                objects[key] = path
            elif place.startswith(f"{MASKS}/") or is_marked(place) or is_marked(within):
                marked[path] = place
            elif not _is_in_image_folder(place):
                others[path] = place
        self._files = marked or others
        self.no_images = frozenset((*self._files, *objects.values(), *companions))
        self._groups: dict[Path, MaskGroup] = {}
        for group in self._grouped(self._files):
            key = bare_mask_name(f"{source.resolve().name}/{group.place}")
            is_whole = len(group.parts) == 1 and not group.parts[0].label
            whole = replace(group, objects=objects.get(key)) if is_whole else group
            self._groups |= dict.fromkeys((one.path for one in group.parts), whole)

    def group_of(self, path: Path) -> MaskGroup | None:
        """Return the masks that belong to one image together with a file; None if it is none."""
        return self._groups.get(path)

    @cached_property
    def is_binary(self) -> bool:
        """Whether no mask that can be read holds other values than 0 and 255."""
        for path in sorted(self._files):
            with contextlib.suppress(ImageError, LimitError):
                pixels = read_pixels(path, self._names, tolerance=self._tolerance)
                if pixels.colored or not pixels.regions.keys() <= {0, VOID_VALUE}:
                    return False
        return True

    def _grouped(self, files: Mapping[Path, str]) -> Iterator[MaskGroup]:
        by_place: dict[tuple[str, bool], list[MaskPart]] = {}
        for path, place in files.items():
            bare = bare_mask_name(place)
            found = self._class_names.split(bare) or self._class_names.split(place)
            if found is None:
                by_place.setdefault((bare, False), []).append(MaskPart(path))
            else:
                image, label, number = found
                by_place.setdefault((image, True), []).append(MaskPart(path, label, number))
        for (place, is_divided), parts in by_place.items():
            if is_divided:
                yield MaskGroup(place, tuple(parts))
            else:
                yield from (MaskGroup(place, (one,)) for one in parts)


class _ClassNames:
    """Names of classes in the paths of masks: ``caries/7``, ``7_caries``, ``7/caries_2``.

    A number in a path is that of an image, also if a class has a number for a name.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        words = (one for one in labels if one.strip() and not one.isdecimal())
        self._labels = {one.casefold(): one for one in words}
        names = sorted(self._labels, key=len, reverse=True)
        one_of = "|".join(map(re.escape, names))
        pattern = rf"(?:(.*)[ _.-])?({one_of})(?:[ _.-]?(\d+))?"
        self._ending = re.compile(pattern, re.IGNORECASE) if names else None

    def split(self, place: str) -> tuple[str, str, str] | None:
        """Return image, class and number of the object; None if no class is in the path."""
        if self._ending is None:
            return None
        *folders, name = place.split("/")
        found = self._ending.fullmatch(name)
        label = self._labels.get(found[2].casefold()) if found else None
        if found is not None and label is not None:
            image = "/".join([*folders, found[1]] if found[1] else folders)
            return (image, label, found[3] or "") if image else None
        for index in range(len(folders) - 1, -1, -1):
            label = self._labels.get(folders[index].casefold())
            if label is not None:
                return "/".join([*folders[:index], *folders[index + 1 :], name]), label, ""
        return None


def _places(source: Path) -> Iterator[tuple[Path, str]]:
    for folder, names in walk(source):
        for name in names:
            if is_image_name(name) and is_text(name):
                path = folder / name
                yield path, path.relative_to(source).with_suffix("").as_posix()


def _without_object_folder(place: str) -> str | None:
    """Return the path of a map of objects without its folder; None if it lies in none."""
    *folders, name = place.split("/")
    kept = [one for one in folders if one.lower() not in _OBJECT_FOLDERS]
    return None if len(kept) == len(folders) else "/".join([*kept, name])


def _is_in_image_folder(place: str) -> bool:
    return any(one.lower() in IMAGE_FOLDERS for one in place.split("/")[:-1])
