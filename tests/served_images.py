"""A data set whose masks and predictions can be foretold: squares that are more or less bright."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import model_folders as models
import numpy as np

import maskforge as mf

SQUARES = {"a": (10, 10, 20), "b/c d": (10, 10, 24), "missed": (30, 5, 10)}
SEEN = {"a": 180, "b/c d": 180, "missed": 100, "invented": 180, "empty": None}


def data_set(root: Path, seen: dict[str, int | None] = SEEN) -> Path:
    """Write images of 60 x 40 px, each with a square as bright as that.

    What was drawn on them is in ``SQUARES``.
    """
    for name, gray in seen.items():
        pixels = np.tile(np.arange(60, dtype=np.uint8), (40, 1))  # two values would be a mask
        x, y, side = SQUARES.get(name, (10, 10, 20))
        if gray is not None:
            pixels[y : y + min(side, 20), x : x + min(side, 20)] = gray
        shapes = []
        if name in SQUARES:
            corners = [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]
            shapes = [{"label": "caries", "shape_type": "polygon", "points": corners, "flags": {}}]
        path = root / "annotations" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
        document = {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": path.name,
            "imageData": None,
            "imageHeight": 40,
            "imageWidth": 60,
        }
        path.with_suffix(".json").write_text(json.dumps(document))
    mf.convert(root / "annotations", root / "masks", classes=models.CLASSES)
    return root / "masks"
