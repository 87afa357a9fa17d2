"""Label Studio: a list of tasks, with all coordinates in percent of the image."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from annotation_files.marks import Mark, Sheet

HOLDS_HOLES = False


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images and the JSON export of a project into which they were uploaded.

    Args:
        folder: Must exist.
        sheets: What to write; polygons alone.
        colors: Color of each label, which an export does not hold.
    """
    del colors
    tasks = []
    for number, sheet in enumerate(sheets, 1):
        (folder / sheet.name).write_bytes(sheet.jpeg())
        upload = f"{number:08x}-{sheet.name}"
        annotation = {
            "id": number,
            "completed_by": 1,
            "result": [_result(mark, sheet, place) for place, mark in enumerate(sheet.marks)],
            "was_cancelled": False,
            "ground_truth": False,
            "created_at": "2026-01-01T00:00:00.000000Z",
        }
        task: dict[str, object] = {
            "id": number,
            "annotations": [annotation],
            "file_upload": upload,
            "predictions": [],
            "data": {"image": f"/data/upload/1/{upload}"},
        }
        tasks.append(task)
    text = json.dumps(tasks, indent=1, ensure_ascii=False)
    (folder / "project-1-export.json").write_text(text, "utf-8")


def _result(mark: Mark, sheet: Sheet, place: int) -> dict[str, object]:
    points = [[x / sheet.width * 100, y / sheet.height * 100] for x, y in mark.points.tolist()]
    return {
        "id": f"region{place:04d}",
        "type": "polygonlabels",
        "value": {"points": points, "closed": True, "polygonlabels": list(mark.labels)},
        "origin": "manual",
        "to_name": "image",
        "from_name": "label",
        "image_rotation": 0,
        "original_width": sheet.width,
        "original_height": sheet.height,
    }
