"""Records of Supervisely of all kinds, and what of them can mean several things."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from format_examples.examples import Examples, Small, png

RING = [[1.5, 2.0], [20.25, 3.0], [9.0, 30.5]]
HOLE = [[6.0, 8.0], [10.0, 8.0], [9.0, 12.0]]
CORNERS = [[2, 3], [12, 9]]


def thing(kind: str, exterior: Any = None, **keys: Any) -> dict[str, Any]:
    points = {} if exterior is None else {"points": {"exterior": exterior, "interior": []}}
    return {"classTitle": "caries", "geometryType": kind, "tags": []} | points | keys


def packed(pixels: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(png(pixels))).decode()


def small() -> Small:
    pixels = np.array([[0, 255, 255, 0], [255, 255, 0, 255]], dtype=np.uint8)
    bitmap = {"bitmap": {"data": packed(pixels), "origin": [3, 5]}}
    confidence = [{"name": "confidence", "value": 0.75}]
    hollow = {"points": {"exterior": RING, "interior": [HOLE]}}
    objects = [
        thing("polygon", tags=confidence, id=7, **hollow),
        thing("polygon", [*RING, RING[0]], description="deep"),
        thing("rectangle", CORNERS, bitmap=None, instance="9f3c"),
        thing("multipolygon", parts=[{"exterior": RING, "interior": [HOLE]}, {"exterior": HOLE}]),
        thing("oriented_bbox", points=CORNERS, angle=0.5),
        thing("bitmap", classId=5, **bitmap) | {"classTitle": ""},
        thing("line", RING),
        thing("point", RING[:1]),
        thing("cuboid", points=[*RING, *HOLE], faces=[[0, 1, 2]]),
        thing("graph", nodes={"a": {"loc": [1, 2]}}),
        {"classTitle": "old", "type": "polygon", "points": {"exterior": RING, "interior": []}},
    ]
    annotation = {
        "description": "",
        "tags": [{"name": "left", "value": None, "labelerLogin": "x"}],
        "size": {"height": 30, "width": 40},
        "objects": objects,
        "own": 1,
    }
    classes = [{"id": 5, "title": "pulp", "shape": "any", "color": "#FF0000"}]
    meta = {"classes": classes, "tags": []}
    files = {"meta.json": meta, "ds/ann/a.png.json": annotation}
    return files, {"meta.json": frozenset(files)}


def document(record: dict[str, Any]) -> Any:
    return {"size": {"height": 9, "width": 9}, "objects": [record]}


EXAMPLES = Examples(
    small,
    document,
    one_document="ds/ann/a.png.json",
    geometry=frozenset({"points", "parts", "angle"}),
    known_by=frozenset({"points", "parts", "bitmap"}),
    kind_keys=("geometryType", "type"),
    own_forms=frozenset({"pairs"}),
    guesses=[
        {"classTitle": "a", "geometryType": "rectangle", "points": {"exterior": [1, 2, 3, 4]}},
        {"classTitle": "a", "geometryType": "box", "points": {"exterior": RING, "interior": []}},
        {"classTitle": "a", "points": {"exterior": RING, "interior": []}},
        {"classTitle": "a", "geometryType": "polygon", "points": RING},
        {"classTitle": "a", "geometryType": "bitmap", "bitmap": {"data": "AAAA"}},
    ],
)
