"""Records of LabelMe of all kinds, and what of them can mean several things."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from format_examples.examples import GRAY, Examples, Small, png

BOX = [[2.0, 3.0], [12.0, 3.0], [12.0, 9.0], [2.0, 9.0]]
MASK = png(np.array([[0, 9, 9, 0], [9, 9, 0, 9], [0, 0, 9, 0]], dtype=np.uint8))


def shape(kind: str | None, points: list[list[float]], **keys: Any) -> dict[str, Any]:
    return {"label": "caries", "points": points, "shape_type": kind, "flags": {}} | keys


def small() -> Small:
    mask = base64.b64encode(MASK).decode()
    document = {
        "version": "5.4.1",
        "flags": {"bitewing": True, "blurred": False},
        "shapes": [
            shape("polygon", [[1.5, 2.0], [20.25, 3.0], [9.0, 30.5]], group_id=1),
            shape(None, BOX, description="distal", score=0.5),
            shape("rectangle", [[12.0, 9.0], [2.0, 3.0]]),
            shape("rectangle", BOX, attributes={"grade": "D2"}),
            shape("oriented_rectangle", [[6, 5], [9, 8], [6, 11], [3, 8]]),
            shape("circle", [[5, 5], [8, 9]]),
            shape("line", [[5, 5], [8, 9]]),
            shape("linestrip", [[5, 5], [8, 9], [1, 1]]),
            shape("point", [[5, 5]]),
            shape("points", [[5, 5], [8, 9]]),
            shape("mask", [[2, 3], [5, 5]], mask=mask),
            shape("cuboid", [*BOX, *([x + 4, y - 2] for x, y in BOX)]),
        ],
        "imagePath": "tooth.png",
        "imageData": base64.b64encode(GRAY).decode(),
        "imageHeight": 30,
        "imageWidth": 40,
        "lineColor": [0, 255, 0, 128],
    }
    return {"tooth.json": document}, {}


def document(record: dict[str, Any]) -> Any:
    return {"imagePath": "a.png", "imageHeight": 9, "imageWidth": 9, "shapes": [record]}


EXAMPLES = Examples(
    small,
    document,
    one_document="tooth.json",
    geometry=frozenset({"points"}),
    known_by=frozenset({"points"}),
    kind_keys=("shape_type",),
    own_forms=frozenset({"pairs"}),
    guesses=[
        {"label": "a", "shape_type": "rectangle", "points": [1, 2, 3, 4]},
        {"label": "a", "shape_type": "polygons", "points": [[1, 2], [3, 4], [1, 5]]},
        {"label": "a", "points": [["1,5", "2"], ["3", "4"], ["1", "5"]]},
        {"label": "a", "points": [[[1, 2], [3, 4], [1, 5]], [[1, 2], [3, 4], [1, 5]]]},
        {"label": "a", "points": [[1, 2, 0], [3, 4, 0], [1, 5, 0]]},
    ],
)
