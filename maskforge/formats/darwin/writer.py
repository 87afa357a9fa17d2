"""Writing the files of Darwin JSON 2.0, one for each image."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from maskforge.files import dump_record
from maskforge.formats.base import group_numbers, with_left_over
from maskforge.formats.darwin.annotation_records import KINDS
from maskforge.formats.darwin.item import RECORDS, SLOT
from maskforge.formats.runlength import within
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage, as_objects, is_below
from maskforge.geometry import bounds
from maskforge.shapes import Area, Bitmap, Points, PointSet, Polyline, Shape, Size

_SCHEMA = "https://darwin-public.s3.eu-west-1.amazonaws.com/darwin_json/2.0/schema.json"
_SPACE = uuid.UUID("8a5f2c8e-4d3b-5b0a-9d7e-0c1f6a3e2b47")
"""Names the ids of annotations, which are the same for the same image."""

_SLOT_NAME = "0"
_LAYER = "__raster_layer__"
_MODEL = "maskforge"


class DarwinWriter(Writer):
    """A file for each image in ``annotations``, and the images in ``images`` if they are copied.

    All pixels of an image are in one raster layer, which holds none that lie under others.
    """

    title = "V7 Darwin 2.0"
    holds = Holds(
        holes=("rings",),
        parts=True,
        bitmaps=True,
        lines=True,
        points=True,
        instances=True,
        scores=True,
        tags=True,
    )

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._names: set[str] = set()

    def add(self, image: WrittenImage) -> None:
        """Write the file of an image."""
        root = _own_root(image) if image.is_own else None
        name = image.path
        own = None if root is None else _own_name(root)
        if own is not None and own not in self._names and is_below(own):
            name = own
        self._names.add(name)
        self._context.image_path(image, f"images/{name}", "annotations")
        if root is None:
            root = _new_root(PurePosixPath(name), image.size)
        root[RECORDS] = _own_records(image) if image.is_own else self._records(image)
        self._context.write(f"annotations/{image.name}.json", dump_record(root))

    def _records(self, image: WrittenImage) -> list[object]:
        """Return the annotations of an image of another format."""
        shapes = [one for number, shape in enumerate(image.shapes) for one in _apart(shape, number)]
        groups = group_numbers(shapes, 1)
        records: list[object] = []
        pixels: dict[str, Bitmap] = {}
        for number, shape in enumerate(shapes):
            record = {"id": _id(image, number), **_new_record(shape, groups), **_ending()}
            if isinstance(shape.geometry, Bitmap):
                pixels[str(record["id"])] = shape.geometry
            records.append(record)
        if pixels:
            layer, visible = self._layer(pixels, image.size)
            records = [
                one
                for one in records
                if isinstance(one, dict) and ("mask" not in one or one["id"] in visible)
            ]
            if visible:
                records.append(
                    {"id": _id(image, -1), "name": _LAYER, "raster_layer": layer, **_ending()}
                )
        for number, tag in enumerate(image.tags, 2):
            records.append({"id": _id(image, -number), "name": tag, "tag": {}, **_ending()})
        return records

    def _layer(
        self, pixels: Mapping[str, Bitmap], size: Size
    ) -> tuple[dict[str, object], Mapping[str, int]]:
        """Return the raster layer of bitmaps, and the number in it of each that can be seen."""
        drawn = np.zeros((size.height, size.width), np.int32)
        hidden = 0
        for number, bitmap in enumerate(pixels.values(), 1):
            part = within(bitmap, size)
            height, width = part.pixels.shape
            if part.pixels.size:
                here = drawn[part.row : part.row + height, part.column : part.column + width]
                hidden += int(np.count_nonzero(here[part.pixels]))
                here[part.pixels] = number
        if hidden:
            self._context.left_out("pixels of masks that lie under other masks", hidden)
        flat = drawn.ravel()
        ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
        counts = np.diff(ends, prepend=0)
        values = flat[ends - 1]
        seen = set(values.tolist())
        numbers = {id_: number for number, id_ in enumerate(pixels, 1) if number in seen}
        if len(numbers) < len(pixels):
            self._context.left_out("masks without a visible pixel", len(pixels) - len(numbers))
        layer: dict[str, object] = {
            "dense_rle": np.column_stack((values, counts)).ravel().tolist(),
            "mask_annotation_ids_mapping": numbers,
            "total_pixels": int(flat.size),
        }
        return layer, numbers


def _own_root(image: WrittenImage) -> dict[str, Any]:
    """Return what a file of the format held beside its annotations; of several slots, one."""
    root = {key: value for key, value in image.extra.items() if key not in (RECORDS, SLOT)}
    number, item = image.extra.get(SLOT), root.get("item")
    if isinstance(number, int) and isinstance(item, dict):
        root["item"] = {**item, "name": image.image, "slots": [item["slots"][number]]}
    return root


def _own_name(root: Mapping[str, Any]) -> str | None:
    """Return the path of the image as V7 knows it."""
    item = root.get("item")
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        return None
    folder = item.get("path")
    return f"{folder if isinstance(folder, str) else ''}/{item['name']}".lstrip("/")


def _own_records(image: WrittenImage) -> list[object]:
    groups = group_numbers(image.shapes, 1)
    records = [_own_record(shape, groups) for shape in image.shapes]
    return with_left_over(image.shapes, records, image.extra.get(RECORDS))


def _own_record(shape: Shape, groups: Mapping[str, int]) -> dict[str, object]:
    drawn = _drawn(shape) if shape.primitive is None else {}
    return {
        **shape.extra,
        **({"name": shape.labels[0]} if shape.labels else {}),
        **{key: value for key, value in drawn.items() if key in KINDS[:-1]},
        **(shape.primitive or {}),
        **_instance(shape, groups),
    }


def _new_root(path: PurePosixPath, size: Size) -> dict[str, Any]:
    folder = path.parent.as_posix()
    slot = {
        "type": "image",
        "slot_name": _SLOT_NAME,
        "width": size.width,
        "height": size.height,
        "source_files": [{"file_name": path.name}],
    }
    item = {
        "name": path.name,
        "path": "/" if folder == "." else f"/{folder}",
        "slots": [slot],
    }
    return {"version": "2.0", "schema_ref": _SCHEMA, "item": item}


def _new_record(shape: Shape, groups: Mapping[str, int]) -> dict[str, object]:
    model = {"id": str(uuid.uuid5(_SPACE, _MODEL)), "name": _MODEL, "type": "external"}
    inference = {"confidence": shape.score, "model": model}
    return {
        "name": shape.labels[0] if shape.labels else "",
        **_drawn(shape),
        **_instance(shape, groups),
        **({} if shape.score is None else {"inference": inference}),
    }


def _ending() -> dict[str, object]:
    return {"properties": [], "slot_names": [_SLOT_NAME]}


def _instance(shape: Shape, groups: Mapping[str, int]) -> dict[str, object]:
    if shape.instance is None:
        return {}
    return {"instance_id": {"value": groups[shape.instance]}}


def _apart(shape: Shape, number: int) -> Iterator[Shape]:
    """Yield the parts of a shape by themselves if they overlap: paths are filled together."""
    if isinstance(shape.geometry, Area) and not is_even_odd(shape.geometry):
        instance = shape.instance or f"parts of shape {number + 1}"
        for part in shape.geometry.parts:
            yield replace(shape, geometry=Area((part,)), instance=instance)
    else:
        yield shape


def is_even_odd(area: Area) -> bool:
    """Tell whether the rings of all parts enclose the same together, filled by the even-odd rule.

    They do not where parts overlap.
    """
    import shapely

    if len(area.parts) == 1:
        return True
    polygons = [shapely.Polygon(part.exterior, part.holes) for part in area.parts]
    if not shapely.is_valid(polygons).all():
        return False
    first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    pairs = first < second
    inside = shapely.relate_pattern(
        np.array(polygons)[first[pairs]], np.array(polygons)[second[pairs]], "T********"
    )
    return not inside.any()


def _drawn(shape: Shape) -> dict[str, object]:
    match shape.geometry:
        case Area(parts):
            rings = [ring for part in parts for ring in part.rings]
            return {
                "polygon": {"paths": [as_objects(ring) for ring in rings]},
                "bounding_box": _box([part.exterior for part in parts]),
            }
        case Polyline(points):
            return {"line": {"path": as_objects(points)}}
        case PointSet(points):
            return {"keypoint": as_objects(points)[0]}
        case Bitmap():
            return {"mask": {}}
    raise AssertionError(shape.geometry)


def _box(rings: Sequence[Points]) -> dict[str, float]:
    left, top, right, bottom = bounds(np.concatenate(rings))
    return {"x": left, "y": top, "w": right - left, "h": bottom - top}


def _id(image: WrittenImage, number: int) -> str:
    return str(uuid.uuid5(_SPACE, f"{image.name}\0{number}"))


WRITERS = {"darwin": DarwinWriter}
