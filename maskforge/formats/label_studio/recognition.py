"""Telling the files of Label Studio by what they hold."""

from __future__ import annotations

from typing import Any

from maskforge.formats.base import Recognition
from maskforge.formats.jsonio import Document

ANNOTATIONS = ("annotations", "completions")
"""Where a task has what people drew: today, and before version 1.0."""

_RESULTS = (*ANNOTATIONS, "predictions")


def recognize(document: Document) -> Recognition:
    """Tell which of Label Studio's files a document is, if it is one."""
    root = document.root
    if isinstance(root, list):
        return _recognize_list(root)
    if not isinstance(root, dict):
        return Recognition.no("the root is neither a task nor a list of tasks")
    if is_task(root):
        return Recognition("task", "`data` and annotations at the root")
    if _is_annotation(root):
        return Recognition("annotation", "`result` and the `data` of its `task` at the root")
    return Recognition.no(
        "neither a task (`data`, and a list `annotations` or `predictions`) nor an annotation "
        "(`result` and `task`)"
    )


def _recognize_list(root: list[Any]) -> Recognition:
    first = root[0] if root else None
    if isinstance(first, dict) and is_task(first):
        return Recognition("tasks", "a list of tasks with `data` and annotations")
    if is_entry(first):
        return Recognition("min", "a list of entries with `annotator` and `annotation_id`")
    return Recognition.no("the root is not a list of tasks with `data` and annotations")


def is_entry(value: object) -> bool:
    """Tell whether a value is an annotation of the JSON-MIN export."""
    return isinstance(value, dict) and {"annotator", "annotation_id"} <= value.keys()


def is_task(root: dict[str, Any]) -> bool:
    """Tell whether an object is a task."""
    return isinstance(root.get("data"), dict) and any(
        isinstance(root.get(key), list) for key in _RESULTS
    )


def _is_annotation(root: dict[str, Any]) -> bool:
    """Tell the files that a target storage gets: one for each annotation."""
    task = root.get("task")
    return (
        isinstance(root.get("result"), list)
        and isinstance(task, dict)
        and isinstance(task.get("data"), dict)
    )
