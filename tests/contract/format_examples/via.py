"""Records of VIA of all kinds, and what of them can mean several things."""

from __future__ import annotations

import json
from typing import Any

from format_examples.examples import Examples, Small


def region(kind: str, label: object = "caries", **drawn: Any) -> dict[str, Any]:
    return {
        "shape_attributes": {"name": kind} | drawn,
        "region_attributes": {"tissue": label, "note": "", "group_id": "3", "score": 0.5},
    }


def entry(name: str, regions: Any) -> dict[str, Any]:
    attributes = {"caption": "left", "quality": {"sharp": True}, "width": 40, "height": 50}
    return {"filename": name, "size": 77, "regions": regions, "file_attributes": attributes}


def small() -> Small:
    line = {"all_points_x": [1.5, 20.25, 9], "all_points_y": [2, 3, 30.5]}
    closed = {"all_points_x": [1, 20, 9, 1], "all_points_y": [2, 3, 30, 2]}
    regions = [
        region("polygon", **line),
        region("polygon", {"caries": True, "crown": False, "pulp": True}, **closed),
        region("rect", x=2.5, y=3, width=10, height=6),
        region("circle", cx=9, cy=8, r=5.5),
        region("ellipse", cx=9, cy=8, rx=5.5, ry=3, theta=0.7),
        region("ellipse", 3, cx=9, cy=8, rx=5, ry=3),
        region("polyline", **line),
        region("point", "", cx=5, cy=6),
    ]
    metadata = {
        "a.png77": entry("a.png", regions),
        "b.png77": entry("b.png", regions[:2] * 2),
        "c.png77": entry("c.png", []),
    }
    tissue = {"type": "dropdown", "options": {"caries": "", "pulp": "", "crown": ""}}
    project = {
        "_via_settings": {"ui": {}, "core": {"default_filepath": "x/"}, "project": {"name": "p"}},
        "_via_img_metadata": metadata,
        "_via_attributes": {"region": {"tissue": tissue, "note": {"type": "text"}}, "file": {}},
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": list(metadata),
    }
    header = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes"
    cells = [json.dumps(one).replace('"', '""') for one in regions[0].values()]
    row = f'd.png,77,"{{""width"":9,""height"":9}}",1,0,"{cells[0]}","{cells[1]}"'
    files: dict[str, Any] = {
        "project/p.json": project,
        "export/p.json": metadata,
        "table/p.csv": f"{header},region_attributes\n{row}\n".encode(),
    }
    return files, {}


def document(record: dict[str, Any]) -> Any:
    return {
        "a.png-1": {
            "filename": "a.png",
            "regions": [record],
            "file_attributes": {"width": 9, "height": 9},
        }
    }


EXAMPLES = Examples(
    small,
    document,
    one_document="export/p.json",
    geometry=frozenset({"x", "y", "width", "height"})
    | {"cx", "cy", "r", "rx", "ry", "theta", "all_points_x", "all_points_y"},
    known_by=frozenset({"cx", "all_points_x", "theta", "width"}),
    kind_keys=("name",),
    own_forms=frozenset({"nested", "objects", "pairs"}),
    guesses=[
        {
            "shape_attributes": {
                "name": "polygon",
                "all_points_x": [1, 3, 1],
                "all_points_y": [2, 4],
            }
        },
        {"shape_attributes": {"name": "polygon", "points": [[1, 2], [3, 4], [1, 5]]}},
        {"shape_attributes": {"name": "rect", "x": "1,5", "y": 2, "width": 3, "height": 4}},
        {"shape_attributes": {"name": "box", "x": 1, "y": 2, "width": 3, "height": 4}},
        {"shape_attributes": {"all_points_x": [1, 3, 1], "all_points_y": [2, 4, 5]}},
    ],
)
