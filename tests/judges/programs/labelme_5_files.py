"""Opens files in LabelMe 5, draws them as it does, and says what it read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labelme import LabelFile, utils


def main(folder: str, values: str) -> dict[str, Any]:
    """Return the shapes of every file of a folder, and how many of its pixels are drawn.

    Args:
        folder: The folder, whose sub-folders are looked at, too.
        values: JSON object with the value in a mask for every label.
    """
    found: dict[str, Any] = {}
    for path in sorted(Path(folder).rglob("[!.]*.json")):
        file = LabelFile(str(path))
        image = utils.img_data_to_arr(file.imageData)
        mask, _ = utils.shapes_to_label(image.shape, file.shapes, json.loads(values))
        keys = ("label", "shape_type", "group_id", "points", "flags")
        shapes = [{key: shape[key] for key in keys} for shape in file.shapes]
        name = path.relative_to(folder).as_posix()
        found[name] = {"shapes": shapes, "drawn": int((mask > 0).sum())}
    return found
