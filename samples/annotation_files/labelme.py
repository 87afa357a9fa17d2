"""LabelMe 5: one JSON file beside every image."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation_files.marks import Mark, Sheet

_SHAPE_TYPES = {"line": "linestrip"}


def write_sheet(folder: Path, sheet: Sheet, *, embed: bool = False) -> None:
    """Write an image and its annotation file; there is none if nobody looked at the image.

    Args:
        folder: Must exist.
        sheet: What to write.
        embed: Whether the annotation file shall hold the image, too, as it does by default.
    """
    jpeg = sheet.jpeg()
    (folder / sheet.name).write_bytes(jpeg)
    if sheet.visited:
        write_annotations(folder, sheet, jpeg if embed else None)


def write_annotations(folder: Path, sheet: Sheet, embedded: bytes | None = None) -> None:
    """Write the annotation file of an image, which may hold the image, too."""
    document: dict[str, object] = {
        "version": "5.8.1",
        "flags": {},
        "shapes": [_shape(mark) for mark in sheet.marks],
        "imagePath": sheet.name,
        "imageData": base64.b64encode(embedded).decode() if embedded else None,
        "imageHeight": sheet.height,
        "imageWidth": sheet.width,
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (folder / sheet.name).with_suffix(".json").write_text(text, "utf-8")


def _shape(mark: Mark) -> dict[str, object]:
    return {
        "label": mark.labels[0],
        "points": mark.points.tolist(),
        "group_id": mark.group,
        "description": mark.note,
        "shape_type": _SHAPE_TYPES.get(mark.kind, mark.kind),
        "flags": {},
        "mask": None if mark.pixels is None else _encoded(mark.pixels),
    }


def _encoded(pixels: NDArray[np.bool_]) -> str:
    """Return a mask as LabelMe does: a PNG of zeros and ones in base64."""
    _, data = cv2.imencode(".png", pixels.astype(np.uint8))
    return base64.b64encode(data.tobytes()).decode()
