"""Records of SuperAnnotate of all kinds, and what of them can mean several things."""

from __future__ import annotations

from typing import Any

import numpy as np
from format_examples.examples import GRAY, Examples, Small, png


def corner(x: float, y: float) -> dict[str, float]:
    return {"x": x, "y": y}


def save_png() -> bytes:
    pixels = np.zeros((30, 40, 4), dtype=np.uint8)
    pixels[2:9, 3:12] = (0, 0, 15, 255)
    pixels[20:25, 30:40] = (0, 1, 14, 255)
    pixels[12:18, 0:20] = (0, 0, 30, 255)
    pixels[14, 5:9] = 0
    return png(pixels)


def small() -> Small:
    four = {"x1": 9, "y1": 0, "x2": 12, "y2": 3, "x3": 9, "y3": 6, "x4": 6, "y4": 3}
    body = {"f1": corner(0, 0), "f2": corner(9, 9), "r1": corner(4, -4), "r2": corner(13, 5)}
    vector: list[Any] = [
        {"type": "comment", "x": 1.5, "y": 2, "comments": [{"text": "?", "id": "a@example.org"}]},
        {
            "type": "polygon",
            "classId": 70,
            "className": "Enamel",
            "points": [1.5, 2, 20.25, 3, 9, 30.5],
            "exclude": [[6, 8, 10, 8, 9, 12]],
            "groupId": 1,
            "visible": False,
            "attributes": [{"id": 1, "groupId": 2, "name": "a"}],
        },
        {"type": "bbox", "classId": 71, "points": {"x1": 9, "y1": 8, "x2": 2.5, "y2": 3}},
        {"type": "rbbox", "className": "Pulp", "points": four},
        {"type": "ellipse", "classId": -1, "cx": 20, "cy": 20, "rx": 5, "ry": 3, "angle": -45.5},
        {"type": "cuboid", "className": "Pulp", "points": body},
        {"type": "polyline", "className": "Crack", "points": [1, 2, 3, 4, 9, 9]},
        {"type": "point", "className": "Tip", "x": 5, "y": 6},
        {"type": "template", "className": "Jaw", "points": [{"id": 1, "x": 1, "y": 2}]},
        {"type": "tag", "className": "Blurred", "probability": 100},
    ]
    pixel: list[Any] = [
        {"classId": 70, "visible": True, "parts": [{"color": "#00000f"}, {"color": "#00010e"}]},
        {"type": "mask", "className": "Pulp", "parts": [{"color": "#00001e"}]},
    ]
    meta: list[Any] = [
        {"type": "meta", "name": "imageAttributes", "width": 40, "height": 30, "status": "Done"},
        {"type": "meta", "name": "lastAction", "timestamp": 1},
    ]
    metadata = {"name": "a.png", "width": 40, "height": 30, "status": "Completed", "pinned": False}
    beside = {"metadata": metadata, "tags": ["left"], "comments": [{"x": 1, "correspondence": []}]}
    classes = [
        {"id": 70, "name": "Enamel", "color": "#00ff00", "attribute_groups": []},
        {"id": 71, "name": "Pulp", "color": "#ff0000", "attribute_groups": []},
    ]
    files: dict[str, Any] = {
        "lists/annotations.json": {"a.png": vector + meta, "b.png": pixel},
        "objects/annotations.json": {
            "___sa_version___": "1.0.0",
            "a.png": {"instances": vector, **beside},
        },
        "a.png___objects.json": vector + pixel + meta,
        "a.png___pixel.json": {"instances": pixel + vector, **beside},
        "a.png.json": {"instances": vector + pixel, **beside},
        "classes/classes.json": classes,
    }
    documents = frozenset(files)
    for folder in ("", "lists/", "objects/"):
        for name in ("a.png", "b.png"):
            files |= {f"{folder}{name}": GRAY, f"{folder}{name}___save.png": save_png()}
    return files, {"classes/classes.json": documents}


def document(record: dict[str, Any]) -> Any:
    return {"metadata": {"name": "a.png", "width": 9, "height": 9}, "instances": [record]}


EXAMPLES = Examples(
    small,
    document,
    one_document="a.png.json",
    geometry=frozenset({"angle", "cx", "cy", "exclude", "points", "rx", "ry", "x", "y"}),
    known_by=frozenset({"points", "cx"}),
    kind_keys=("type",),
    own_forms=frozenset({"objects"}),
    guesses=[
        {"className": "a", "type": "bbox", "points": [1, 2, 3, 4]},
        {"className": "a", "points": [1, 2, 3, 4, 1, 5], "type": None},
        {"className": "a", "type": "polygon", "points": [1, 2, 3, 4, "1 px", 5]},
        {"className": "a", "type": "polygon", "points": "1 2 3 4 1 5"},
    ],
)
