"""Check the lines of a file as Labelbox's package does before it sends them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labelbox.data.serialization.ndjson.objects import (
    NDLine,
    NDMask,
    NDPoint,
    NDPolygon,
    NDRectangle,
)
from labelbox.schema.data_row import DataRow
from PIL import Image

KINDS = {
    "polygon": NDPolygon,
    "mask": NDMask,
    "point": NDPoint,
    "line": NDLine,
    "bbox": NDRectangle,
}


def main(lines: str, data_rows: str, pictures: str) -> dict[str, Any]:
    found = []
    for number, text in enumerate(Path(lines).read_text("utf-8").splitlines()):
        line = json.loads(text)
        (kind,) = (one for one in KINDS if one in line)
        checked = KINDS[kind](**line)
        one = {"kind": kind, "name": checked.name, "row": checked.data_row.global_key}
        one["confidence"] = getattr(checked, "confidence", None)
        value = checked.to_common()
        if kind == "mask":
            Image.fromarray(value.draw(color=1)).save(f"{pictures}/{number}.png")
        elif kind in ("polygon", "line"):
            one["points"] = [[point.x, point.y] for point in value.points]
        found.append(one)
    known = {field.name for field in DataRow.fields()} | {"attachments", "media_type"}
    rows = json.loads(Path(data_rows).read_text("utf-8"))
    return {"lines": found, "unknown": sorted({key for row in rows for key in row} - known)}
