"""Opens files in LabelMe, draws them as LabelMe does, and saves them again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from labelme import _utils
from labelme._label_file import read_label_file, write_label_file

_WITHOUT_AREA = ("line", "linestrip", "point")


def main(folder: str, saved: str, values: str) -> dict[str, Any]:
    """Return what LabelMe says of every file of a folder.

    Args:
        folder: The folder, whose sub-folders are looked at, too.
        saved: Folder for the files as LabelMe saves them.
        values: JSON object with the value in a mask for every label.
    """
    found: dict[str, Any] = {}
    for path in sorted(Path(folder).rglob("[!.]*.json")):
        name = path.relative_to(folder).as_posix()
        try:
            annotation = read_label_file(filename=str(path))
        except Exception as error:
            found[name] = {"error": str(error.__cause__ or error)}
            continue
        image = _utils.img_data_to_pil(annotation.image_data)
        shapes = [one for one in annotation.shapes if one["shape_type"] not in _WITHOUT_AREA]
        mask, _ = _utils.shapes_to_label(
            img_shape=(image.height, image.width),
            shapes=shapes,
            label_name_to_value=json.loads(values),
        )
        again = Path(saved, name)
        again.parent.mkdir(parents=True, exist_ok=True)
        np.save(again.with_suffix(".npy"), mask)
        write_label_file(
            filename=str(again),
            annotation=annotation,
            image_height=image.height,
            image_width=image.width,
            save_image_data=False,
        )
        found[name] = {"kinds": [one["shape_type"] for one in annotation.shapes]}
    return found
