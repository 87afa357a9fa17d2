"""Writing the JSON files of ISAT, and the list of classes beside them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from maskforge.files import dump_record
from maskforge.formats.base import group_numbers, record_index, with_left_over
from maskforge.formats.isat.object_records import BACKGROUND, BACKGROUND_LABEL
from maskforge.formats.writer import Holds, Writer, WrittenImage
from maskforge.geometry import bounds, enclosed_area
from maskforge.shapes import Area, Shape


class IsatWriter(Writer):
    """One file per image, as ISAT writes and reads it, and ``isat.yaml`` with the classes."""

    title = "ISAT with Segment Anything"
    holds = Holds(holes=("background", "cut"), unlabeled=True, instances=True, upright=False)

    def add(self, image: WrittenImage) -> None:
        """Write the file of an image."""
        folder = str(PurePosixPath(image.name).parent)
        path = PurePosixPath(self._context.image_path(image, image.path, folder))
        extra = dict(image.own)
        info = extra.pop("info", None)
        extra.pop("objects", None)
        document = {
            "info": {
                "description": "ISAT",
                "folder": str(path.parent),
                "name": path.name,
                "width": image.size.width,
                "height": image.size.height,
                "depth": 3,
                "note": "",
                **_kept(info),
            },
            "objects": self._objects(image),
            **extra,
        }
        self._context.write(f"{image.name}.json", dump_record(document, indent=4))

    def finish(self) -> None:
        """Write the classes, so that the tool shows them in their colors."""
        import yaml

        labels = [{"name": BACKGROUND, "color": "#000000"}]
        labels += [
            {"name": one.name, "color": one.hex_color} for one in self._context.classes if one.id
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
        return with_left_over(shapes, records, image.own.get("objects"))


def _kept(info: object) -> dict[str, Any]:
    """Return what an own file says about its image beside its place and size."""
    placed = ("description", "folder", "name", "width", "height")
    kept = info if isinstance(info, dict) else {}
    return {key: one for key, one in kept.items() if key not in placed}


def _object(shape: Shape, groups: dict[str, int], layer: int, *, own: bool) -> dict[str, object]:
    assert isinstance(shape.geometry, Area)
    points = shape.geometry.parts[0].exterior
    label = shape.labels[0] if shape.labels else ""
    new: dict[str, object] = {
        "area": enclosed_area(points),
        "layer": float(layer),
        "bbox": list(bounds(points)),
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


WRITERS = {"isat": IsatWriter}
