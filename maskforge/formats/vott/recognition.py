"""Telling the files of VoTT by what they hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from maskforge.formats.base import Recognition
from maskforge.formats.jsonio import Document

_PROJECT_KEYS = (
    "sourceConnection",
    "targetConnection",
    "videoSettings",
    "activeLearningSettings",
    "securityToken",
    "lastVisitedAssetId",
)
_ASSET_KEYS = ("id", "name", "path", "state")
_VERSION1_KEYS = ("inputTags", "visitedFrames", "tag_colors")

COLUMNS = ("image", "xmin", "ymin", "xmax", "ymax", "label")
"""Columns of a CSV export."""

_RESULT_COLUMNS = frozenset({"confidence", "score", "scores", "probability", "conf", "prob"})
"""Columns that a detector writes, and no person."""


def recognize(document: Document) -> Recognition:
    """Tell which of VoTT's files a document is, if it is one."""
    if document.is_csv:
        return _recognize_table(document.root)
    root = document.root
    if not isinstance(root, dict):
        return Recognition.no("the top level is not an object")
    if is_metadata(root):
        return _recognize_metadata(root)
    if "frames" in root:
        return _recognize_version1(root)
    return _recognize_project(root)


def is_metadata(value: object) -> bool:
    """Tell the object of an asset with its regions from the description of an asset alone."""
    return isinstance(value, dict) and "asset" in value


def _recognize_table(rows: list[dict[str, str]]) -> Recognition:
    if not rows:
        return Recognition.no("the table has no rows")
    results = _RESULT_COLUMNS.intersection(map(str.lower, rows[0]))
    if results:
        return Recognition.no(
            f"a column {_listed(sorted(results))}: the results of a detector, not annotations"
        )
    missing = [name for name in COLUMNS if name not in rows[0]]
    if missing:
        return Recognition.no(f"no column {_listed(missing)} (CSV export)")
    return Recognition("csv-export", f"columns {_listed(COLUMNS)}")


def _recognize_metadata(root: dict[str, Any]) -> Recognition:
    asset = root["asset"]
    described = isinstance(asset, dict) and any(key in asset for key in _ASSET_KEYS)
    if "regions" in root or described:
        return Recognition("asset", "`asset` and what belongs to it at the top level")
    return Recognition.no("`asset`, but no `regions` beside it (asset file)")


def _recognize_version1(root: dict[str, Any]) -> Recognition:
    deciding = next((key for key in _VERSION1_KEYS if key in root), None)
    if deciding is None:
        return Recognition.no(f"`frames`, but none of {_listed(_VERSION1_KEYS)} (version 1)")
    return Recognition("version-1", f"`frames` and `{deciding}` at the top level")


def _recognize_project(root: dict[str, Any]) -> Recognition:
    deciding = next((key for key in _PROJECT_KEYS if key in root), None)
    if "assets" not in root and not (deciding and "tags" in root):
        return Recognition.no(
            "none of `assets` (project, JSON export), `asset` (asset file) and `frames` (version 1)"
        )
    assets = root.get("assets")
    entries: Iterable[Any] = assets if isinstance(assets, list) else ()
    entries = assets.values() if isinstance(assets, dict) else entries
    if any(map(is_metadata, entries)):
        return Recognition("json-export", "`assets` with an `asset` each")
    if any(isinstance(entry, dict) and "state" in entry for entry in entries):
        return Recognition("project", "`assets` with a `state` each")
    if deciding is None:
        return Recognition.no("`assets`, but no entry with `asset` (JSON export) or `state`")
    return Recognition("project", f"`{deciding}` at the top level")


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
