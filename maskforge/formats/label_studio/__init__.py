"""Label Studio's JSON export: a list of tasks, each with an image and what people drew on it.

What the keys mean was read in the tool's own sources, ``label_studio_sdk/converter`` of
HumanSignal/label-studio-sdk and ``web/libs/editor`` of HumanSignal/label-studio.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from maskforge.errors import FormatError, shorten
from maskforge.formats.base import ImageRecord, ReadContext, Recognition
from maskforge.formats.jsonio import Document
from maskforge.issues import Code

ANNOTATIONS = ("annotations", "completions")
"""Where a task has what people drew: today, and before version 1.0."""

_RESULTS = (*ANNOTATIONS, "predictions")


class LabelStudio:
    """The format of Label Studio's JSON files; see ``maskforge.formats.base.Format``."""

    name = "label-studio"
    title = "Label Studio"
    versions = "JSON and JSON-MIN exports; one task, or one annotation with its task"
    geometry = "polygon, rectangle and ellipse with rotation, brush, keypoint"
    marks = ("original_width", "was_cancelled", "from_name", "annotation_id")
    suffixes = (".json",)

    def recognize(self, document: Document) -> Recognition:
        """Tell tasks by `data` and the lists beside it."""
        root = document.root
        if isinstance(root, list):
            return _recognize_list(root)
        if not isinstance(root, dict):
            return Recognition.no("the root is neither a task nor a list of tasks")
        if _is_task(root):
            return Recognition("task", "`data` and annotations at the root")
        if _is_annotation(root):
            return Recognition("annotation", "`result` and the `data` of its `task` at the root")
        return Recognition.no(
            "neither a task (`data`, and a list `annotations` or `predictions`) nor an annotation "
            "(`result` and `task`)"
        )

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the image of every task."""
        from maskforge.formats.label_studio.min_export import tasks_of
        from maskforge.formats.label_studio.task import read_task

        root, origin = document.root, document.origin
        if not isinstance(root, list):
            yield read_task(root, origin) if _is_task(root) else _stored(root, document)
            return
        is_min = self.recognize(document).variant == "min"
        for index, task in tasks_of(root) if is_min else enumerate(root):
            place = origin.at(f"[{index}]")
            if isinstance(task, dict) and _is_task(task):
                yield read_task(task, place)
            else:
                text = f"expected a task with `data` and annotations, found {shorten(root[index])}"
                context.report(FormatError(Code.INVALID_FILE, text, origin=place).issue())


def _recognize_list(root: list[Any]) -> Recognition:
    first = root[0] if root else None
    if isinstance(first, dict) and _is_task(first):
        return Recognition("tasks", "a list of tasks with `data` and annotations")
    if is_entry(first):
        return Recognition("min", "a list of entries with `annotator` and `annotation_id`")
    return Recognition.no("the root is not a list of tasks with `data` and annotations")


def is_entry(value: object) -> bool:
    """Tell whether a value is an annotation of the JSON-MIN export."""
    return isinstance(value, dict) and {"annotator", "annotation_id"} <= value.keys()


def _is_task(root: dict[str, Any]) -> bool:
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


def _stored(root: dict[str, Any], document: Document) -> ImageRecord:
    """Return the image of an annotation that holds its task, instead of the other way round."""
    from maskforge.formats.label_studio.task import read_task

    inner = {key: value for key, value in root.items() if key != "task"}
    place = document.origin
    return read_task({**root["task"], "annotations": [inner]}, place.at(".task"), stored=place)


FORMAT = LabelStudio()
