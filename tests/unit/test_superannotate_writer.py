"""Files of SuperAnnotate's vector and pixel projects that are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import labelme, shape, square, superannotate
from PIL import Image

import maskforge as mf
from maskforge.formats.superannotate.writer import painted
from maskforge.shapes import Bitmap, Size

TRIANGLE = [[1.5, 2.0], [5.25, 2.0], [5.25, 4.5]]
RING = [1, 1, 7, 1, 7, 5, 1, 5]
HOLE = [3, 2, 5, 2, 5, 4, 3, 4]
COMMON = {"classId": 77, "probability": 100, "attributes": [], "creationType": "Manual", "mine": 1}


def load(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def classes_of(folder: Path) -> dict[str, Any]:
    return {one["name"]: one for one in load(folder / "classes" / "classes.json")}


def test_foreign_shapes_become_instances(tmp_path):
    labelme(
        tmp_path / "a.json",
        shape("caries", TRIANGLE, group_id=0),
        shape("caries", [[1, 1], [4, 3]], "rectangle", group_id=7, score=0.25),
        shape("pulp", [[1, 1], [4, 3]], "line"),
        shape("pulp", [[2.5, 3]], "point"),
        flags={"blurred": True},
    )
    mf.export(tmp_path / "a.json", tmp_path / "out", format="superannotate")
    document = load(tmp_path / "out" / "a.png.json")
    assert document["metadata"] == {
        "name": "a.png",
        "status": "Completed",
        "pinned": False,
        "isPredicted": False,
        "width": 8,
        "height": 6,
    }
    assert (document["tags"], document["comments"]) == (["blurred"], [])
    polygon, box, line, point = document["instances"]
    assert polygon["points"] == [1.5, 2.0, 5.25, 2.0, 5.25, 4.5]
    assert (polygon["type"], polygon["exclude"]) == ("polygon", [])
    assert (box["type"], box["points"]) == ("bbox", {"x1": 1, "y1": 1, "x2": 4, "y2": 3})
    assert (line["type"], line["points"]) == ("polyline", [1, 1, 4, 3])
    assert (point["type"], point["x"], point["y"]) == ("point", 2.5, 3)
    # A group is a number above zero there; a score is a whole percentage.
    assert [one["groupId"] for one in document["instances"]] == [8, 7, 0, 0]
    assert [one["probability"] for one in document["instances"]] == [100, 25, 100, 100]
    kinds = [one["creationType"] for one in document["instances"]]
    assert kinds == ["Manual", "Preannotation", "Manual", "Manual"]
    classes = classes_of(tmp_path / "out")
    assert [*classes] == ["caries", "pulp"]
    for one in document["instances"]:
        assert one["classId"] == classes[one["className"]]["id"]


def test_a_vector_file_comes_back_whole(tmp_path):
    """Holes, all primitives, closed rings, what is not drawn, keys that nobody knows, classes."""
    corners = dict(zip(("x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4"), RING, strict=True))
    sides = {"f1": {"x": 1, "y": 1}, "f2": {"x": 5, "y": 4}, "r1": {"x": 2, "y": 2}}
    instances = [
        {"type": "polygon", "points": RING, "exclude": [HOLE], "groupId": 3},
        {"type": "polygon", "points": [*RING, 1, 1], "exclude": [HOLE[:4]]},
        {"type": "polygon", "points": RING, "exclude": [], "groupId": 0},
        {"type": "polygon", "points": RING, "groupId": None, "probability": 98},
        {"type": "bbox", "points": {"x1": 5, "y1": 4, "x2": 1, "y2": 1}},
        {"type": "rbbox", "points": corners},
        {"type": "ellipse", "cx": 4, "cy": 3, "rx": 2, "ry": 1, "angle": -45.46},
        {"type": "cuboid", "points": sides | {"r2": {"x": 6, "y": 5}}},
        {"type": "polyline", "points": RING},
        {"type": "template", "points": [{"id": 1, "x": 1, "y": 2}], "connections": []},
        {"type": "point", "x": 1, "y": 2},
        {"type": "tag", "className": "enamel"},
    ]
    records = [{"className": "caries"} | COMMON | one for one in instances]
    path = superannotate(tmp_path / "a.png.json", *records)
    document = load(path) | {"mine": {"a": None}, "tags": ["x"], "comments": [{"x": 1, "y": 1}]}
    document["metadata"] |= {"status": "QualityCheck", "mine": 5}
    path.write_text(json.dumps(document))
    listed = [{"id": 77, "name": "caries", "color": "#012345", "attribute_groups": [{"id": 4}]}]
    (tmp_path / "classes").mkdir()
    (tmp_path / "classes" / "classes.json").write_text(json.dumps(listed))
    report = mf.export(tmp_path, tmp_path / "out", format="superannotate")
    assert (report.changed, report.left_out) == ({}, {})
    assert load(tmp_path / "out" / "a.png.json") == document
    assert load(tmp_path / "out" / "classes" / "classes.json") == listed


def test_scores_are_told_from_what_people_draw(tmp_path):
    ring = {"type": "polygon", "className": "caries", "points": RING}
    records = [
        ring | keys
        for keys in (
            {"probability": 100},
            {"probability": 100, "creationType": "Manual"},
            {"probability": 100, "creationType": "Preannotation"},
            {"probability": 96, "creationType": "Manual"},
            {"probability": None, "creationType": "Preannotation"},
        )
    ]
    (image,) = mf.read(superannotate(tmp_path / "a.png.json", *records))
    assert [one.score for one in image.shapes] == [None, None, 1.0, 0.96, None]


def test_a_list_of_2020_becomes_a_file_of_today(tmp_path):
    records = [
        {"type": "meta", "name": "imageAttributes", "width": 8, "height": 6, "status": "Completed"},
        {"type": "polygon", "className": "caries", "points": RING} | COMMON,
        {"type": "meta", "name": "lastAction", "timestamp": 5},
        {"type": "comment", "x": 1, "y": 2, "correspondence": []},
        {"type": "tag", "name": "blurred"},
    ]
    (tmp_path / "a.png___objects.json").write_text(json.dumps(records))
    mf.export(tmp_path, tmp_path / "out", format="superannotate")
    document = load(tmp_path / "out" / "a.png.json")
    assert document["metadata"] == {
        "name": "a.png",
        "status": "Completed",
        "pinned": False,
        "isPredicted": False,
        "width": 8,
        "height": 6,
        "lastAction": {"timestamp": 5},
    }
    assert document["instances"] == [records[1]]
    assert (document["comments"], document["tags"]) == ([records[3]], ["blurred"])


def test_a_pixel_project_numbers_connected_parts(tmp_path):
    """15, 30, 45, ... as 24-bit numbers; what lies under other shapes is not written."""
    labelme(
        tmp_path / "a.json",
        square("caries", 0, 0, 6, 2),
        square("pulp", 2, 0, 4, 2),
        shape("pulp", [[0, 4], [8, 4]], "line"),
    )
    report = mf.export(tmp_path / "a.json", tmp_path / "out", format="superannotate-pixel")
    assert report.left_out["lines"] == 1
    first, second = load(tmp_path / "out" / "a.png.json")["instances"]
    assert "type" not in first
    assert first["parts"] == [{"color": "#00000f"}, {"color": "#00001e"}]
    assert second["parts"] == [{"color": "#00002d"}]
    pixels = np.array(Image.open(tmp_path / "out" / "a.png___save.png"))
    assert pixels.shape == (6, 8, 4)
    top = [15, 15, 45, 45, 30, 30, 0, 0]
    assert pixels[..., 2].tolist() == [top, top, *[[0] * 8] * 4]
    assert not pixels[..., :2].any()
    assert ((pixels[..., 3] == 255) == (pixels[..., 2] > 0)).all()
    (image,) = mf.read(tmp_path / "out", format="superannotate")
    assert [one.labels for one in image.shapes] == [("caries",), ("pulp",)]


def test_colors_of_what_is_not_drawn_are_not_given_again(tmp_path):
    gone = {"className": "pulp", "parts": [{"color": "#00000f"}, {"color": 7}]}
    kept = {"className": "caries", "parts": [{"color": "#0000ff"}]}
    superannotate(tmp_path / "a.png.json", gone | COMMON, kept | COMMON)
    pixels = np.zeros((6, 8, 4), np.uint8)
    pixels[1, 1:3] = (0, 0, 255, 255)
    Image.fromarray(pixels).save(tmp_path / "a.png___save.png")
    mf.export(tmp_path, tmp_path / "out", format="superannotate-pixel")
    first, second = load(tmp_path / "out" / "a.png.json")["instances"]
    assert first == gone | COMMON
    assert second == {"className": "caries", "parts": [{"color": "#00001e"}]} | COMMON


@pytest.mark.parametrize(("taken", "first"), [((), 15), ((15, 30), 45)])
def test_more_parts_than_colors_are_one_part_each(monkeypatch, taken, first):
    import maskforge.formats.superannotate.writer as module

    monkeypatch.setattr(module, "WHITE", 60)  # four colors
    bitmaps = [Bitmap(0, 0, np.eye(3, dtype=bool)), Bitmap(0, 3, np.eye(3, dtype=bool))]
    colors, parts = painted(bitmaps, Size(6, 3), set(taken))
    assert parts == [[first], [first + 15]]
    assert colors[1].tolist() == [0, first, 0, 0, first + 15, 0]


def test_an_image_that_nobody_looked_at_stays_one(tmp_path):
    path = superannotate(tmp_path / "in" / "a.png.json")
    document = load(path)
    document["metadata"]["status"] = "NotStarted"
    path.write_text(json.dumps(document))
    mf.export(tmp_path / "in", tmp_path / "out", format="superannotate")
    (image,) = mf.read(tmp_path / "out")
    assert image.state is mf.ImageState.UNVISITED
