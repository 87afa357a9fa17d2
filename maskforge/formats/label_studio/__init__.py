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
from maskforge.formats.label_studio.recognition import is_task, recognize
from maskforge.issues import Code


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
        return recognize(document)

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the image of every task."""
        from maskforge.formats.label_studio.min_export import tasks_of
        from maskforge.formats.label_studio.task import read_task

        root, origin = document.root, document.origin
        if not isinstance(root, list):
            yield read_task(root, origin) if is_task(root) else _stored(root, document)
            return
        is_min = recognize(document).variant == "min"
        for index, task in tasks_of(root) if is_min else enumerate(root):
            place = origin.at(f"[{index}]")
            if isinstance(task, dict) and is_task(task):
                yield read_task(task, place)
            else:
                text = f"expected a task with `data` and annotations, found {shorten(root[index])}"
                context.report(FormatError(Code.INVALID_FILE, text, origin=place).issue())


def _stored(root: dict[str, Any], document: Document) -> ImageRecord:
    """Return the image of an annotation that holds its task, instead of the other way round."""
    from maskforge.formats.label_studio.task import read_task

    inner = {key: value for key, value in root.items() if key != "task"}
    place = document.origin
    return read_task({**root["task"], "annotations": [inner]}, place.at(".task"), stored=place)


FORMAT = LabelStudio()
