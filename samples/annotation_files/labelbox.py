"""Labelbox: a line for every annotation, as it is imported, and the images beside them."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from annotation_files.marks import Mark, Sheet, filled

HOLDS_HOLES = True

_NOTHING = {"type": "RAW_TEXT", "value": "Nothing is to be marked in this image."}


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images, their annotations, and the list of images.

    Args:
        folder: Must exist.
        sheets: What to write.
        colors: Known to the project in Labelbox alone.
    """
    del colors
    lines, rows = [], []
    for sheet in sheets:
        (folder / sheet.name).write_bytes(sheet.jpeg())
        lines += [_line(number, mark, sheet) for number, mark in enumerate(sheet.marks)]
        row = {"row_data": sheet.name, "global_key": sheet.name, "external_id": sheet.name}
        rows.append(row if sheet.marks else row | {"attachments": [_NOTHING]})
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "caries.ndjson").write_text(text, "utf-8")
    (folder / "data_rows.json").write_text(json.dumps(rows, indent=1), "utf-8")


def _line(number: int, mark: Mark, sheet: Sheet) -> dict[str, object]:
    key = f"{sheet.name}/{number}/{mark.note}"
    line: dict[str, object] = {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, key)),
        "name": mark.labels[0],
        "dataRow": {"globalKey": sheet.name},
        "classifications": [{"name": "note", "answer": mark.note}],
    }
    if not mark.holes:
        return line | {"polygon": [{"x": x, "y": y} for x, y in mark.points.tolist()]}
    inside = filled(mark.points, sheet.width, sheet.height)
    for hole in mark.holes:
        inside &= ~filled(hole, sheet.width, sheet.height)
    _, data = cv2.imencode(".png", inside.astype(np.uint8))
    return line | {"mask": {"png": base64.b64encode(data.tobytes()).decode()}}
