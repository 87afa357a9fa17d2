"""Writing COCO's annotations: one file for all images."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from maskforge.errors import FormatError
from maskforge.formats.base import record_index
from maskforge.formats.coco.annotation_records import CATEGORY
from maskforge.formats.coco.panoptic import PANOPTIC
from maskforge.formats.coco.recognition import SEGMENTS
from maskforge.formats.coco.runs import packed, to_runs
from maskforge.formats.jsonio import load
from maskforge.formats.pixels import VOID
from maskforge.formats.runlength import cropped
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenClass, WrittenImage
from maskforge.geometry import bounds, enclosed_area
from maskforge.shapes import Area, Bitmap, Geometry, Shape, Size

FILE = "annotations.json"
_LISTS = ("images", "annotations", "categories")
_BESIDE = ("annotations", PANOPTIC, SEGMENTS)
"""Keys of an image that hold what stands elsewhere in a file."""


class CocoWriter(Writer):
    """One file with polygons, and run lengths where these cannot say it."""

    title = "COCO"
    holds = Holds(holes=("bitmap", "cut"), parts=True, bitmaps=True, scores=True)

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._images: list[dict[str, object]] = []
        self._annotations: list[tuple[tuple[str, int], dict[str, object]]] = []
        self._image_ids = _Ids()
        self._annotation_ids = _Ids()
        self._categories = _Categories(context.classes)
        self._sources: dict[Path, dict[str, Any]] = {}

    def add(self, image: WrittenImage) -> None:
        """Keep the records of an image for the file."""
        if image.is_own:
            self._read_again(image.origin.file)
        path = self._context.image_path(image, f"images/{image.path}")
        own = {key: value for key, value in image.own.items() if key not in _BESIDE}
        id_ = self._image_ids.take(own.get("id"))
        entry = {**own, "id": id_, "file_name": path}
        self._images.append(entry | _sides(image.size))
        for number, shape in enumerate(image.shapes):
            self._annotations.append((_place(shape, number), self._record(shape, image, id_)))
        rest = image.own.get("annotations")
        for record in rest if isinstance(rest, list) else ():
            if isinstance(record, dict):
                self._annotations.append((("", 0), {**record, "image_id": id_}))

    def finish(self) -> None:
        """Write the file."""
        if len(self._sources) == 1:  # records of all images stand in one list, in any order
            self._annotations.sort(key=lambda one: one[0])
        first = next(iter(self._sources.values()), {})
        document = {
            "info": {},
            "licenses": [],
            **{key: value for key, value in first.items() if key not in _LISTS},
            "images": self._images,
            "annotations": [record for _, record in self._annotations],
            "categories": self._categories.all(),
        }
        self._context.write(FILE, _text(document))

    def _read_again(self, file: Path) -> None:
        """Read what a file holds beside its images and annotations."""
        if file in self._sources:
            return
        try:
            root = load(file).root
        except FormatError:  # it has changed since
            root = None
        self._sources[file] = root if isinstance(root, dict) else {}
        self._categories.add_own(self._sources[file].get("categories"))

    def _record(self, shape: Shape, image: WrittenImage, image_id: object) -> dict[str, object]:
        extra = shape.extra if image.is_own else {}
        label, named = shape.labels[0], extra.get(CATEGORY)
        name = named if isinstance(named, str) else label
        record: dict[str, object] = {
            "id": self._annotation_ids.take(extra.get("id")),
            "image_id": image_id,
            "category_id": self._categories.id_of(name, extra.get("category_id")),
        }
        own = shape.primitive if image.is_own else None
        record |= own or _drawn(shape.geometry, image.size)
        if image.is_own:
            rest = {key: one for key, one in extra.items() if key not in (CATEGORY, *record)}
            is_moved = not _sides(image.size).items() <= image.extra.items()
            return record | rest | (_measures(shape.geometry, image.size) if is_moved else {})
        record |= _measures(shape.geometry, image.size)
        record["iscrowd"] = int(label == VOID)
        return record if shape.score is None else record | {"score": shape.score}


class _Ids:
    """Ids that are used once: their own, or the next whole number that is free."""

    def __init__(self) -> None:
        self._taken: set[object] = set()
        self._next = 1

    def take(self, own: object) -> object:
        if isinstance(own, int | str) and not isinstance(own, bool) and own not in self._taken:
            self._taken.add(own)
            return own
        while self._next in self._taken:
            self._next += 1
        self._taken.add(self._next)
        return self._next


class _Categories:
    """The list of categories: those of own files, and one for each class and each other label."""

    def __init__(self, classes: Iterable[WrittenClass]) -> None:
        self._classes = {one.name: one.id for one in classes if one.is_foreground}
        self._entries: list[dict[str, object]] = []
        self._names: dict[object, str] = {}
        self._ids: dict[str, object] = {}

    def add_own(self, entries: object) -> None:
        """Take over the categories of a file, but for ids that are taken."""
        for entry in entries if isinstance(entries, list) else ():
            match entry:
                case {"id": int() | str() as id_, "name": str(name)} if id_ not in self._names:
                    self._add(id_, name, entry)

    def id_of(self, name: str, own: object = None) -> object:
        """Return the id of a category: the one that a record has, if that is of this name."""
        if isinstance(own, int | str) and self._names.get(own) == name:
            return own
        if name not in self._ids:
            wanted = self._classes.get(name)
            taken = self._names.keys() | set(self._classes.values())
            free = next(one for one in itertools.count(1) if one not in taken)
            id_ = free if wanted is None or wanted in self._names else wanted
            self._add(id_, name, {"id": id_, "name": name, "supercategory": ""})
        return self._ids[name]

    def all(self) -> list[dict[str, object]]:
        """Return the list, with the classes of which there is no record."""
        for name in self._classes:
            self.id_of(name)
        return self._entries

    def _add(self, id_: object, name: str, entry: dict[str, object]) -> None:
        self._entries.append(entry)
        self._names[id_] = name
        self._ids.setdefault(name, id_)


def _place(shape: Shape, number: int) -> tuple[str, int]:
    """Return the place of a record in its old file, for the order in the new one."""
    index = record_index(shape)
    return shape.origin.pointer.partition("[")[0], number if index is None else index


def _drawn(geometry: Geometry, size: Size) -> dict[str, object]:
    match geometry:
        case Area(parts):
            return {"segmentation": [one.exterior.ravel().tolist() for one in parts]}
        case Bitmap():
            counts = packed(to_runs(geometry, size))
            return {"segmentation": {"size": [size.height, size.width], "counts": counts}}
    raise AssertionError(geometry)


def _sides(size: Size) -> dict[str, object]:
    return {"height": size.height, "width": size.width}


def _measures(geometry: Geometry, size: Size) -> dict[str, object]:
    """Return the area of a shape, and the corner and size of the box around it."""
    match geometry:
        case Area(parts):
            left, top, right, bottom = bounds(np.concatenate([one.exterior for one in parts]))
            box = [left, top, right - left, bottom - top]
            return {"area": sum(enclosed_area(one.exterior) for one in parts), "bbox": box}
        case Bitmap():
            inside = cropped(geometry, size)
            height, width = inside.pixels.shape
            box = [float(one) for one in (inside.column, inside.row, width, height)]
            return {"area": int(np.count_nonzero(inside.pixels)), "bbox": box}
    raise AssertionError(geometry)


def _text(document: Mapping[str, object]) -> bytes:
    """Return JSON with a line for every image, annotation and category."""
    lines = []
    for key, value in document.items():
        if key in _LISTS and isinstance(value, list) and value:
            content = b"[\n" + b",\n".join(map(msgspec.json.encode, value)) + b"\n]"
        else:
            content = msgspec.json.encode(value)
        lines.append(msgspec.json.encode(key) + b": " + content)
    return b"{\n" + b",\n".join(lines) + b"\n}\n"


WRITERS = {"coco": CocoWriter}
