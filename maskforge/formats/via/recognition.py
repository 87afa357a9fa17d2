"""Telling the files of VIA by what they hold."""

from __future__ import annotations

from maskforge.formats.base import Recognition
from maskforge.formats.jsonio import Document

METADATA = "_via_img_metadata"
_ENTRY_KEYS = ("filename", "regions")
COLUMNS = ("filename", "region_shape_attributes", "region_attributes")
"""Columns that every table has."""

_VERSION_3 = ("project", "metadata", "view")


def recognize(document: Document) -> Recognition:
    """Tell which of VIA's files a document is, if it is one."""
    root = document.root
    if document.is_csv:
        return _recognize_table(root)
    if not isinstance(root, dict):
        return Recognition.no("the root is not an object")
    if METADATA in root:
        return Recognition("project", f"`{METADATA}` at the root")
    if any(map(_is_entry, root.values())):
        return Recognition("json-export", "entries with `filename` and `regions` at the root")
    if all(key in root for key in _VERSION_3):
        return Recognition.no(
            "`project`, `metadata` and `view` are of VIA 3, another format of the same tool"
        )
    return Recognition.no(
        f"neither `{METADATA}` (project) nor entries with `filename` and `regions` (export)"
    )


def _is_entry(value: object) -> bool:
    return isinstance(value, dict) and all(key in value for key in _ENTRY_KEYS)


def _recognize_table(rows: list[dict[str, str]]) -> Recognition:
    if not rows:
        return Recognition.no("no rows below the header")
    missing = [name for name in COLUMNS if name not in rows[0] and f"#{name}" not in rows[0]]
    if missing:
        return Recognition.no(f"no columns {', '.join(f'`{name}`' for name in missing)}")
    return Recognition("csv-export", "columns " + ", ".join(f"`{name}`" for name in COLUMNS))
