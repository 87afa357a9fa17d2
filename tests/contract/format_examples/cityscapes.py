"""Polygons of Cityscapes of all kinds, and what of them can mean several things."""

from __future__ import annotations

from typing import Any

from format_examples.examples import Examples, Small

TRIANGLE = [[1.5, 2], [20.25, 3.0], [9, 30.5]]
ENDING = "gtFine_polygons.json"


def polygon(label: object = "car", points: object = TRIANGLE, /, **keys: Any) -> dict[str, Any]:
    return {"label": label, "polygon": points} | keys


def document_of(*listed: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"imgHeight": 30, "imgWidth": 40, "objects": list(listed)} | keys


def small() -> Small:
    records = [
        polygon(),
        polygon("cargroup", draw=True, id=5, user="x", verified=1),
        polygon("caries", [[1, 1], [5, 1], [5, 5], [1, 1]]),
        polygon("caries", deleted=1),
        polygon(""),
        polygon("out of roi", [[-5, -5], [45, -5], [45, 35], [-5, 35]], date="1-Jan-2015"),
    ]
    files = {
        f"gtFine/train/a/a_1_{ENDING}": document_of(*records, mine={"a": [1]}),
        f"gtFine/train/a/a_2_{ENDING}": document_of(polygon("road"), polygon("sky")),
        f"gtFine/val/b/b_1_{ENDING}": document_of(),
    }
    return files, {}


EXAMPLES = Examples(
    small,
    document_of,
    one_document=f"gtFine/train/a/a_1_{ENDING}",
    geometry=frozenset({"polygon"}),
    known_by=frozenset({"label"}),
    kind_keys=(),
    own_forms=frozenset({"case", "pairs"}),
    guesses=[
        polygon("car", [[1, 2, 3, 4], [5, 6, 7, 8], [1, 2, 3, 4]]),
        polygon("car", [[1, 2], [3, "4 px"], [5, 6]]),
        polygon("car", {"all": TRIANGLE}),
        polygon(["car", "truck"]),
    ],
)
