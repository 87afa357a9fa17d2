"""Writing the JSON files of LabelMe and X-AnyLabeling."""

from __future__ import annotations

import base64
import contextlib
from pathlib import PurePosixPath
from typing import Any, ClassVar

import numpy as np

from maskforge.errors import FormatError
from maskforge.files import dump_record
from maskforge.formats.base import group_numbers, is_upright_box, with_left_over
from maskforge.formats.jsonio import load
from maskforge.formats.writer import Holds, Writer, WrittenImage
from maskforge.images.png import png_bytes
from maskforge.shapes import Area, Bitmap, Points, PointSet, Polyline, Shape

_SAME_POINTS = frozenset(
    ("polygon", "line", "linestrip", "point", "oriented_rectangle", "quadrilateral", "rotation")
)
"""Kinds whose points are the vertices of the geometry."""


class LabelMeWriter(Writer):
    """One file per image, as LabelMe 5 to 7 writes and reads it."""

    title = "LabelMe"
    holds = Holds(
        holes=("background", "cut", "bitmap"),
        bitmaps=True,
        lines=True,
        points=True,
        unlabeled=True,
        instances=True,
        scores=True,
        tags=True,
        embeds=True,
    )
    _version = "7.1.0"
    _kinds: ClassVar[dict[str, int | None]] = {
        "polygon": None,
        "rectangle": 2,
        "oriented_rectangle": 4,
        "circle": 2,
        "line": 2,
        "linestrip": None,
        "point": 1,
        "mask": 2,
    }
    """Kinds that the tool opens, and how many points it wants: with others, it opens no shape."""
    _called: ClassVar[dict[str, str]] = {"rotation": "oriented_rectangle"}
    """What it calls kinds of the other tool."""
    _box_corners: ClassVar[slice] = slice(0, None, 2)
    _shape_keys: ClassVar[dict[str, Any]] = {}
    _file_keys: ClassVar[dict[str, Any]] = {}

    def add(self, image: WrittenImage) -> None:
        """Write the file of an image."""
        folder = str(PurePosixPath(image.name).parent)
        path: object = self._context.image_path(image, image.path, folder)
        content = None if self._context.image_files == "copy" else image.content
        data = None if content is None else base64.b64encode(content).decode()
        if image.is_own and self._context.image_files == "reference":
            data = _data_of(image) or data
            if image.file is None:
                path = image.extra.get("imagePath", path)
        new = {"version": self._version, "flags": dict.fromkeys(image.tags, True)}
        document = {
            **self._file_keys,
            **(image.extra if image.is_own else new),
            "shapes": self._records(image),
            "imagePath": path,
            "imageData": data,
            "imageHeight": image.size.height,
            "imageWidth": image.size.width,
        }
        self._context.write(f"{image.name}.json", dump_record(document))

    def _records(self, image: WrittenImage) -> list[object]:
        groups = group_numbers(image.shapes, 0)
        records = [self._record(shape, groups, own=image.is_own) for shape in image.shapes]
        written = with_left_over(image.shapes, records, image.own.get("shapes"))
        opened = [one for one in written if _kind_of(one) not in _KINDS - self._kinds.keys()]
        if len(opened) < len(written):
            what = "records that only the other of LabelMe and X-AnyLabeling opens"
            self._context.left_out(what, len(written) - len(opened))
        return opened

    def _record(self, shape: Shape, groups: dict[str, int], *, own: bool) -> dict[str, object]:
        kind, drawn = (own and self._as_it_was(shape)) or self._drawn(shape)
        new = {"description": "", "flags": {}}
        score = {} if shape.score is None else {"score": shape.score}
        return {
            "label": shape.labels[0] if shape.labels else "",
            **drawn,
            "group_id": None if shape.instance is None else groups[shape.instance],
            "shape_type": kind,
            **self._shape_keys,
            **(shape.extra if own else new),
            **score,
        }

    def _as_it_was(self, shape: Shape) -> tuple[str, dict[str, object]] | None:
        """Return the kind and the keys that the geometry was made from, if the tool opens that."""
        kind = self._called.get(shape.kind, shape.kind)
        if kind not in self._kinds or (shape.primitive is None and kind not in _SAME_POINTS):
            return None
        match shape.geometry:
            case Area(parts=(polygon,)) if kind == "rectangle" and not is_upright_box(polygon):
                return None  # X-AnyLabeling would save the box around it
        drawn = _own(shape)
        points = drawn["points"]
        assert isinstance(points, list)
        return (kind, drawn) if self._kinds[kind] in (None, len(points)) else None

    def _drawn(self, shape: Shape) -> tuple[str, dict[str, object]]:
        match shape.geometry:
            case Area(parts=(polygon,)) if shape.kind != "polygon" and is_upright_box(polygon):
                return "rectangle", {"points": _listed(polygon.exterior[self._box_corners])}
            case Area(parts=(polygon,)):
                return "polygon", {"points": _listed(polygon.exterior)}
            case Polyline(points):
                kind = "line" if len(points) == 2 else "linestrip"
                return kind, {"points": _listed(points)}
            case PointSet(points):
                return "point", {"points": _listed(points)}
            case Bitmap(row, column, pixels):
                height, width = pixels.shape
                corners = [[column, row], [column + width - 1, row + height - 1]]
                mask = base64.b64encode(png_bytes(pixels.astype(np.uint8))).decode()
                return "mask", {"points": corners, "mask": mask}
        raise AssertionError(shape.geometry)


class XAnyLabelingWriter(LabelMeWriter):
    """One file per image, as X-AnyLabeling 4 writes and reads it: without pixels."""

    title = "X-AnyLabeling"
    holds = Holds(
        holes=("background", "cut"),
        lines=True,
        points=True,
        unlabeled=True,
        instances=True,
        scores=True,
        tags=True,
        embeds=True,
        upright=False,
    )
    _version = "4.2.0"
    _kinds: ClassVar = dict.fromkeys(
        (
            *("polygon", "rectangle", "rotation", "quadrilateral", "cuboid", "circle"),
            *("line", "linestrip", "point"),
        )
    )
    _called: ClassVar = {"oriented_rectangle": "rotation"}
    _box_corners: ClassVar = slice(None)
    _shape_keys: ClassVar = {
        "score": None,
        "description": "",
        "difficult": False,
        "flags": {},
        "attributes": {},
        "kie_linking": [],
    }
    _file_keys: ClassVar = {"checked": False, "description": ""}


def _data_of(image: WrittenImage) -> str | None:
    """Return the image that is embedded in the file that was read, as it is there."""
    if not image.extra.get("imageData"):
        return None
    with contextlib.suppress(FormatError):
        root = load(image.origin.file).root
        if isinstance(root, list) and image.origin.pointer.startswith("$["):
            root = root[int(image.origin.pointer[2:].partition("]")[0])]
        data = root.get("imageData") if isinstance(root, dict) else None
        return data if isinstance(data, str) else None
    return None


def _own(shape: Shape) -> dict[str, object]:
    """Return the keys that the geometry was made from."""
    if shape.primitive is not None:
        return dict(shape.primitive)
    geometry = shape.geometry
    assert isinstance(geometry, Area | Polyline | PointSet)
    points = geometry.parts[0].exterior if isinstance(geometry, Area) else geometry.points
    return {"points": points.tolist()}


def _listed(points: Points) -> list[list[float]]:
    listed: list[list[float]] = points.tolist()
    return listed


def _kind_of(record: object) -> object:
    return record.get("shape_type") if isinstance(record, dict) else None


_KINDS = frozenset((*LabelMeWriter._kinds, *XAnyLabelingWriter._kinds, "points"))

WRITERS = {"labelme": LabelMeWriter, "x-anylabeling": XAnyLabelingWriter}
