"""Writing the files of SuperAnnotate's image projects, vector and pixel, as they are since 2022."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.display.colors import default_color
from maskforge.files import dump_record
from maskforge.formats.base import ReadContext, group_numbers, is_upright_box, with_left_over
from maskforge.formats.superannotate.classlist import ClassLists
from maskforge.formats.superannotate.pixel import COLOR_STEP, PARTS_SUFFIX, WHITE
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenClass, WrittenImage
from maskforge.images.png import png_bytes
from maskforge.shapes import Area, Bitmap, ImageState, PointSet, Polygon, Polyline, Shape, Size

_COLOR = re.compile("#?[0-9a-fA-F]{6}")
_CORNERS = ("x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4")


class SuperAnnotateWriter(Writer):
    """A file for every image of a vector project, and the list of classes."""

    title = "SuperAnnotate, vector projects"
    holds = Holds(
        holes=("rings", "cut"),
        lines=True,
        points=True,
        unlabeled=True,
        instances=True,
        scores=True,
        tags=True,
        unvisited=True,
    )

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._classes = OwnClasses(context.classes)

    def add(self, image: WrittenImage) -> None:
        """Write the file of an image."""
        if image.is_own:
            self._classes.use(image.origin.file.parent)
        name = image.path
        self._context.image_path(image, name)
        document = _document(image, PurePosixPath(name).name, self._instances(image, name))
        self._context.write(f"{name}.json", dump_record(document))

    def finish(self) -> None:
        """Write the list of classes."""
        self._context.write("classes/classes.json", dump_record(self._classes.entries()))

    def _instances(self, image: WrittenImage, name: str) -> list[dict[str, Any]]:
        """Return what is written for every shape.

        Args:
            image: The image.
            name: Path of the image below the output folder.
        """
        return [
            common | _drawn(shape, own=image.is_own)
            for shape, common in zip(image.shapes, self._common(image), strict=True)
        ]

    def _common(self, image: WrittenImage) -> Iterator[dict[str, Any]]:
        """Yield the keys of every instance that do not depend on what was drawn."""
        groups = group_numbers(image.shapes, 1)
        for shape in image.shapes:
            label = shape.labels[0] if shape.labels else ""
            key = self._classes.id_of(label)
            group = {} if shape.instance is None else {"groupId": groups[shape.instance]}
            if image.is_own:
                yield {**shape.extra, **({"className": label} if label else {}), **group}
                continue
            is_guess = image.is_predicted or shape.score is not None
            yield {
                "className": label,
                "classId": key,
                "probability": 100 if shape.score is None else round(100 * shape.score),
                "groupId": 0,
                "visible": True,
                "locked": False,
                "attributes": [],
                "creationType": "Preannotation" if is_guess else "Manual",
                **group,
            }


class SuperAnnotatePixelWriter(SuperAnnotateWriter):
    """A file and a PNG for every image of a pixel project, and the list of classes."""

    title = "SuperAnnotate, pixel projects"
    holds = Holds(
        areas=False,
        bitmaps=True,
        unlabeled=True,
        instances=True,
        scores=True,
        tags=True,
        overlaps=False,
        unvisited=True,
    )

    def _instances(self, image: WrittenImage, name: str) -> list[dict[str, Any]]:
        bitmaps = [one.geometry for one in image.shapes if isinstance(one.geometry, Bitmap)]
        colors, parts = painted(bitmaps, image.size, _colors_of(image.own.get("instances")))
        if bitmaps:
            channels = [colors >> 16, colors >> 8 & 255, colors & 255, 255 * (colors > 0)]
            png = png_bytes(np.dstack(channels).astype(np.uint8))
            self._context.write(f"{name}{PARTS_SUFFIX}", png)
        return [
            {**common, "parts": [{"color": f"#{color:06x}"} for color in own]}
            for common, own in zip(self._common(image), parts, strict=True)
        ]


class OwnClasses:
    """Classes as SuperAnnotate lists them: those of the sources, or else those of the class map."""

    def __init__(self, classes: Sequence[WrittenClass]) -> None:
        self._colors = {one.name: one.color for one in classes}
        self._named = [one.name for one in classes if one.is_foreground]
        self._lists = ClassLists(ReadContext(Path(), lambda _: None))
        self._own: dict[str, dict[str, Any]] = {}
        self._new: dict[str, dict[str, Any]] = {}

    def use(self, folder: Path) -> None:
        """Take the classes to which annotation files in a folder refer."""
        for entry in self._lists.near(folder).entries:
            if isinstance(entry.get("name"), str):
                self._own.setdefault(entry["name"], dict(entry))

    def id_of(self, label: str) -> object:
        """Return the id of a class, which is listed from now on; -1 for none, as the tool does."""
        if not label:
            return -1
        if label not in self._own and label not in self._new:
            number = len(self._new)
            color = self._colors.get(label) or default_color(number)
            text = "#{:02x}{:02x}{:02x}".format(*color)
            entry = {"id": number + 1, "name": label, "color": text}
            self._new[label] = {**entry, "type": "object", "attribute_groups": []}
        return (self._own.get(label) or self._new[label]).get("id", -1)

    def entries(self) -> list[dict[str, Any]]:
        """Return the whole list."""
        for name in () if self._own else self._named:
            self.id_of(name)
        return [
            *self._own.values(),
            *(one for name, one in self._new.items() if name not in self._own),
        ]


def painted(
    bitmaps: Sequence[Bitmap], size: Size, taken: Collection[int]
) -> tuple[NDArray[np.int64], list[list[int]]]:
    """Give every connected part of a region a color of its own: 15, 30, 45, ...

    If there are more parts than colors, every region is one part.

    Args:
        bitmaps: Within the image, none upon another.
        size: Size of the image.
        taken: Colors that are not given.

    Returns:
        The colors of the pixels as 24-bit numbers, (H, W) int64, and those of every bitmap.
    """
    import cv2

    colors = np.zeros((size.height, size.width), np.int64)
    free = (one for one in range(COLOR_STEP, WHITE + 1, COLOR_STEP) if one not in taken)
    parts = []
    numbered = [
        cv2.connectedComponents(one.pixels.astype(np.uint8), connectivity=4) for one in bitmaps
    ]
    is_too_many = sum(count - 1 for count, _ in numbered) > WHITE // COLOR_STEP - len(taken)
    for bitmap, (count, numbers) in zip(bitmaps, numbered, strict=True):
        own = list(itertools.islice(free, 1 if is_too_many else count - 1))
        table = np.array([0, *own])
        place = colors[bitmap.row :, bitmap.column :][: numbers.shape[0], : numbers.shape[1]]
        place += table[np.minimum(numbers, len(own))]
        parts.append(own)
    return colors, parts


def _colors_of(records: object) -> set[int]:
    """Return the colors that records list that became no shape, as far as they can be read."""
    colors = set()
    for record in records if isinstance(records, list) else ():
        listed = record.get("parts") if isinstance(record, dict) else None
        for part in listed if isinstance(listed, list) else ():
            match part:
                case {"color": str(color)} if _COLOR.fullmatch(color):
                    colors.add(int(color.removeprefix("#"), 16))
    return colors


def _document(
    image: WrittenImage, name: str, instances: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    own = image.own
    kept = with_left_over(image.shapes, instances, own.get("instances"))
    size = {"width": image.size.width, "height": image.size.height}
    known = own.get("metadata")
    if isinstance(known, dict):
        return {**own, "metadata": {**known, **size}, "instances": kept}
    if image.state is ImageState.UNVISITED:
        status = "NotStarted"
    else:
        status = "InProgress" if image.is_predicted else "Completed"
    facts: dict[str, Any] = {
        "name": name,
        "status": status,
        "pinned": False,
        "isPredicted": image.is_predicted,
    }
    comments: list[object] = []
    records: list[object] = []
    for one in kept:  # a list of 2020 has all in one
        match one:
            case {"type": "meta", "name": "lastAction", **rest}:
                facts["lastAction"] = rest
            case {"type": "meta", "name": _, **rest}:
                facts.update({str(key): value for key, value in rest.items()})
            case {"type": "comment"}:
                comments.append(one)
            case {"type": "tag"}:
                pass  # among the tags of the image
            case _:
                records.append(one)
    tags = list(image.tags)
    return {"metadata": facts | size, "instances": records, "tags": tags, "comments": comments}


def _drawn(shape: Shape, *, own: bool) -> dict[str, Any]:
    if own and shape.primitive is not None:
        return {"type": shape.kind, **shape.primitive}
    match shape.geometry:
        case Area(parts=(polygon,)):
            return _outline(polygon, shape.kind, own=own)
        case Polyline(points):
            return {"type": "polyline", "points": points.ravel().tolist()}
        case PointSet(points):
            x, y = points[0].tolist()
            return {"type": "point", "x": x, "y": y}
    raise AssertionError(shape.geometry)


def _outline(polygon: Polygon, kind: str, *, own: bool) -> dict[str, Any]:
    points = polygon.exterior.ravel().tolist()
    if kind == "rbbox" and len(points) == len(_CORNERS) and own:
        return {"type": kind, "points": dict(zip(_CORNERS, points, strict=True))}
    if kind != "polygon" and is_upright_box(polygon):
        x1, y1, _, _, x2, y2, _, _ = points
        return {"type": "bbox", "points": {"x1": x1, "y1": y1, "x2": x2, "y2": y2}}
    holes = [hole.ravel().tolist() for hole in polygon.holes]
    return {"type": "polygon", "points": points} | ({"exclude": holes} if holes or not own else {})


WRITERS = {"superannotate": SuperAnnotateWriter, "superannotate-pixel": SuperAnnotatePixelWriter}
