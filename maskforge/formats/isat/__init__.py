"""ISAT, the Image Segmentation Annotation Tool with Segment Anything: one file per image.

What the keys mean was read in the tool's own sources: ``ISAT/annotation.py`` and
``ISAT/formats/isat.py`` of yatengLG/ISAT_with_segment_anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from maskforge.errors import shorten
from maskforge.formats.addresses import image_name, image_path
from maskforge.formats.base import ImageRecord, ReadContext, Recognition, left_over
from maskforge.formats.fields import declared_size, ignored
from maskforge.formats.isat.object_records import FORM, layer_of, read_object
from maskforge.formats.jsonio import Document, as_list
from maskforge.formats.plainform import read_each
from maskforge.issues import Issue, Origin
from maskforge.shapes import ImageState

_HINT = "open the image in ISAT and save it again"


class Isat:
    """The format of ISAT's JSON files; see ``maskforge.formats.base.Format``."""

    name = "isat"
    title = "ISAT with Segment Anything"
    versions = "ISAT 0.x and 1.x: one JSON file per image"
    geometry = "polygon"
    marks = ('"ISAT"', "iscrowd")
    suffixes = (".json",)

    def recognize(self, document: Document) -> Recognition:
        """Tell ISAT's files by `info` with its name, or by the keys of `objects`."""
        root = document.root
        if not isinstance(root, dict) or not isinstance(root.get("info"), dict):
            return Recognition.no("no object `info` at the root")
        if "objects" not in root:
            return Recognition.no("no `objects` beside `info`")
        if root["info"].get("description") == "ISAT":
            return Recognition("image", '`info` with the description "ISAT"')
        objects = root["objects"]
        if isinstance(objects, list) and any(map(_is_object, objects)):
            return Recognition("image", "`objects` with `category` and `segmentation`")
        return Recognition.no('`info` does not have the description "ISAT"')

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the one image of a file.

        Raises:
            FormatError: If `objects` is not a list.
        """
        root: dict[str, Any] = document.root
        origin, info = document.origin, root["info"]
        place = origin.at(".objects")
        objects = as_list(root["objects"], "objects", place, _HINT)
        unsized: list[Issue] = []
        declared = declared_size(info, origin.at(".info"), unsized)
        shapes, issues = read_each(objects, place, read_object, FORM, size=declared)
        shapes.sort(key=layer_of)  # equal layers stay in the order of the file, as in Qt
        name, folder = (_text(info, key, origin, issues) for key in ("name", "folder"))
        file = image_name(image_path(name))
        written = (image_path(name), image_path(f"{folder}/{file}") if folder else "")
        issues += unsized
        yield ImageRecord(
            file or document.path.stem,
            tuple(filter(None, written)) if file else (),
            tuple(shapes),
            ImageState.ANNOTATED if objects else ImageState.EMPTY,
            origin,
            declared=declared,
            upright=False,  # Pillow opens the image, and nothing turns it
            # ISAT looks for the file by the name of the image.
            own=() if document.is_item else (document.path.stem,),
            issues=tuple(issues),
            extra={key: value for key, value in root.items() if key != "objects"}
            | left_over("objects", objects, shapes, place),
        )


def _is_object(entry: object) -> bool:
    return isinstance(entry, dict) and "category" in entry and "segmentation" in entry


def _text(info: dict[str, Any], key: str, origin: Origin, issues: list[Issue]) -> str:
    value = info.get(key)
    if value is not None and not isinstance(value, str):
        place = origin.at(f".info.{key}")
        issues.append(ignored(f"expected text, found {shorten(value)}", place))
    return value if isinstance(value, str) else ""


FORMAT = Isat()
