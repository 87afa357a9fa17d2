"""What files beside masks say about their values: a saved class map, ``labelmap.txt`` of CVAT."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from maskforge.files import CLASSES, MASKS
from maskforge.formats.base import ReadContext
from maskforge.formats.labelmap import LABELMAP, names_by_color, parse_labelmap, read_table
from maskforge.formats.pixels import BACKGROUND, VOID, VOID_VALUE, PixelNames


class _SavedClass(msgspec.Struct):
    """A class of a class map that maskforge saved, as far as masks need it."""

    id: Annotated[int, msgspec.Meta(ge=0, le=65535)]
    name: str
    color: Annotated[str, msgspec.Meta(pattern="^#[0-9a-fA-F]{6}$")]
    labels: list[str] = []

    def label(self) -> str:
        """Return what stands for the class in annotations, and so in class maps for these."""
        plain = [one for one in self.labels if "*" not in one]
        return self.name if self.name in plain or not plain else plain[0]


class _SavedClassMap(msgspec.Struct):
    classes: list[_SavedClass]


class Tables:
    """The tables of a source, each read once."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._by_folder: dict[Path, PixelNames | None] = {}

    def near(self, folder: Path) -> PixelNames | None:
        """Return the names in the nearest table in or around a folder; None if there is none."""
        for place in self._folders(folder):
            if place not in self._by_folder:
                self._by_folder[place] = read_table(place, _MEANINGS, self._context)
            found = self._by_folder[place]
            if found is not None:
                return found
        return None

    def _folders(self, folder: Path) -> Iterator[Path]:
        source = self._context.source
        for place in (folder, *folder.parents):
            yield place
            if place == source:
                break
        if source.name == MASKS:  # of a data set
            yield source.parent


def _of_class_map(root: object) -> PixelNames | None:
    """Return the names of a saved class map; None if it is another file."""
    try:
        classes = msgspec.convert(root, _SavedClassMap).classes
    except msgspec.ValidationError:
        return None
    values = {one.id: one.label() for one in classes if one.id} | {0: BACKGROUND}
    if len(values) > 2:
        values[VOID_VALUE] = VOID  # of one class alone, masks may be black and white
    colors = {int(one.color[1:], 16): one.label() if one.id else BACKGROUND for one in classes}
    return PixelNames(values, colors)


def _of_labelmap(root: object) -> PixelNames | None:
    labels = parse_labelmap(root.splitlines()) if isinstance(root, str) else None
    if labels is None:
        return None
    return PixelNames({}, names_by_color(labels))


_MEANINGS = {CLASSES: _of_class_map, LABELMAP: _of_labelmap}
