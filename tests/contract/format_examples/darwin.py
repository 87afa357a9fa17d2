"""Annotations of Darwin of all kinds, and what of them can mean several things."""

from __future__ import annotations

from typing import Any

from format_examples.examples import Examples, Small

TRIANGLE = [{"x": 1.5, "y": 2}, {"x": 20.25, "y": 3.0}, {"x": 9, "y": 30.5}]
HOLE = [{"x": 8, "y": 8}, {"x": 12, "y": 8}, {"x": 9, "y": 12}]
BOX = {"x": 2.5, "y": 3, "w": 10, "h": 6.5}


def annotation(name: object = "caries", /, **keys: Any) -> dict[str, Any]:
    return {"id": "a1", "name": name, "slot_names": ["0"], "properties": [{"a": "b"}]} | keys


def annotations() -> list[dict[str, Any]]:
    oval = {"center": {"x": 20, "y": 15.5}, "radius": {"x": 6, "y": 3}, "angle": 0.6}
    bone = {"nodes": [{"name": "a", "x": 1, "y": 2}]}
    return [
        annotation(polygon={"paths": [TRIANGLE]}, bounding_box=BOX, instance_id={"value": 3}),
        annotation(polygon={"paths": [TRIANGLE, HOLE]}, inference={"confidence": 0.5}),
        annotation("pulp", bounding_box=BOX),
        annotation(ellipse=oval),
        annotation(line={"path": TRIANGLE}),
        annotation(keypoint={"x": 5, "y": 6.5}),
        annotation(cuboid={"back": BOX, "front": BOX | {"x": 0, "y": 1}}),
        annotation("jaw", skeleton=bone),
        annotation("blurred", tag={}),
        annotation("pulp", mask={}),
    ]


def document_of(*listed: dict[str, Any], **keys: Any) -> dict[str, Any]:
    slot = {"slot_name": "0", "type": "image", "width": 40, "height": 30}
    item = {"name": "tooth.png", "path": "/a", "slots": [slot | {"source_files": []}]}
    return {"version": "2.0", "item": item | keys, "annotations": list(listed)}


def small() -> Small:
    image = {"width": 40, "height": 30, "filename": "old.png", "path": "/b"}
    path = {"path": TRIANGLE, "additional_paths": [HOLE]}
    old = [
        annotation(polygon=path, bounding_box=BOX),
        annotation(complex_polygon={"path": [TRIANGLE, HOLE]}),
        annotation(bounding_box=BOX, instance_id={"value": 7}),
    ]
    files = {
        "tooth.json": document_of(*annotations()),
        "empty.json": document_of(name="empty.png"),
        "old.json": {"dataset": "caries", "image": image, "annotations": old},
    }
    return files, {}


def document(record: dict[str, Any]) -> Any:
    return document_of(record)


EXAMPLES = Examples(
    small,
    document,
    one_document="tooth.json",
    geometry=frozenset({"paths", "path", "x", "y", "w", "h", "center", "radius", "angle", "back"}),
    known_by=frozenset({"name"}),
    kind_keys=(),
    own_forms=frozenset({"case", "objects", "pairs", "nested"}),
    guesses=[
        annotation(polygon={"paths": [[1, 2, 3, 4]]}),
        annotation(polygon={"paths": [[{"x": 1, "y": 2}, {"x": 3, "y": "4 px"}]]}),
        annotation(bounding_box=[1, 2, 3, 4]),
        annotation(bounding_box={"left": 1, "top": 2, "width": 3, "height": 4}),
        annotation(oval={"x": 1, "y": 2}),
    ],
)
