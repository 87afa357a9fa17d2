"""Records of COCO of all kinds, and what of them can mean several things."""

from __future__ import annotations

from typing import Any

import numpy as np
from format_examples.examples import Examples, Small, png


def annotation(image: object, category: object, **keys: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "iscrowd": 0} | keys


def small() -> Small:
    counts = [2 * 30 + 3, 4, 26, 4, 1200 - 97]
    runs = {"size": [30, 40], "counts": counts}
    triangle = [1.5, 2.0, 20.25, 3.0, 9.0, 30.5]
    annotations = [
        annotation(7, 1, id=11, segmentation=[triangle], bbox=[1.5, 2, 18.75, 28.5], area=9),
        annotation(7, 3, id=12, segmentation=[triangle, [1, 1, 5, 1, 5, 5]], score=0.75),
        annotation(9, 3, id=13, segmentation=runs, bbox=[2, 3, 2, 4]),
        annotation(7, 3, id=14, segmentation={"size": [30, 40], "counts": "o14j00eQ1"}),
        annotation(7, 1, id=15, segmentation=runs, bbox=[2, 3, 2, 4]) | {"iscrowd": 1},
        annotation(7, 90, id=16, segmentation=[], bbox=[2.5, 3, 10, 6]),
        annotation(8, 3, id=17, segmentation=[[1, 1, 5, 1]], attributes={"side": "left"}),
        annotation(77, 1, id=18, segmentation=[triangle]),
    ]
    size = {"width": 40, "height": 30}
    document = {
        "info": {"year": 2024},
        "images": [
            {"id": 7, "file_name": "a/one.png", "license": 1} | size,
            {"id": 8, "file_name": "two.png"} | size,
            {"id": 9, "file_name": "three.png"} | size,
            {"id": 10, "file_name": "four.png"} | size,
        ],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "caries"}, {"id": 3, "name": "pulp", "supercategory": ""}],
    }
    colors = np.zeros((30, 40, 3), np.uint8)
    colors[2:9, 3:12] = (7, 0, 0)
    colors[20:25, 30:40] = (44, 1, 0)
    segments = [
        {"id": 7, "category_id": 1, "iscrowd": 0, "area": 63, "bbox": [3, 2, 9, 7]},
        {"id": 300, "category_id": 3, "iscrowd": 1, "area": 50},
        {"id": 9, "category_id": 3},
    ]
    panoptic = document | {
        "annotations": [{"image_id": 9, "file_name": "p.png", "segments_info": segments}]
    }
    files = {"annotations.json": document, "other/panoptic.json": panoptic}
    return files | {"other/p.png": png(colors)}, {}


def document(record: dict[str, Any]) -> Any:
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}],
        "annotations": [record],
        "categories": [{"id": 1, "name": "a"}],
    }


EXAMPLES = Examples(
    small,
    document,
    one_document="annotations.json",
    geometry=frozenset({"bbox", "segmentation"}),
    known_by=frozenset({"segmentation"}),
    kind_keys=(),
    own_forms=frozenset({"case"}),
    guesses=[
        {"image_id": 1, "category_id": 1, "segmentation": [1, 2, 3, 4]},
        {"image_id": 1, "category_id": 1, "segmentation": [[1, 2, 3, 4, "1 px", 5]]},
        {"image_id": 1, "category_id": 1, "segmentation": "1 2 3 4 1 5"},
        {"image_id": 1, "category_id": 1, "segmentation": [], "bbox": {"x": 1, "y": 2}},
        {"image_id": 1, "category_id": 1, "segmentation": {"size": [3, 3], "counts": [9]}},
    ],
)
