"""Reading and writing ISAT: layers, groups, holes of background, and the list of classes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import maskforge as mf
from maskforge.geometry import point_arrays
from maskforge.issues import Code

RING = [[1.5, 2.0], [20.25, 3.0], [9.0, 30.5]]
INFO = {"description": "ISAT", "folder": "C:\\x", "name": "a.png", "width": 40, "height": 30}


def entry(category: object = "caries", ring: object = RING, **keys: Any) -> dict[str, Any]:
    return {"category": category, "group": 0, "segmentation": ring, "layer": 1.0} | keys


def box(category: str, left: float, top: float, right: float, bottom: float, **keys: Any) -> Any:
    ring = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return entry(category, ring, **keys)


def save(path: Path, *objects: Any, **info: Any) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(json.dumps({"info": INFO | info, "objects": [*objects]}), "utf-8")
    return path


def read_one(folder: Path, *objects: Any, **info: Any) -> mf.AnnotatedImage:
    (image,) = mf.read(save(folder / "a.json", *objects, **info))
    return image


def lost(image: mf.AnnotatedImage) -> list[mf.Issue]:
    return [issue for issue in image.issues if issue.loses_record]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"info": INFO, "objects": []}, "description"),
        ({"info": {}, "objects": [entry()]}, "segmentation"),
    ],
)
def test_recognized_by_its_keys(tmp_path, content, reason):
    (tmp_path / "a.json").write_text(json.dumps(content))
    detection = mf.detect(tmp_path / "a.json")
    assert (detection.format, detection.variant) == ("isat", "image")
    assert reason in detection.reason


@pytest.mark.parametrize(
    "content",
    [
        {"info": INFO},
        {"objects": [entry()]},
        {"info": {"description": "COCO"}, "objects": [{"label": "a"}]},
        {"info": "ISAT", "objects": []},
    ],
)
def test_other_files_with_such_keys_are_not(tmp_path, content):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(mf.MaskforgeError, match="not isat: "):
        mf.detect(tmp_path / "a.json")


def test_objects_are_polygons_with_labels_and_groups(tmp_path):
    image = read_one(
        tmp_path, entry(group=3, note="deep"), entry(7, [*RING, RING[0]], group="3"), entry(group=0)
    )
    first, second, _ = image.shapes
    assert point_arrays(first.geometry)[0].tolist() == RING
    assert point_arrays(second.geometry)[0].tolist() == RING
    assert second.primitive == {"segmentation": [*RING, RING[0]]}
    assert [shape.labels for shape in image.shapes] == [("caries",), ("7",), ("caries",)]
    assert [shape.instance for shape in image.shapes] == ["3", "3", None]
    assert first.extra == {"layer": 1.0, "note": "deep"}
    assert image.image.size == (40, 30)


def test_higher_layers_lie_on_top(tmp_path):
    """Equal ones stay in the order of the file, and one without layer has layer 2."""
    names = "abcde"
    layers = [3.0, 1.0, 3, None, 2.5]
    objects = [
        box(name, 0, 0, 40, 30, layer=layer) for name, layer in zip(names, layers, strict=True)
    ]
    image = read_one(tmp_path, *objects)
    assert [shape.labels[0] for shape in image.shapes] == ["b", "d", "e", "a", "c"]


def test_background_cuts_holes(tmp_path, samples):
    hole = box("__background__", 5, 5, 8, 8, layer=2)
    image = read_one(tmp_path, hole, box("dentine", 2, 2, 12, 12))
    mask = mf.convert_image(image, mf.load_class_map(samples / "classes.toml")).mask
    expected = np.zeros((30, 40), int)
    expected[2:12, 2:12] = 1
    expected[5:8, 5:8] = 0
    assert (mask == expected).all()
    assert image.shapes[1].extra["category"] == "__background__"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (entry(ring=[[1, 2], [3, 4], [1, 2]]), Code.TOO_FEW_POINTS),
        (entry(ring=[]), Code.INVALID_COORDINATES),
        (entry(ring=None), Code.INVALID_COORDINATES),
        (entry(ring=[[1, 2], [3, math.nan], [5, 6]]), Code.INVALID_COORDINATES),
        ({"category": "caries"}, Code.INVALID_COORDINATES),
        (entry(category=["caries"]), Code.INVALID_RECORD),
        (entry(group=1.5), Code.INVALID_RECORD),
        (entry(layer="top"), Code.INVALID_RECORD),
        (entry(layer=math.inf), Code.INVALID_RECORD),
        ("caries", Code.INVALID_RECORD),
    ],
)
def test_a_bad_object_costs_only_itself(tmp_path, record, code):
    image = read_one(tmp_path, entry(), record, entry())
    assert len(image.shapes) == 2
    (issue,) = lost(image)
    assert issue.code is code
    assert issue.origin.pointer.startswith("$.objects[1]")
    assert json.dumps(image.extra["objects"]) == json.dumps([record])


def test_the_box_tells_where_a_bad_outline_was(tmp_path):
    (issue,) = lost(read_one(tmp_path, entry(ring="?", bbox=[1, 2, 9, 8])))
    assert issue.box == (1, 2, 9, 8)


@pytest.mark.parametrize("category", ["", "  ", None])
def test_an_object_without_category_has_no_label(tmp_path, category):
    (shape,) = read_one(tmp_path, entry(category)).shapes
    assert shape.labels == ()
    assert shape.label_issue is not None


@pytest.mark.parametrize(
    ("info", "size"),
    [
        ({"width": 40.0}, (40, 30)),
        ({"width": "40"}, None),
        ({"width": 0}, None),
        ({"height": 1.5}, None),
        ({"height": None}, None),
        ({"height": math.nan}, None),
    ],
)
def test_a_size_that_is_not_one_is_noted(tmp_path, info, size):
    image = read_one(tmp_path, entry(), **info)
    assert image.image.size == size
    assert (image.refusal is None) == (size is not None)


def test_the_image_is_found_by_name_folder_or_the_name_of_the_file(tmp_path):
    names = {"a": "a.png", "b": "", "c": "other/c.png"}
    for stem, name in names.items():
        save(tmp_path / "labels" / f"{stem}.json", name=name)
        mf.write_mask(tmp_path / "images" / f"{stem}.png", np.zeros((30, 40), np.uint8))
    images = list(mf.read(tmp_path))
    assert [image.image.file for image in images] == [
        tmp_path / "images" / f"{stem}.png" for stem in names
    ]
    assert {image.state for image in images} == {mf.ImageState.EMPTY}


def test_objects_that_are_no_list_are_refused_with_their_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"info": INFO, "objects": {}}))
    reader = mf.read(path)
    assert list(reader) == []
    assert [issue.code for issue in reader.issues] == [Code.INVALID_FILE]


# --- Writing


def test_an_own_file_comes_back_with_all_that_is_in_it(tmp_path):
    objects = [
        entry(layer=3.0, area=1.5, bbox=[0, 0, 1, 1], iscrowd=True, own=1),
        entry("__background__", layer=1),
        entry(5),
        entry(ring=[[1, 2]]),
        entry(ring=[*RING, RING[0]], group=4),
    ]
    save(tmp_path / "in" / "a.json", *objects, depth=1, note="left", own=2)
    mf.export(tmp_path / "in", tmp_path / "out", format="isat")
    written = json.loads((tmp_path / "out" / "a.json").read_text())
    expected = [objects[0], objects[1], objects[2] | {"category": "5"}, *objects[3:]]
    assert written["objects"] == expected
    assert written["info"] == INFO | {"folder": ".", "depth": 1, "note": "left", "own": 2}


def test_what_isat_needs_is_written(tmp_path, samples):
    mf.export(samples / "labelme", tmp_path / "out", format="isat", image_files="copy")
    written = json.loads((tmp_path / "out" / "bitewing-02.json").read_text())
    assert written["info"] == {
        "description": "ISAT",
        "folder": ".",
        "name": "bitewing-02.jpg",
        "width": 576,
        "height": 432,
        "depth": 3,
        "note": "",
    }
    for number, one in enumerate(written["objects"], 1):
        assert isinstance(one["group"], int)
        assert one["layer"] == number
        xs, ys = zip(*one["segmentation"], strict=True)
        assert one["bbox"] == [min(xs), min(ys), max(xs), max(ys)]
    groups = [one["group"] for one in written["objects"] if one["group"]]
    assert len(groups) == 2
    assert len(set(groups)) == 1


def test_areas_are_those_of_the_rings(tmp_path):
    source = tmp_path / "in" / "a.json"
    source.parent.mkdir()
    shapes = [{"label": "a", "points": [[2, 2], [9, 2], [9, 8]], "shape_type": "polygon"}]
    image = {"imagePath": "a.png", "imageWidth": 40, "imageHeight": 30, "imageData": None}
    source.write_text(json.dumps({"shapes": shapes} | image))
    mf.export(tmp_path / "in", tmp_path / "out", format="isat")
    (one,) = json.loads((tmp_path / "out" / "a.json").read_text())["objects"]
    assert one["area"] == 21.0


def test_holes_become_later_objects_of_background(tmp_path, samples):
    report = mf.export(samples / "superannotate" / "current", tmp_path / "out", format="isat")
    assert not report.different
    objects = json.loads((tmp_path / "out" / "bitewing-12.json").read_text())["objects"]
    categories = [one["category"] for one in objects]
    assert "__background__" in categories


def test_the_classes_are_listed_with_their_colors(tmp_path, samples):
    classes = mf.load_class_map(samples / "classes.toml")
    mf.export(samples / "labelme", tmp_path / "out", format="isat", classes=classes)
    labels = yaml.safe_load((tmp_path / "out" / "isat.yaml").read_text())["label"]
    assert labels[0] == {"name": "__background__", "color": "#000000"}
    assert {"name": "caries", "color": "#{:02x}{:02x}{:02x}".format(*classes.colors[5])} in labels
