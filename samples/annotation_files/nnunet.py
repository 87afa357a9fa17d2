"""Raw data of nnU-Net: images, masks and the names of values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2

from annotation_files.marks import Sheet
from annotation_files.pixels import painted

HOLDS_HOLES = False


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images, masks and ``dataset.json``.

    Args:
        folder: Must exist.
        sheets: What to write; polygons without holes.
        colors: The classes in the order of their values.
    """
    for one in ("imagesTr", "labelsTr"):
        (folder / one).mkdir()
    for sheet in sheets:
        case = Path(sheet.name).stem
        values, _ = painted(sheet, list(colors))
        smallest = [cv2.IMWRITE_PNG_COMPRESSION, 9]
        cv2.imwrite(str(folder / "imagesTr" / f"{case}_0000.png"), sheet.image, smallest)
        cv2.imwrite(str(folder / "labelsTr" / f"{case}.png"), values, smallest)
    document = {
        "channel_names": {"0": "radiograph"},
        "labels": {"background": 0} | {label: value for value, label in enumerate(colors, 1)},
        "numTraining": len(sheets),
        "file_ending": ".png",
    }
    (folder / "dataset.json").write_text(json.dumps(document, indent=2), "utf-8")
