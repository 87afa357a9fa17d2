"""Writing tasks that Label Studio imports, and the labeling configuration that they need."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from maskforge.files import dump_record
from maskforge.formats.base import with_left_over
from maskforge.formats.label_studio.brush import packed
from maskforge.formats.label_studio.recognition import ANNOTATIONS
from maskforge.formats.label_studio.result_records import DECIMALS, to_percent
from maskforge.formats.label_studio.task import image_key
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage
from maskforge.shapes import Area, Bitmap, ImageState, Points, PointSet, Polyline, Shape, Size

_NAMES = {
    "polygonlabels": ("polygon", "PolygonLabels"),
    "brushlabels": ("brush", "BrushLabels"),
    "keypointlabels": ("keypoint", "KeyPointLabels"),
    "rectanglelabels": ("rectangle", "RectangleLabels"),
    "ellipselabels": ("ellipse", "EllipseLabels"),
}
"""Types of results, each with the name and the tag of what makes them in a configuration."""

_PLACE = re.compile(rf"\.({'|'.join(ANNOTATIONS)})\[(\d+)\]$")
_POINT_WIDTH = 0.5
_MODEL = "maskforge"


class LabelStudioWriter(Writer):
    """``tasks.json`` and ``label_config.xml``, and the images in ``images`` if they are copied."""

    title = "Label Studio"
    holds = Holds(
        holes=("bitmap", "cut"),
        bitmaps=True,
        lines=True,
        points=True,
        labels=True,
        unlabeled=True,
        scores=True,
        tags=True,
        unvisited=True,
        decimals=DECIMALS,
    )

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._tasks: list[Mapping[str, object]] = []
        self._labels = {one.name: one.hex_color for one in context.classes}
        self._tags: dict[str, None] = {}

    def add(self, image: WrittenImage) -> None:
        """Keep the task of an image."""
        self._tags |= dict.fromkeys(image.tags)
        for shape in image.shapes:
            self._labels |= {one: self._labels.get(one, "") for one in shape.labels}
        self._tasks.append(self._own(image) if image.is_own else self._new(image))

    def finish(self) -> None:
        """Write the tasks, and the configuration with the labels of all of them."""
        self._context.write("tasks.json", dump_record(self._tasks))
        self._context.write("label_config.xml", self._configuration().encode())

    def _own(self, image: WrittenImage) -> Mapping[str, object]:
        """Return a task of the format as it was, with the results that are written now."""
        task: dict[str, Any] = {k: v for k, v in image.extra.items() if k != "result"}
        results = [_own_result(shape) for shape in image.shapes]
        whole = with_left_over(image.shapes, results, image.extra.get("result"))
        if image.state is not ImageState.UNVISITED:
            found = _PLACE.search(image.origin.pointer)
            key, index = (found[1], int(found[2])) if found else (ANNOTATIONS[0], 0)
            listed = list(task[key])
            listed[index] = {**listed[index], "result": whole}
            task[key] = listed
        data, key = dict(_as_object(task.get("data"))), image_key(task)
        copied = self._context.image_files == "copy" and image.file is not None
        if copied or not isinstance(data.get(key), str):
            data[key] = self._reference(image)
        return {**task, "data": data}

    def _new(self, image: WrittenImage) -> Mapping[str, object]:
        data: dict[str, object] = {"image": self._reference(image)}
        results = [_new_result(shape, image, number) for number, shape in enumerate(image.shapes)]
        if not results:  # nothing else tells the size
            data |= {"width": image.size.width, "height": image.size.height}
        if image.tags:
            results.append(_choices(image))
        if image.state is ImageState.UNVISITED:
            return {"data": data, "annotations": []}
        if image.is_predicted:
            scores = [one.score for one in image.shapes if one.score is not None]
            if image.score is not None:
                scores = [image.score]
            prediction: dict[str, object] = {"result": results, "model_version": _MODEL}
            if scores:
                prediction["score"] = sum(scores) / len(scores)
            return {"data": data, "predictions": [prediction]}
        annotation = {"result": results, "was_cancelled": False, "ground_truth": False}
        return {"data": data, "annotations": [annotation]}

    def _reference(self, image: WrittenImage) -> str:
        """Return an image as the server finds it below the folder that it is allowed to serve."""
        path = self._context.image_path(image, f"images/{image.path}")
        return f"/data/local-files/?d={_quoted(path)}"

    def _configuration(self) -> str:
        from xml.sax.saxutils import quoteattr  # loads all that one needs to open a URL

        lines = ["<View>", '  <Image name="image" value="$image" zoom="true"/>']
        for name, tag in _NAMES.values():
            lines.append(f'  <{tag} name="{name}" toName="image">')
            for label, color in self._labels.items():
                background = f' background="{color}"' if color else ""
                lines.append(f"    <Label value={quoteattr(label)}{background}/>")
            lines.append(f"  </{tag}>")
        if self._tags:
            lines.append('  <Choices name="tags" toName="image" choice="multiple">')
            lines += [f"    <Choice value={quoteattr(tag)}/>" for tag in self._tags]
            lines.append("  </Choices>")
        return "\n".join([*lines, "</View>", ""])


def _own_result(shape: Shape) -> dict[str, object]:
    return {**shape.extra, "type": shape.kind, **(shape.primitive or {})}


def _new_result(shape: Shape, image: WrittenImage, number: int) -> dict[str, object]:
    kind, value = _drawn(shape, image.size)
    score = {} if shape.score is None else {"score": shape.score}
    return {
        "id": _id(image.name, number),
        "type": kind,
        "value": {**value, kind: list(shape.labels)},
        **_frame(image.size),
        "from_name": _NAMES[kind][0],
        "to_name": "image",
        "origin": "prediction" if image.is_predicted else "manual",
        **score,
    }


def _choices(image: WrittenImage) -> dict[str, object]:
    return {
        "id": _id(image.name, -1),
        "type": "choices",
        "value": {"choices": list(image.tags)},
        "from_name": "tags",
        "to_name": "image",
    }


def _drawn(shape: Shape, size: Size) -> tuple[str, dict[str, object]]:
    match shape.geometry:
        case Area(parts=(polygon,)):
            return "polygonlabels", {"points": _percent(polygon.exterior, size), "closed": True}
        case Polyline(points):
            return "polygonlabels", {"points": _percent(points, size), "closed": False}
        case PointSet(points):
            ((x, y),) = _percent(points, size)
            return "keypointlabels", {"x": x, "y": y, "width": _POINT_WIDTH}
        case Bitmap() as bitmap:
            return "brushlabels", {"format": "rle", "rle": packed(bitmap, size)}
    raise AssertionError(shape.geometry)


def _percent(points: Points, size: Size) -> list[list[float]]:
    listed: list[list[float]] = to_percent(points, size).tolist()
    return listed


def _frame(size: Size) -> dict[str, int]:
    return {"original_width": size.width, "original_height": size.height, "image_rotation": 0}


def _id(name: str, number: int) -> str:
    """Return the id of a region: the same for the same image, and unlike any other."""
    return hashlib.sha256(f"{name}\0{number}".encode()).hexdigest()[:10]


def _as_object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _quoted(path: str) -> str:
    """Return a path for a query: only what would end it there is written in another way."""
    return "".join(f"%{ord(one):02X}" if one in '%&#+;"' else one for one in path)


WRITERS = {"label-studio": LabelStudioWriter}
