"""Writing COCO files for tests, and reading them through the public interface."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import maskforge as mf
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code

WIDTH, HEIGHT = 6, 4
SQUARE = [1, 1, 3, 1, 3, 3, 1, 3]
RUNS = {"size": [HEIGHT, WIDTH], "counts": [5, 2, 2, 2, 13]}
"""The same pixels as ``SQUARE``: rows 1 and 2 of columns 1 and 2."""

CATEGORIES = [{"id": 3, "name": "caries"}, {"id": 7, "name": "pulp", "supercategory": "tooth"}]


def image(id_: object = 1, name: str = "a.png", **keys: Any) -> dict[str, Any]:
    return {"id": id_, "file_name": name, "width": WIDTH, "height": HEIGHT} | keys


def annotation(segmentation: Any = None, **keys: Any) -> dict[str, Any]:
    drawn = {"segmentation": [SQUARE] if segmentation is None else segmentation}
    return {"id": 1, "image_id": 1, "category_id": 3, "iscrowd": 0} | drawn | keys


def write(folder: Path, *annotations: Any, name: str = "annotations.json", **keys: Any) -> Path:
    document = {
        "images": [image()],
        "annotations": list(annotations),
        "categories": CATEGORIES,
    } | keys
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def read(path: Path, **options: Any) -> list[AnnotatedImage]:
    return list(mf.read(path, format="coco", **options))


def read_one(folder: Path, *annotations: Any, **keys: Any) -> AnnotatedImage:
    (found,) = read(write(folder, *annotations, **keys))
    return found


def codes(found: AnnotatedImage) -> list[Code]:
    return [issue.code for issue in found.issues if issue.code is not Code.IMAGE_MISSING]


def pixels(found: AnnotatedImage, **classes: int) -> np.ndarray:
    """Return the mask as (H, W); caries is 1 and pulp is 2."""
    ids = {"caries": 1, "pulp": 2} | classes
    made = [mf.MaskClass(id_, name, (id_, 0, 0), (name,)) for name, id_ in ids.items()]
    return mf.draw(found, mf.ClassMap(tuple(made))).mask
