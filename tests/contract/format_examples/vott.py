"""Records of VoTT of all kinds, and what of them can mean several things."""

from __future__ import annotations

from typing import Any

from format_examples.examples import Examples, Small

POINTS = [{"x": 1.5, "y": 2}, {"x": 20.25, "y": 3}, {"x": 9, "y": 30.5}]
CORNERS = {"x1": 2.5, "y1": 3, "x2": 12.5, "y2": 9}


def asset(id_: str, state: int, type_: int = 1) -> dict[str, Any]:
    name = f"{id_}%20(1).png"
    size = {"width": 40, "height": 50}
    path = f"file:/Users/x/{name}"
    return {"id": id_, "name": name, "path": path, "size": size, "state": state, "type": type_}


def metadata(id_: str, state: int = 2, type_: int = 1) -> dict[str, Any]:
    box = {"left": 2.5, "top": 3, "width": 10, "height": 6}
    tags = {"RECTANGLE": [], "SQUARE": ["a"], "POLYGON": ["a", "b"], "POLYLINE": ["b"]}
    regions = [
        {"id": kind, "type": kind, "tags": names, "boundingBox": box, "points": POINTS}
        for kind, names in (tags | {"POINT": ["c"]}).items()
    ]
    return {"asset": asset(id_, state, type_), "regions": regions, "version": "2.1.0"}


def version1_region(kind: str, **box: Any) -> dict[str, Any]:
    rest = {"width": 40, "height": 50, "type": kind, "tags": ["a"], "UID": "1", "points": POINTS}
    return CORNERS | rest | box


def small() -> Small:
    listed = [asset("aa", 2), asset("bb", 1), asset("cc", 0), asset("dd", 2, 2), asset("ee", 2, 3)]
    project = {
        "name": "p",
        "sourceConnection": {"providerOptions": {"encrypted": "abc"}},
        "tags": [{"name": "a", "color": "#fff"}, {"name": "b", "color": "#000"}],
        "assets": {one["id"]: one for one in listed},
    }
    exported = {"aa": metadata("aa"), "new": metadata("new"), "bb": metadata("bb", 1)}
    kinds = ("polygon", "polyline", "point")
    version1 = {
        "frames": {
            "a.png": [version1_region("rect"), version1_region("Square", box=CORNERS)],
            "b.png": [version1_region(kind, box=CORNERS) for kind in kinds],
            "c.png": [{}],
            "d.png": [],
        },
        "inputTags": "a,b,",
        "visitedFrames": ["a.png", "d.png", "e.png"],
        "tag_colors": ["#f9e90c"],
    }
    rows = ("s%20(1).png,1,2.5,3,4,a", "s%20(1).png,1,2.5,3,4,b", "t.png,5,6,70,-8,a")
    files: dict[str, Any] = {
        "p.vott": project,
        "aa-asset.json": metadata("aa"),
        "ee-asset.json": metadata("ee", type_=3),
        "orphan-asset.json": metadata("orphan"),
        "vott-json-export/p-export.json": project | {"assets": exported},
        "vott-csv-export/p-export.csv": "\n".join(
            ("image,xmin,ymin,xmax,ymax,label", *rows, "t.png,5,6,70,-9,")
        ).encode(),
        "first.json": version1,
    }
    # Exports repeat what a project holds, and who is an orphan depends on the project.
    loose = {"first.json", "orphan-asset.json", "ee-asset.json"}
    links = {name: frozenset(files.keys() - loose) for name in files}
    return files, links | {"p.vott": frozenset(files.keys() - {"first.json"})}


def document(record: dict[str, Any]) -> Any:
    return {
        "asset": {"id": "a", "name": "a.png", "size": {"width": 9, "height": 9}, "state": 2},
        "regions": [record],
        "version": "2.1.0",
    }


EXAMPLES = Examples(
    small,
    document,
    one_document="aa-asset.json",
    geometry=frozenset({"boundingBox", "box", "points"}),
    known_by=frozenset({"points"}),
    kind_keys=("type",),
    own_forms=frozenset({"case", "objects"}),
    guesses=[
        {"id": "a", "tags": ["a"], "points": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]},
        {"id": "a", "tags": ["a"], "type": "BLOB", "points": [[1, 2], [3, 4], [1, 5]]},
        {"id": "a", "tags": [{"id": 3}], "type": "POLYGON", "points": [[1, 2], [3, 4], [1, 5]]},
    ],
)
