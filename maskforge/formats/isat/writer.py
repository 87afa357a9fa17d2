"""Writing the JSON files of ISAT, and the list of classes beside them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import msgspec

from maskforge.formats.base import group_numbers, record_index, with_left_over
from maskforge.formats.isat.object_records import BACKGROUND, BACKGROUND_LABEL
from maskforge.formats.writer import Holds, WriteContext, WrittenImage
from maskforge.shapes import Area, Points, Shape


class IsatWriter:
    """One file per image, as ISAT writes and reads it, and ``isat.yaml`` with the classes."""

    title = "ISAT with Segment Anything"
    holds = Holds(
        holes=("background", "cut"),
        unlabeled=True,
        instances=True,
        upright=False,
    )

    def __init__(self, context: WriteContext) -> None:
        self._context = context

    def add(self, image: WrittenImage) -> None:
        """Write the file of an image."""
        folder = str(PurePosixPath(image.name).parent)
        suffix = PurePosixPath(image.image).suffix
        path = PurePosixPath(
            self._context.image_path(image, f"{image.name}{suffix}", seen_from=folder)
        )
        extra = dict(image.extra) if image.is_own else {}
        info = extra.pop("info", None)
        extra.pop("objects", None)
        new = {"depth": 3, "note": ""}
        document = {
            "info": {
                "description": "ISAT",
                "folder": str(path.parent),
                "name": path.name,
                "width": image.size.width,
                "height": image.size.height,
                **new,
                **(_kept(info) if image.is_own else {}),
            },
            "objects": self._objects(image),
            **extra,
        }
        text = msgspec.json.format(msgspec.json.encode(document), indent=4)
        self._context.write(f"{image.name}.json", text + b"\n")

    def finish(self) -> None:
        """Write the classes, so that the tool shows them in their colors."""
        import yaml

        entries = [(BACKGROUND, (0, 0, 0))]
        entries += [(one.name, one.color) for one in self._context.classes if one.id]
        labels = [
            {"name": name, "color": "#{:02x}{:02x}{:02x}".format(*color)} for name, color in entries
        ]
        text = yaml.safe_dump({"label": labels}, allow_unicode=True, sort_keys=False)
        self._context.write("isat.yaml", text.encode())

    def _objects(self, image: WrittenImage) -> list[object]:
        shapes = list(image.shapes)
        if image.is_own:  # layers say what lies on top, not the order
            shapes.sort(key=lambda one: record_index(one) or 0)
        groups = group_numbers(shapes, 1)
        layers = {id(shape): number for number, shape in enumerate(image.shapes, 1)}
        records = [_object(shape, groups, layers[id(shape)], own=image.is_own) for shape in shapes]
        rest = image.extra.get("objects") if image.is_own else None
        return with_left_over(shapes, records, rest)


def _kept(info: object) -> dict[str, Any]:
    """Return what an own file says about its image beside its place and size."""
    placed = ("description", "folder", "name", "width", "height")
    kept = info if isinstance(info, dict) else {}
    return {key: one for key, one in kept.items() if key not in placed}


def _object(shape: Shape, groups: dict[str, int], layer: int, *, own: bool) -> dict[str, object]:
    assert isinstance(shape.geometry, Area)
    points = shape.geometry.parts[0].exterior
    label = shape.labels[0] if shape.labels else ""
    low, high = points.min(axis=0), points.max(axis=0)
    new: dict[str, object] = {
        "area": _area(points),
        "layer": float(layer),
        "bbox": [*low.tolist(), *high.tolist()],
        "iscrowd": False,
        "note": "",
    }
    return {
        "category": BACKGROUND if label == BACKGROUND_LABEL else label,
        "group": 0 if shape.instance is None else groups[shape.instance],
        "segmentation": points.tolist(),
        **(shape.extra if own else new),
        **((shape.primitive or {}) if own else {}),
    }


def _area(points: Points) -> float:
    """Return what a ring encloses, by Gauss."""
    x, y = (points - points[0]).T
    after_x, after_y = (points[[*range(1, len(points)), 0]] - points[0]).T
    return abs(float((x * after_y - after_x * y).sum())) / 2
