"""Supervisely: a project folder with a JSON file for every image.

What the keys mean was read in the tool's own package, supervisely/supervisely: the modules of
``supervisely/geometry``, ``annotation/annotation.py`` and ``annotation/label.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from maskforge.formats.base import ImageRecord, ReadContext, Recognition, left_over
from maskforge.formats.jsonio import Document, as_list
from maskforge.formats.plainform import read_each
from maskforge.images.suffixes import is_image_name
from maskforge.issues import Issue
from maskforge.shapes import ImageState, Size

_OWN_FOLDERS = frozenset({"ann", "img", "datasets"})
_VIDEO_KEYS = ("frames", "framesCount", "volumeMeta", "figures")


class Supervisely:
    """The format of Supervisely's projects; see ``maskforge.formats.base.Format``."""

    name = "supervisely"
    title = "Supervisely"
    versions = "projects of images: one JSON file for each image, and meta.json"
    marks = ("classTitle", "geometryType")
    suffixes = (".json",)

    @property
    def geometry(self) -> str:
        """The kinds of shapes."""
        from maskforge.formats.supervisely.object_records import KINDS

        return ", ".join(KINDS)

    def recognize(self, document: Document) -> Recognition:
        """Tell annotations by `size` and `objects`, and the classes of a project by their keys."""
        root = document.root
        if not isinstance(root, dict) or any(key in root for key in _VIDEO_KEYS):
            return Recognition.no("the root is not an object, or that of a video or point cloud")
        classes = root.get("classes")
        if isinstance(classes, list) and any(map(_is_class, classes)):
            return Recognition("meta", "`classes` with `title` and `shape`", auxiliary=True)
        if "objects" not in root:
            return Recognition.no("no `objects`, and no `classes` with `title` and `shape`")
        size, objects = root.get("size"), root["objects"]
        if isinstance(size, dict) and {"height", "width"} & size.keys():
            return Recognition("image", "`objects`, and `size` with `height` and `width`")
        if isinstance(objects, list) and any(map(_is_object, objects)):
            return Recognition("image", "`objects` with `classTitle`")
        return Recognition.no("`objects`, but no `size` with `height` and `width` beside it")

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the one image of a file.

        Raises:
            FormatError: If `objects` is not a list.
        """
        from maskforge.formats.supervisely.object_records import FORM, ObjectReader
        from maskforge.formats.supervisely.project import classes_of, named

        root: dict[str, Any] = document.root
        origin = document.origin
        place = origin.at(".objects")
        objects = as_list(root["objects"], "objects", place, "download the project again")
        notes: list[Issue] = []
        reader = ObjectReader(classes_of(document.path, context), notes)
        size = _size(root.get("size"))
        shapes, issues = read_each(objects, place, reader, FORM, size=size)
        name = document.path.stem  # ``a.png.json`` is of ``a.png``
        if document.is_item:
            name = origin.pointer
        is_written = not document.is_item and is_image_name(name)
        yield ImageRecord(
            name,
            (name,) if is_written else (),
            tuple(shapes),
            ImageState.ANNOTATED if objects else ImageState.EMPTY,
            origin,
            declared=size,
            upright=True,  # browsers turn images so
            own=() if is_written or document.is_item else (name,),
            beside=("../img", "."),
            own_folders=_OWN_FOLDERS,
            tags=tuple(
                dict.fromkeys(
                    tag["name"] for tag in named(root.get("tags"), "name") if tag["name"].strip()
                )
            ),
            issues=(*issues, *notes),
            extra={key: value for key, value in root.items() if key != "objects"}
            | left_over("objects", objects, shapes, place),
        )


def _is_class(entry: object) -> bool:
    return isinstance(entry, dict) and "title" in entry and "shape" in entry


def _is_object(entry: object) -> bool:
    return isinstance(entry, dict) and "classTitle" in entry


def _size(value: object) -> Size | None:
    match value:
        case {"width": int(width), "height": int(height)} if min(width, height) > 0:
            return Size(width, height)
    return None


FORMAT = Supervisely()
