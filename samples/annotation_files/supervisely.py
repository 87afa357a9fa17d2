"""Supervisely: a project with one data set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from bitewings.curves import Points

from annotation_files.marks import Mark, Sheet

HOLDS_HOLES = True


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images, their annotations, and the classes.

    Args:
        folder: Must exist.
        sheets: What to write.
        colors: The classes.
    """
    images, annotations = folder / "ds" / "img", folder / "ds" / "ann"
    images.mkdir(parents=True)
    annotations.mkdir()
    ids = {title: number for number, title in enumerate(colors, 1001)}
    for sheet in sheets:
        (images / sheet.name).write_bytes(sheet.jpeg())
        document = {
            "description": "",
            "tags": [],
            "size": {"height": sheet.height, "width": sheet.width},
            "objects": [_object(mark, ids) for mark in sheet.marks],
        }
        text = json.dumps(document, ensure_ascii=False)
        (annotations / f"{sheet.name}.json").write_text(text, "utf-8")
    classes = [
        {"id": ids[title], "title": title, "shape": "polygon", "color": color.upper(), "hotkey": ""}
        for title, color in colors.items()
    ]
    meta = {"classes": classes, "tags": [], "projectType": "images"}
    (folder / "meta.json").write_text(json.dumps(meta, indent=1), "utf-8")


def _object(mark: Mark, ids: Mapping[str, int]) -> dict[str, object]:
    (title,) = mark.labels
    exterior, *interior = (_of_pixels(ring) for ring in (mark.points, *mark.holes))
    return {
        "classId": ids[title],
        "classTitle": title,
        "description": mark.note,
        "geometryType": "polygon",
        "tags": [],
        "points": {"exterior": exterior, "interior": interior},
    }


def _of_pixels(ring: Points) -> list[list[float]]:
    """Return points as the tool has them in files: whole numbers are centers of pixels."""
    listed: list[list[float]] = np.round(ring - 0.5, 2).tolist()
    return listed
