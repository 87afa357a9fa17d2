"""V7 Darwin 2.0: a JSON file for every image, and the images in a folder beside these."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bitewings.curves import Points

from annotation_files.marks import Mark, Sheet

HOLDS_HOLES = True

_SCHEMA = "https://darwin-public.s3.eu-west-1.amazonaws.com/darwin_json/2.0/schema.json"


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images and the files of a release, as V7 exports them.

    Args:
        folder: Must exist.
        sheets: What to write; polygons with and without holes.
        colors: Color of each label, which a release does not hold.
    """
    del colors
    for place in ("images", "annotations"):
        (folder / place).mkdir()
    for number, sheet in enumerate(sheets):
        (folder / "images" / sheet.name).write_bytes(sheet.jpeg())
        slot = {
            "type": "image",
            "slot_name": "0",
            "width": sheet.width,
            "height": sheet.height,
            "source_files": [{"file_name": sheet.name}],
        }
        document = {
            "version": "2.0",
            "schema_ref": _SCHEMA,
            "item": {"name": sheet.name, "path": "/", "slots": [slot]},
            "annotations": [_annotation(mark, number, i) for i, mark in enumerate(sheet.marks)],
        }
        text = json.dumps(document, ensure_ascii=False)
        path = (folder / "annotations" / sheet.name).with_suffix(".json")
        path.write_text(text, "utf-8")


def _annotation(mark: Mark, number: int, index: int) -> dict[str, object]:
    left, top = mark.points.min(axis=0).tolist()
    width, height = (mark.points.max(axis=0) - (left, top)).round(2).tolist()
    return {
        "bounding_box": {"h": height, "w": width, "x": left, "y": top},
        "id": f"{number:08x}-0000-4000-8000-{index:012x}",
        "name": mark.labels[0],
        "polygon": {"paths": [_path(ring) for ring in (mark.points, *mark.holes)]},
        "properties": [],
        "slot_names": ["0"],
    }


def _path(ring: Points) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in ring.tolist()]
