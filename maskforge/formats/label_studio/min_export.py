"""The JSON-MIN export: an entry for each annotation.

An entry holds the data of its task, beside them a list of results for each control by its name, and
who drew when. What ``prettify_result`` of ``label_studio_sdk/converter/utils.py`` leaves out, the
type of a result and the id that joins a region with its labels, is told by its other keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from maskforge.formats.label_studio.recognition import is_entry
from maskforge.formats.label_studio.result_records import KINDS

_ABOUT = {
    "annotation_id": "id",
    "annotator": "completed_by",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "lead_time": "lead_time",
}
"""Keys about the annotation, and how they are called in one."""

_FRAME = ("original_width", "original_height")
_LABELS = "labels"
_KEYS = (
    ("points", "polygon"),
    ("rle", "brush"),
    ("radiusX", "ellipse"),
    ("height", "rectangle"),
    ("x", "keypoint"),
    ("choices", "choices"),
)
"""Keys that tell the type of a result without labels of its own, the first that is there."""


def tasks_of(entries: Sequence[object]) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield tasks as the whole export has them, each with the index of its first entry.

    Annotations of the same task are entries of their own, and become one task again. What is not an
    entry is None.
    """
    tasks: dict[object, tuple[int, dict[str, Any]]] = {}
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not is_entry(entry):
            yield index, None
            continue
        lists = {key: one for key, one in entry.items() if key != "id" and _is_control(one)}
        known = {"id", *_ABOUT, *lists}
        data = {key: one for key, one in entry.items() if key not in known}
        id_ = entry.get("id")
        key = id_ if isinstance(id_, int | str) else ("without id", index)
        _, task = tasks.setdefault(key, (index, {"id": id_, "data": data, "annotations": []}))
        if entry["annotation_id"] is not None:  # else nobody has looked at it
            about = {name: entry[key] for key, name in _ABOUT.items() if key in entry}
            task["annotations"].append({**about, "result": _results(lists)})
    yield from tasks.values()


def _is_control(value: object) -> bool:
    results = value if isinstance(value, list) else []
    return bool(results) and all(isinstance(one, dict) and _type(one) for one in results)


def _results(lists: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the results of an annotation; those of the same geometry get the same id."""
    ids: dict[bytes, str] = {}
    unlabeled: set[str] = set()
    results = []
    for name, listed in lists.items():
        for one in listed:
            value = {key: part for key, part in one.items() if key not in _FRAME}
            type_ = _type(one)
            place = {k: part for k, part in value.items() if k not in (_LABELS, *KINDS)}
            id_ = ids.setdefault(msgspec.json.encode(place, order="sorted"), f"r{len(ids)}")
            if type_ in KINDS and not {_LABELS, type_} & value.keys():
                unlabeled.add(id_)
            frame = {key: one[key] for key in _FRAME if key in one}
            names = {"from_name": name, "to_name": "image"}
            results.append({"id": id_, "type": type_, **names, "value": value, **frame})
    for result in results:
        if _LABELS in result["value"] and result["id"] in unlabeled:
            result["type"] = _LABELS  # of a region that another control has drawn
    return results


def _type(value: dict[str, Any]) -> str:
    """Return the type of a result; empty if nothing tells it."""
    own = next((key for key in KINDS if key in value), None)
    return own or next((type_ for key, type_ in _KEYS if key in value), "")
