"""Writing files for import: a line for every annotation, and the images beside them."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec
import numpy as np

from maskforge.files import dump_record
from maskforge.formats.labelbox.answers import as_import
from maskforge.formats.labelbox.import_lines import DATA_ROWS, EMPTY
from maskforge.formats.runlength import on_image
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage, as_objects
from maskforge.images.png import png_bytes
from maskforge.shapes import Area, Bitmap, PointSet, Polyline, Shape, Size

_LINES = "labelbox.ndjson"
_EXPORT = frozenset({"featureId", "feature_id"})


class LabelboxWriter(Writer):
    """Lines as ``LabelImport`` and ``MALPredictionImport`` of Labelbox's package take them."""

    title = "Labelbox"
    holds = Holds(holes=("bitmap", "cut"), bitmaps=True, lines=True, points=True, scores=True)

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._lines: list[bytes] = []
        self._rows: list[dict[str, Any]] = []
        self._keys: set[str] = set()

    def add(self, image: WrittenImage) -> None:
        """Take the lines of an image."""
        path = self._context.image_path(image, image.path)
        data_row = _data_row(image) or {"globalKey": self._free_key(image.path)}
        row = {"row_data": path, "external_id": PurePosixPath(path).name}
        key = next(iter(data_row.values()))
        row["global_key" if "globalKey" in data_row else "uid"] = key
        records: list[Mapping[str, Any]] = [
            self._line(shape, image, index, data_row) for index, shape in enumerate(image.shapes)
        ]
        rest = image.own.get("lines")
        records += rest if isinstance(rest, list) else []
        self._lines += map(msgspec.json.encode, records)
        self._rows.append(row if records else row | {"attachments": [EMPTY]})

    def finish(self) -> None:
        """Write the lines of all images, and the images."""
        self._context.write(_LINES, b"".join(line + b"\n" for line in self._lines))
        self._context.write(DATA_ROWS, dump_record(self._rows, indent=1))

    def _free_key(self, key: str) -> str:
        while key in self._keys:
            key += "_"
        self._keys.add(key)
        return key

    def _line(
        self, shape: Shape, image: WrittenImage, index: int, data_row: dict[str, Any]
    ) -> dict[str, Any]:
        extra = dict(shape.extra) if image.is_own else {}
        new = uuid.uuid5(uuid.NAMESPACE_URL, f"{image.name}/{index}")
        line: dict[str, Any] = {
            "uuid": str(new),
            **({"name": shape.labels[0]} if shape.labels else {}),
            "dataRow": data_row,
        }
        if _EXPORT.isdisjoint(extra):
            line |= {key: one for key, one in extra.items() if key not in ("mask", "name")}
        else:
            answers = as_import(extra.get("classifications"))
            line |= {"classifications": answers} if answers else {}
        if shape.score is not None:
            line["confidence"] = shape.score
        primitive = shape.primitive if image.is_own and shape.primitive else None
        return line | (_renamed(primitive) if primitive else _drawn(shape, image.size))


def _data_row(image: WrittenImage) -> dict[str, str] | None:
    """Return what an own image is called in Labelbox; None if it is not there."""
    if not image.is_own:
        return None
    for shape in image.shapes:
        found = shape.extra.get("dataRow")
        if isinstance(found, dict):
            return found
    row = image.extra.get("data_row")
    if isinstance(row, dict):
        if isinstance(row.get("global_key"), str):
            return {"globalKey": row["global_key"]}
        if isinstance(row.get("id"), str):
            return {"id": row["id"]}
    id_ = image.extra.get("DataRow ID")
    return {"id": id_} if isinstance(id_, str) else None


def _renamed(primitive: Mapping[str, Any]) -> dict[str, Any]:
    """Return the geometry of an own record; a box has another name in exports of version 2."""
    return {"bbox" if key == "bounding_box" else key: one for key, one in primitive.items()}


def _drawn(shape: Shape, size: Size) -> dict[str, Any]:
    match shape.geometry:
        case Area(parts=(polygon,)):
            return {"polygon": as_objects(polygon.exterior)}
        case Polyline(points):
            return {"line": as_objects(points)}
        case PointSet(points):
            return {"point": as_objects(points)[0]}
        case Bitmap():
            png = png_bytes(on_image(shape.geometry, size).view(np.uint8))
            return {"mask": {"png": base64.b64encode(png).decode()}}
    raise AssertionError(shape.geometry)


WRITERS = {"labelbox": LabelboxWriter}
