"""Cityscapes: polygons, the farthest first, and images in folders of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from annotation_files.marks import Sheet

HOLDS_HOLES = False
_CITY = "train/clinic"


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images and polygons.

    Args:
        folder: Must exist.
        sheets: What to write; polygons without holes.
        colors: Not used: the format has none.
    """
    del colors
    for one in ("leftImg8bit", "gtFine"):
        (folder / one / _CITY).mkdir(parents=True)
    for sheet in sheets:
        stem, suffix = Path(sheet.name).stem, Path(sheet.name).suffix
        image = folder / "leftImg8bit" / _CITY / f"{stem}_leftImg8bit{suffix}"
        image.write_bytes(sheet.jpeg())
        document = {
            "imgHeight": sheet.height,
            "imgWidth": sheet.width,
            "objects": [
                {"label": mark.labels[0], "polygon": mark.points.tolist()} for mark in sheet.marks
            ],
        }
        path = folder / "gtFine" / _CITY / f"{stem}_gtFine_polygons.json"
        path.write_text(json.dumps(document, indent=1), "utf-8")
