"""Writing a project of Supervisely: a folder that its import of projects takes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from maskforge.files import dump_record
from maskforge.formats.base import with_left_over
from maskforge.formats.supervisely.bitmap import packed
from maskforge.formats.supervisely.object_records import CENTER, DECIMALS, SCORE
from maskforge.formats.supervisely.project import META, named, project_of
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage
from maskforge.shapes import Area, Bitmap, Points, PointSet, Polyline, Shape

_DATA_SET = "ds"
_ANY = "any"
_COLOR = (45, 88, 180)


class SuperviselyWriter(Writer):
    """``meta.json``, and in every data set the folders ``img`` and ``ann``."""

    title = "Supervisely"
    holds = Holds(
        holes=("rings", "bitmap", "cut"),
        bitmaps=True,
        lines=True,
        points=True,
        instances=True,
        scores=True,
        tags=True,
        decimals=DECIMALS,
    )

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._classes: dict[str, dict[str, Any]] = {}
        self._tags: dict[str, dict[str, Any]] = {}
        self._meta: dict[str, Any] = {}
        self._projects: set[Path] = set()

    def add(self, image: WrittenImage) -> None:
        """Write an image with its annotation."""
        path = PurePosixPath(image.name)
        # A data set in another one lies in a folder of this name.
        folder = "/datasets/".join(path.parent.parts) or _DATA_SET
        name = PurePosixPath(image.path).name
        self._context.copy_image(image, f"{folder}/img/{name}")
        if image.is_own:
            self._take_project(image.origin.file)
        for tag in image.tags:
            self._tags.setdefault(tag, _tag(tag, "none"))
        records = [self._object(shape, image) for shape in image.shapes]
        extra = dict(image.own)
        rest = extra.pop("objects", None)
        document = {
            "description": "",
            "tags": [{"name": tag, "value": None} for tag in image.tags],
            **extra,
            "size": {"height": image.size.height, "width": image.size.width},
            "objects": with_left_over(image.shapes, records, rest),
        }
        self._context.write(f"{folder}/ann/{name}.json", dump_record(document, indent=1))

    def finish(self) -> None:
        """Write the classes and tags."""
        for one in self._context.classes:
            if one.name in self._classes:
                self._classes[one.name].setdefault("color", _hexadecimal(one.color))
        classes = [{"color": _hexadecimal(_COLOR), **one} for one in self._classes.values()]
        meta = {"projectType": "images", **self._meta}
        meta |= {"classes": classes, "tags": list(self._tags.values())}
        self._context.write(META, dump_record(meta, indent=1))

    def _take_project(self, file: Path) -> None:
        """Keep what the project of an own image says."""
        if file.parent in self._projects:
            return
        self._projects.add(file.parent)
        project = project_of(file)
        for entry in named(project.pop("classes", None), "title"):
            self._classes.setdefault(entry["title"], dict(entry))
        for entry in named(project.pop("tags", None), "name"):
            self._tags.setdefault(entry["name"], entry)
        self._meta = project | self._meta

    def _object(self, shape: Shape, image: WrittenImage) -> dict[str, Any]:
        title = shape.labels[0] if shape.labels else ""
        kind, drawn = _drawn(shape)
        added: dict[str, Any] = {"tags": []}
        if image.is_own:
            kind, drawn = shape.kind, dict(shape.primitive or drawn)
            added = dict(shape.extra)
        elif shape.score is not None:
            added["tags"] = [{"name": SCORE, "value": shape.score}]
            self._tags.setdefault(SCORE, _tag(SCORE, "any_number"))
        if shape.instance is not None:
            added.setdefault("instance", shape.instance)
        if image.is_predicted:
            added["nnCreated"] = True
        entry = self._classes.setdefault(title, {"title": title, "shape": kind})
        if entry.get("shape") != kind:
            entry["shape"] = _ANY
        return {"classTitle": title, "geometryType": kind, **drawn, **added}


def _tag(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "value_type": kind, "color": _hexadecimal(_COLOR)}


def _hexadecimal(color: tuple[int, int, int]) -> str:
    return f"#{bytes(color).hex().upper()}"


def _drawn(shape: Shape) -> tuple[str, dict[str, Any]]:
    match shape.geometry:
        case Area(parts=(polygon,)):
            return "polygon", _points(*polygon.rings)
        case Polyline(points):
            return "line", _points(points)
        case PointSet(points):
            return "point", _points(points)
        case Bitmap(row, column, pixels):
            return "bitmap", {"bitmap": {"data": packed(pixels), "origin": [column, row]}}
    raise AssertionError(shape.geometry)


def _points(*rings: Points) -> dict[str, Any]:
    exterior, *interior = [np.round(one - CENTER, DECIMALS).tolist() for one in rings]
    return {"points": {"exterior": exterior, "interior": interior}}


WRITERS = {"supervisely": SuperviselyWriter}
