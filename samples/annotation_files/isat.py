"""ISAT: one JSON file beside every image."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import shapely

from annotation_files.marks import Mark, Sheet

HOLDS_HOLES = False


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images, and a file beside each.

    Args:
        folder: Must exist.
        sheets: What to write.
        colors: The classes; the files say nothing about their colors.
    """
    for sheet in sheets:
        _write_sheet(folder, sheet)


def _write_sheet(folder: Path, sheet: Sheet) -> None:
    """Write an image and its annotation file.

    Args:
        folder: Must exist.
        sheet: What to write.
    """
    (folder / sheet.name).write_bytes(sheet.jpeg())
    document = {
        "info": {
            "description": "ISAT",
            "folder": "C:/radiographs",
            "name": sheet.name,
            "width": sheet.width,
            "height": sheet.height,
            "depth": 0,
            "note": "",
        },
        "objects": [_object(number, mark) for number, mark in enumerate(sheet.marks, 1)],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (folder / sheet.name).with_suffix(".json").write_text(text, "utf-8")


def _object(number: int, mark: Mark) -> dict[str, object]:
    polygon = shapely.Polygon(mark.points)
    return {
        "category": mark.labels[0],
        "group": number,
        "segmentation": mark.points.tolist(),
        "area": round(polygon.area, 2),
        "layer": float(number),
        "bbox": list(polygon.bounds),
        "iscrowd": False,
        "note": mark.note,
    }
