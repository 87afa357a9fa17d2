"""Records of ISAT of all kinds, and what of them can mean several things."""

from __future__ import annotations

from typing import Any

from format_examples.examples import Examples, Small

RING = [[1.5, 2.0], [20.25, 3.0], [9.0, 30.5]]
BOX = [[2.0, 3.0], [12.0, 3.0], [12.0, 9.0], [2.0, 9.0]]


def small() -> Small:
    kept = {"area": 199.5, "bbox": [1.5, 2, 20.25, 30.5], "iscrowd": False, "note": "?"}
    objects = [
        {"category": "caries", "group": 1, "segmentation": RING, "layer": 3.0} | kept,
        {"category": "pulp", "group": 0, "segmentation": BOX, "layer": 1.0} | kept,
        {"category": "__background__", "group": 0, "segmentation": RING, "layer": 2} | kept,
        {"category": "pulp", "group": "1", "segmentation": [*BOX, BOX[0]], "iscrowd": 1},
        {"category": "", "group": None, "segmentation": BOX, "layer": 1.0, "own": {"a": 1}},
    ]
    info = {"description": "ISAT", "folder": "C:\\x", "name": "a.png", "width": 40, "height": 30}
    return {"a.json": {"info": info | {"depth": 3, "note": "left"}, "objects": objects}}, {}


def document(record: dict[str, Any]) -> Any:
    info = {"description": "ISAT", "name": "a.png", "width": 9, "height": 9}
    return {"info": info, "objects": [record]}


EXAMPLES = Examples(
    small,
    document,
    one_document="a.json",
    geometry=frozenset({"segmentation"}),
    known_by=frozenset({"segmentation"}),
    kind_keys=(),
    own_forms=frozenset({"pairs", "case"}),
    guesses=[
        {"category": "a", "segmentation": [[1, 2, 0], [3, 4, 0], [1, 5, 0]]},
        {"category": "a", "segmentation": [[[1, 2], [3, 4], [1, 5]], [[1, 2], [3, 4], [1, 5]]]},
        {"category": "a", "segmentation": [["1,5", "2"], ["3", "4"], ["1", "5"]]},
        {"category": "a", "points": [[1, 2], [3, 4], [1, 5]]},
    ],
)
