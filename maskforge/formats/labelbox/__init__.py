"""Labelbox: exports of version 1 and 2, and the lines that it imports.

What the keys mean was read in Labelbox/labelbox-python: ``data/serialization/ndjson/objects.py``
(import), ``tests/data/assets/labelbox_v1`` (exports of version 1), ``exporters/voc_exporter.py`` of
its first releases (labels before 2019), and in the documentation of exports of version 2.
Web addresses in these files carry signatures: they are never fetched, and never printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from maskforge.formats.base import ImageRecord, ReadContext, Recognition
from maskforge.formats.jsonio import Document
from maskforge.issues import Issue

_SIGNED = re.compile(r"((?:https?|gs|s3)://[^\s?'\"]*)\?[^\s'\"]*")
_EXPORT_1 = ("Labeled Data", "Label")
_IMPORT_KEYS = ("uuid", "name", "schemaId")


class Labelbox:
    """The format of Labelbox's files; see ``maskforge.formats.base.Format``."""

    name = "labelbox"
    title = "Labelbox"
    versions = "exports of version 1 (JSON) and 2 (NDJSON, JSON), lines for import (NDJSON)"
    marks = ("Labeled Data", "data_row", "dataRow")
    suffixes = (".json", ".ndjson")

    @property
    def geometry(self) -> str:
        """The kinds of shapes."""
        from maskforge.formats.labelbox.object_records import KINDS

        return ", ".join(KINDS)

    def recognize(self, document: Document) -> Recognition:
        """Tell exports and imports by the keys of their rows."""
        rows = _rows(document)
        if not rows:
            return Recognition.no("the root is not a row, or a list of rows")
        for variant, (is_such, reason) in _VARIANTS.items():
            if any(isinstance(row, dict) and is_such(row) for row in rows):
                return Recognition(variant, reason, auxiliary=variant == "data-rows")
        return Recognition.no(
            "no row with `Labeled Data` and `Label` (export of version 1), `data_row` (version 2) "
            "or `dataRow` (import)"
        )

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the images of an export or import."""
        from maskforge.formats.labelbox.exported_rows import read_row
        from maskforge.formats.labelbox.import_lines import read_lines

        rows = _rows(document)
        if self.recognize(document).variant == "import":
            images = read_lines(document, rows, context)
        else:
            images = (
                image
                for index, row in enumerate(rows)
                for image in read_row(
                    row,
                    document.origin.at(f"[{index}]") if rows is document.root else document.origin,
                    context,
                )
            )
        yield from map(_without_signatures, images)


def _rows(document: Document) -> list[Any]:
    root = document.root
    if isinstance(root, dict):
        return [root]
    return root if isinstance(root, list) else []


def _is_export_1(row: dict[str, Any]) -> bool:
    return all(key in row for key in _EXPORT_1)


def _is_export_2(row: dict[str, Any]) -> bool:
    return isinstance(row.get("data_row"), dict) and "projects" in row


def _is_import(row: dict[str, Any]) -> bool:
    return isinstance(row.get("dataRow"), dict) and any(key in row for key in _IMPORT_KEYS)


def _is_data_row(row: dict[str, Any]) -> bool:
    return "row_data" in row and ("global_key" in row or "external_id" in row)


_VARIANTS = {
    "export-1": (_is_export_1, "rows with `Labeled Data` and `Label`"),
    "export-2": (_is_export_2, "rows with `data_row` and `projects`"),
    "import": (_is_import, "lines with `dataRow`"),
    "data-rows": (_is_data_row, "entries with `row_data`"),
}


def _without_signatures(image: ImageRecord) -> ImageRecord:
    """Return an image whose findings have no signatures of web addresses."""
    shapes = tuple(
        one if one.label_issue is None else replace(one, label_issue=_quiet(one.label_issue))
        for one in image.shapes
    )
    return replace(image, shapes=shapes, issues=tuple(map(_quiet, image.issues)))


def _quiet(issue: Issue) -> Issue:
    return replace(issue, message=_SIGNED.sub(r"\1", issue.message))


FORMAT = Labelbox()
