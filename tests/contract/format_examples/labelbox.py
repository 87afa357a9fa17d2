"""Records of Labelbox of all kinds, and what of them can mean several things."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from format_examples.examples import Examples, Small, png

POINTS = [{"x": 1.5, "y": 2}, {"x": 20.25, "y": 3}, {"x": 9, "y": 30.5}]
BOX = {"left": 2.5, "top": 3, "width": 10, "height": 6}


def mask() -> dict[str, Any]:
    pixels = np.zeros((30, 40), dtype=np.uint8)
    pixels[2:9, 3:12] = 1
    pixels[4, 5] = 0
    return {"png": base64.b64encode(png(pixels)).decode()}


def first_version() -> Any:
    objects = [
        {"featureId": "f1", "title": "caries", "value": "caries", "polygon": POINTS},
        {"featureId": "f2", "title": "pulp", "bbox": BOX, "instanceURI": "https://x.org/f2?t=1"},
        {"featureId": "f3", "title": "tip", "point": POINTS[0]},
        {"featureId": "f4", "title": "level", "line": POINTS, "classifications": []},
        {"featureId": "mask", "title": "crown", "instanceURI": "https://x.org/mask?t=1"},
        {"featureId": "gone", "title": "crown", "instanceURI": "https://x.org/gone?t=1"},
    ]
    answers = [{"title": "view", "answer": {"title": "left"}}, {"title": "note", "answer": "?"}]
    size = {"width": 40, "height": 30}
    row = {"ID": "1", "Labeled Data": "https://x.org/a%20b.png?t=1", "Media Attributes": size}
    return [
        row | {"Label": {"objects": objects, "classifications": answers}, "External ID": "a.png"},
        row | {"Label": {"objects": objects[:2] * 2}},
        row | {"Label": "Skip", "External ID": "b.png"},
    ]


def second_version() -> Any:
    objects = [
        {"feature_id": "f1", "name": "caries", "polygon": [*POINTS, POINTS[0]]},
        {"feature_id": "f2", "name": "pulp", "bounding_box": BOX, "annotation_kind": "Box"},
        {"feature_id": "mask", "name": "crown", "mask": {"url": "https://x.org/mask?t=1"}},
        {"feature_id": "f4", "name": "", "line": POINTS},
        {"feature_id": "f5", "annotation_kind": "Relation", "relationship": {"source": "f1"}},
    ]
    answers = [{"name": "view", "radio_answer": {"name": "left"}}]
    label = {"label_kind": "Default", "label_details": {"id": 5}}
    annotations = {"objects": objects, "classifications": answers}
    return [
        {
            "data_row": {"id": "c1", "external_id": "c.png", "row_data": "https://x.org/c?t=1"},
            "media_attributes": {"width": 40, "height": 30},
            "projects": {"p1": {"name": "teeth", "labels": [label | {"annotations": annotations}]}},
        }
    ]


def lines() -> Any:
    row = {"dataRow": {"globalKey": "d.png"}, "uuid": "1"}
    return [
        row | {"name": "caries", "polygon": POINTS, "confidence": 0.25},
        row | {"name": "pulp", "mask": mask()},
        row | {"schemaId": "s1", "bbox": BOX},
        row | {"name": "caries", "polygon": POINTS, "dataRow": {"id": "e1"}},
        row | {"name": "view", "answer": {"name": "left"}},
        row | {"name": "tip", "point": POINTS[1]},
    ]


def small() -> Small:
    pixels = np.zeros((30, 40, 4), dtype=np.uint8)
    pixels[10:20, 5:30] = 255
    data_rows = [
        {"row_data": "images/d.png", "global_key": "d.png"},
        {"row_data": "f.png", "global_key": "f.png", "external_id": "f.png"},
        {"row_data": "e.png", "uid": "e1", "external_id": "e.png"},
    ]
    files = {
        "export1.json": first_version(),
        "export2.json": second_version(),
        "masks/mask.png": png(pixels),
        "import/lines.json": lines(),
        "import/data_rows.json": data_rows,
    }
    for name in ("d.png", "e.png", "f.png"):
        files[f"import/{name}"] = png(np.zeros((30, 40), dtype=np.uint8))
    linked = frozenset({"import/lines.json", "import/data_rows.json"})
    return files, dict.fromkeys(linked, linked)


def document(record: dict[str, Any]) -> Any:
    label = {"objects": [record]}
    size = {"width": 9, "height": 9}
    return [{"Labeled Data": "a.png", "Label": label, "Media Attributes": size}]


EXAMPLES = Examples(
    small,
    document,
    one_document="",
    geometry=frozenset({"polygon", "bbox", "bounding_box", "line", "point"}),
    known_by=frozenset({"polygon", "bbox", "bounding_box", "line", "point"}),
    kind_keys=(),
    own_forms=frozenset({"objects", "case", "pairs", "nested"}),
    guesses=[
        {"title": "a", "bbox": [1, 2, 3, 4]},
        {"title": "a", "bbox": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}},
        {"title": "a", "polygon": [[[1, 2], [3, 4], [1, 5]], [[1, 2], [3, 4], [1, 5]]]},
        {"title": "a", "polygon": [{"x": "1,5", "y": 2}, {"x": 3, "y": 4}, {"x": 1, "y": 5}]},
        {"title": "a", "points": [{"x": 1, "y": 2}, {"x": 3, "y": 4}, {"x": 1, "y": 5}]},
    ],
)
