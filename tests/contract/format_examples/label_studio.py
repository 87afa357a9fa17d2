"""Results of Label Studio of all kinds, and what of them can mean several things."""

from __future__ import annotations

from typing import Any

from format_examples.examples import Examples, Small

POINTS = [[3.75, 10], [50.625, 15], [22.5, 95]]
# 40 x 30 px: 43 px clear, 4 painted, the rest clear.
RLE = [0, 0, 18, 192, 57, 27, 254, 171, 0, 191, 255, 196, 128, 192, 0]


def result(kind: str, /, label: object = "caries", **value: Any) -> dict[str, Any]:
    labels = {kind: [label]} if kind.endswith("labels") else {}
    return {
        "id": f"{kind}-1",
        "type": kind,
        "value": value | labels,
        "from_name": "label",
        "to_name": "image",
        "image_rotation": 0,
        "original_width": 40,
        "original_height": 30,
    }


def results() -> list[dict[str, Any]]:
    box = {"x": 5.0, "y": 10, "width": 25, "height": 20.5}
    return [
        result("polygonlabels", points=POINTS, closed=True) | {"score": 0.75},
        result("polygonlabels", points=POINTS, closed=False) | {"origin": "manual"},
        result("rectanglelabels", **box, rotation=0),
        result("rectanglelabels", **box, rotation=30.5),
        result("rectangle", **box),
        result("ellipselabels", x=50, y=50, radiusX=20, radiusY=10, rotation=-45.5),
        result("keypointlabels", x=50, y=50, width=0.5),
        result("brushlabels", format="rle", rle=RLE),
        result("choices", choices=["bitewing"]),
        result("textarea", text=["?"]),
    ]


def annotation(*listed: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"id": 1, "result": list(listed), "was_cancelled": False, "lead_time": 3.5} | keys


def task(*annotations: dict[str, Any], **keys: Any) -> dict[str, Any]:
    data = {"image": "/data/upload/3/0a1b2c3d-tooth.png", "note": "left"}
    return {"id": 4, "data": data, "annotations": list(annotations), "predictions": []} | keys


def small() -> Small:
    prediction = {"result": results()[:1], "score": 0.5, "model_version": "1"}
    tasks = [
        task(
            annotation(*results()[:2], was_cancelled=True),
            annotation(*results(), ground_truth=True, updated_at="2024-01-01T00:00:00Z"),
            annotation(*results()[:1], updated_at="2025-01-01T00:00:00Z"),
        ),
        task(annotation(*results()[:3]), drafts=[]),
        task(annotation(), id=5),
        task(id=6, predictions=[prediction]),
    ]
    stored = annotation(*results(), task={"id": 9, "data": {"image": "s3://b/a/tooth.png?sig=1"}})
    return {"export.json": tasks, "stored.json": stored}, {}


def document(record: dict[str, Any]) -> Any:
    return [task(annotation(record))]


EXAMPLES = Examples(
    small,
    document,
    one_document="stored.json",
    geometry=frozenset({"points", "x", "y", "width", "height", "radiusX", "radiusY", "rotation"}),
    known_by=frozenset({"value"}),
    kind_keys=("type",),
    own_forms=frozenset({"case", "pairs"}),
    guesses=[
        result("polygonlabels", points=[1, 2, 3, 4]),
        result("polygonlabels", points=[[1, 2], [3, "4 %"], [1, 5]]),
        result("rectanglelabels", x=[1, 2, 3, 4]),
        result("oval", x=50, y=50, radiusX=20, radiusY=10),
        result("brushlabels", rle="1,2,3"),
    ],
)
