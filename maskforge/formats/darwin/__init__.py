"""V7 Darwin: one JSON file for each item, which is one image or several in slots.

What the keys mean was read in V7's own sources, ``darwin/utils/utils.py``, ``darwin/datatypes.py``
and ``darwin/exporter/formats`` of v7labs/darwin-py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from maskforge.formats.base import ImageRecord, ReadContext, Recognition
from maskforge.formats.jsonio import Document, as_list

_ITEM_KEYS = ("slots", "path", "source_info")
_IMAGE_KEYS = ("filename", "original_filename")


class Darwin:
    """The format of V7's JSON files; see ``maskforge.formats.base.Format``."""

    name = "darwin"
    title = "V7 Darwin"
    versions = "Darwin JSON 2.0 and 1.0: one file for each item"
    marks = ("darwin_json", "slot_names", "raster_layer")
    suffixes = (".json",)

    @property
    def geometry(self) -> str:
        """The kinds of shapes."""
        from maskforge.formats.darwin.annotation_records import KINDS

        return ", ".join(KINDS)

    def recognize(self, document: Document) -> Recognition:
        """Tell version 2.0 by `item`, version 1.0 by `image`, both with `annotations`."""
        root = document.root
        if not isinstance(root, dict):
            return Recognition.no("the root is not an object")
        if "annotations" not in root:
            return Recognition.no("no `annotations` at the root")
        item, image = root.get("item"), root.get("image")
        if isinstance(item, dict) and any(key in item for key in _ITEM_KEYS):
            return Recognition("2.0", "`item` with slots and `annotations` at the root")
        if isinstance(image, dict) and any(key in image for key in _IMAGE_KEYS):
            return Recognition("1.0", "`image` with a file name and `annotations` at the root")
        return Recognition.no("neither an `item` with slots (2.0) nor an `image` (1.0)")

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the images of an item.

        Raises:
            FormatError: If its annotations or slots are not lists.
        """
        from maskforge.formats.darwin.item import read_item, read_version1

        root: dict[str, Any] = document.root
        as_list(root["annotations"], "annotations", document.origin.at(".annotations"))
        if self.recognize(document).variant == "1.0":
            yield read_version1(root, document.origin)
        else:
            yield from read_item(root, document.origin)


FORMAT = Darwin()
