"""LabelMe of Kentaro Wada, 2.x to 7.x, with AnyLabeling and X-AnyLabeling: one file per image.

What the keys mean was read in the tools' own sources: ``labelme/_label_file.py`` of
wkentaro/labelme, and ``anylabeling/views/labeling/label_file.py`` of CVHub520/X-AnyLabeling. The
web tool of the same name by MIT CSAIL writes another format, which is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any, TypeVar

from maskforge.errors import RecordError
from maskforge.formats.base import ImageRecord, ReadContext, Recognition, left_over
from maskforge.formats.fields import declared_size, ignored
from maskforge.formats.jsonio import Document, as_list, structure
from maskforge.formats.labelme.shape_records import FORM, read_shape
from maskforge.formats.plainform import read_each
from maskforge.images.embedded import EmbeddedImage, is_data_uri
from maskforge.images.suffixes import is_image_name
from maskforge.issues import Code, Issue, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import ImageState

T = TypeVar("T")

_IMAGE_KEYS = ("imagePath", "imageData", "imageHeight", "imageWidth")
_SIDES = ("imageWidth", "imageHeight")
_COMMON_KEYS = ("version", "flags", "lineColor", "fillColor")
_HINT = "open the image in LabelMe and save it again"
_X_ANYLABELING_KEYS = frozenset({"attributes", "difficult", "kie_linking", "score"})


class LabelMe:
    """The format of LabelMe's JSON files; see ``maskforge.formats.base.Format``."""

    name = "labelme"
    title = "LabelMe (wkentaro), AnyLabeling, X-AnyLabeling"
    versions = "LabelMe 2.x to 7.x, AnyLabeling, X-AnyLabeling to 4.x: one JSON file per image"
    geometry = (
        "polygon, rectangle, oriented_rectangle, circle, line, linestrip, point, mask; "
        "X-AnyLabeling: rotation, quadrilateral, cuboid"
    )
    marks = ("shapes", "imagePath", "imageData")
    suffixes = (".json",)

    def recognize(self, document: Document) -> Recognition:
        """Tell LabelMe files by `shapes` at the root and the keys beside it."""
        root = document.root
        if not isinstance(root, dict):
            return Recognition.no("the root is not an object with a `shapes` list")
        if "shapes" not in root:
            annotation = root.get("annotation")
            if isinstance(annotation, dict) and "object" in annotation:
                return Recognition.no(
                    "no `shapes` list at the root; `annotation.object` is of the LabelMe web tool "
                    "by MIT CSAIL, another format of the same name"
                )
            return Recognition.no("no `shapes` list at the root")
        shapes = root["shapes"]
        if isinstance(shapes, list) and shapes and not any(map(_is_labeled, shapes)):
            return Recognition.no("no entry of `shapes` has `label` or `points`")
        deciding = next((key for key in _IMAGE_KEYS if key in root), None)
        if deciding is None and isinstance(shapes, list) and any(map(_is_drawn, shapes)):
            deciding = next((key for key in _COMMON_KEYS if key in root), None)
        if deciding is None:
            return Recognition.no(
                "`shapes` at the root, but none of "
                + ", ".join(f"`{key}`" for key in _IMAGE_KEYS)
                + " beside it"
            )
        dialect = "x-anylabeling" if _is_x_anylabeling(root) else self.name
        return Recognition(dialect, f"`shapes` and `{deciding}` at the root")

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the one image of a file.

        Raises:
            FormatError: If `shapes` is not a list.
        """
        root: dict[str, Any] = document.root
        origin = document.origin
        place = origin.at(".shapes")
        records = as_list(root["shapes"], "shapes", place, _HINT)
        read = partial(
            read_shape, vertices=Allowance(Limit.VERTICES), pixels=Allowance(Limit.BITMAP_PIXELS)
        )
        unsized: list[Issue] = []
        declared = declared_size(root, origin, unsized, _SIDES)
        shapes, issues = read_each(records, place, read, FORM, size=declared)
        name, written = _image(root, document, issues)
        data = _optional(root, "imageData", str, origin, issues)
        if data and is_data_uri(data):
            text = "`imageData` is a data URI instead of bare base64"
            issues.append(Issue(Code.LENIENT, text, origin.at(".imageData")))
        issues += unsized
        yield ImageRecord(
            name,
            written,
            tuple(shapes),
            ImageState.ANNOTATED if records else ImageState.EMPTY,
            origin,
            declared=declared,
            # LabelMe turns images upright before it shows them; X-AnyLabeling shows the pixels
            # as they are stored.
            upright=not _is_x_anylabeling(root),
            # People rename annotations together with their images, and `imagePath` stays.
            own=() if document.is_item else (document.path.stem,),
            embedded=EmbeddedImage(data) if data else None,
            tags=_tags(root, origin, issues),
            issues=tuple(issues),
            extra=_extra(root) | left_over("shapes", records, shapes, place),
        )


def _is_labeled(entry: object) -> bool:
    return isinstance(entry, dict) and ("points" in entry or "label" in entry)


def _is_drawn(entry: object) -> bool:
    """Tell LabelMe's list of points from the flat list of numbers that other tools write."""
    points = entry.get("points") if isinstance(entry, dict) else None
    return bool(isinstance(points, list) and points and isinstance(points[0], list))


def _is_x_anylabeling(root: dict[str, Any]) -> bool:
    entries = root["shapes"] if isinstance(root["shapes"], list) else []
    first = next((entry for entry in entries if isinstance(entry, dict)), {})
    return "checked" in root or not _X_ANYLABELING_KEYS.isdisjoint(first)


def _image(
    root: dict[str, Any], document: Document, issues: list[Issue]
) -> tuple[str, tuple[str, ...]]:
    """Return the name of the image, and the path that is written, unless it is the file's own."""
    file = document.path
    written = (_optional(root, "imagePath", str, document.origin, issues) or "").replace("\\", "/")
    name = PurePosixPath(written).name
    suffix = PurePosixPath(name).suffix.lower()
    if name in ("", "..") or suffix == file.suffix.lower():
        return file.stem, ()
    return (name if is_image_name(name) or not suffix else file.stem), (written,)


def _extra(root: dict[str, Any]) -> dict[str, Any]:
    extra = {key: value for key, value in root.items() if key != "shapes"}
    if "imageData" in extra:
        extra["imageData"] = bool(root["imageData"])
    return extra


def _tags(root: dict[str, Any], origin: Origin, issues: list[Issue]) -> tuple[str, ...]:
    flags = _optional(root, "flags", dict[str, bool], origin, issues) or {}
    tags = _optional(root, "tags", list[str], origin, issues) or []  # X-AnyLabeling
    return tuple(dict.fromkeys([*(name for name, is_set in flags.items() if is_set), *tags]))


def _optional(
    root: dict[str, Any], key: str, type_: type[T], origin: Origin, issues: list[Issue]
) -> T | None:
    value = root.get(key)
    if value is None:
        return None
    try:
        return structure(value, type_, origin.at(f".{key}"))
    except RecordError as error:
        issues.append(ignored(error.message, error.origin))
        return None


FORMAT = LabelMe()
