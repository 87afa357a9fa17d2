"""Reads COCO, YOLO and Pascal VOC files with supervision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from supervision import DetectionDataset


def main(format_: str, folder: str, saved: str) -> dict[str, Any]:
    """Return the classes and boxes of every image, and save its masks (N, H, W).

    Args:
        format_: ``coco``, ``yolo`` or ``pascal-voc``.
        folder: What was written.
        saved: Folder for the masks.
    """
    root = Path(folder)
    if format_ == "coco":
        data = DetectionDataset.from_coco(folder, str(root / "annotations.json"), force_masks=True)
    elif format_ == "yolo":
        data = DetectionDataset.from_yolo(
            str(root / "images/train"), str(root / "labels/train"), str(root / "data.yaml")
        )
    else:
        data = DetectionDataset.from_pascal_voc(str(root / "JPEGImages"), str(root / "Annotations"))
    found = {}
    for path, _, detections in data:
        name = Path(path).name
        if detections.mask is not None:
            np.save(Path(saved, f"{name}.npy"), np.asarray(detections.mask, bool))
        names = [data.classes[number] for number in detections.class_id]
        found[name] = {"names": names, "boxes": detections.xyxy.tolist()}
    return found
