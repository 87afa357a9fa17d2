"""The JSON-MIN export of Label Studio: annotations without the types and ids of their results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import maskforge as mf
from maskforge.geometry import point_arrays
from maskforge.issues import Code
from maskforge.shapes import Bitmap

FRAME = {"original_width": 40, "original_height": 30}
POINTS = [[25, 10], [50, 10], [50, 50]]
PIXELS = [[10.0, 3.0], [20.0, 3.0], [20.0, 15.0]]
RLE = [0, 0, 18, 192, 57, 27, 254, 171, 0, 191, 255, 196, 128, 192, 0]
"""What label_studio_sdk makes of 40 x 30 px with the four pixels after the first 43 painted."""


def entry(id_: object = 4, image: str = "a.png", **keys: Any) -> dict[str, Any]:
    about = {"annotator": 1, "annotation_id": 9, "created_at": "2024-01-01", "lead_time": 8.5}
    return {"image": f"/data/upload/3/0a1b2c3d-{image}", "id": id_} | about | keys


def polygon(label: str = "caries", **keys: Any) -> dict[str, Any]:
    return {"points": POINTS, "closed": True, "polygonlabels": [label]} | FRAME | keys


def write(folder: Path, *entries: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "min.json").write_text(json.dumps(entries))
    return folder / "min.json"


def read_one(folder: Path, **keys: Any) -> mf.AnnotatedImage:
    (image,) = mf.read(write(folder, entry(**keys)))
    return image


def test_recognized_by_who_drew(tmp_path):
    detection = mf.detect(write(tmp_path, entry()))
    assert (detection.format, detection.variant) == ("label-studio", "min")
    assert "annotation_id" in detection.reason


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"x": 25, "y": 10, "width": 50, "height": 50, "rotation": 0}, "rectangle"),
        ({"x": 25, "y": 10, "radiusX": 5, "radiusY": 4, "rotation": 30}, "ellipse"),
        ({"points": POINTS, "closed": True}, "polygon"),
        ({"format": "rle", "rle": RLE}, "brush"),
        ({"x": 25, "y": 10, "width": 0.5}, "keypoint"),
    ],
)
def test_what_stands_in_a_result_tells_its_type(tmp_path, value, kind):
    own = {**value, f"{kind}labels": ["caries"], **FRAME}
    image = read_one(tmp_path, label=[own])
    assert [(one.labels, one.kind) for one in image.shapes] == [(("caries",), f"{kind}labels")]
    assert image.image.size == mf.Size(40, 30)
    # Labels of a control of their own come with the same place once more.
    regions, labels = {**value, **FRAME}, {**value, "labels": ["pulp"], **FRAME}
    image = read_one(tmp_path, region=[regions], label=[labels])
    assert [(one.labels, one.kind) for one in image.shapes] == [(("pulp",), kind)]
    assert [one.code for one in image.issues if one.loses_record] == [Code.NOT_A_SHAPE]
    # Or alone.
    image = read_one(tmp_path, label=[labels])
    assert [(one.labels, one.kind) for one in image.shapes] == [(("pulp",), kind)]


def test_percent_become_pixels(tmp_path):
    image = read_one(
        tmp_path, label=[polygon()], brush=[{"rle": RLE, "brushlabels": ["a"]} | FRAME]
    )
    outline, stroke = (one.geometry for one in image.shapes)
    assert [one.tolist() for one in point_arrays(outline)] == [PIXELS]
    assert isinstance(stroke, Bitmap)
    assert (stroke.row, stroke.column, stroke.pixels.shape) == (1, 3, (1, 4))


def test_annotations_of_one_task_are_one_image(tmp_path):
    file = write(
        tmp_path,
        entry(label=[polygon("new")], updated_at="2024-03-01"),
        entry(label=[polygon("old")], updated_at="2024-02-01", annotation_id=8),
        entry(id_=5, image="b.png"),
        entry(id_=6, image="c.png", annotator="", annotation_id=None),
        5,
    )
    reader = mf.read(file, size=(40, 30))
    images = {image.image.name: image for image in reader}
    assert {name: image.state.value for name, image in images.items()} == {
        "a.png": "annotated",
        "b.png": "empty",
        "c.png": "unvisited",
    }
    assert [one.labels for one in images["a.png"].shapes] == [("new",)]
    assert Code.SEVERAL_ANNOTATIONS in [one.code for one in images["a.png"].issues]
    assert [one.origin.pointer for one in reader.issues] == ["$[4]"]


def test_other_fields_are_kept_as_data_of_the_task(tmp_path):
    choices = [{"choices": ["left", "blurred"]} | FRAME]
    image = read_one(tmp_path, label=[polygon()], note="x", quality="good", seen=[], tags=choices)
    assert image.tags == ("left", "blurred")
    data = image.extra["data"]
    assert {key: data[key] for key in ("note", "quality", "seen")} == {
        "note": "x",
        "quality": "good",
        "seen": [],
    }
    (drawn,) = image.extra["annotations"]
    assert drawn == {"id": 9, "completed_by": 1, "created_at": "2024-01-01", "lead_time": 8.5}


def test_it_is_written_as_tasks_that_the_tool_imports(tmp_path):
    source = tmp_path / "in"
    write(source, entry(label=[polygon()], note="x"))
    Image.new("L", (40, 30)).save(source / "a.png")
    report = mf.export(source, tmp_path / "out", format="label-studio")
    assert not report.different
    (task,) = json.loads((tmp_path / "out" / "tasks.json").read_text())
    (result,) = task["annotations"][0]["result"]
    assert result["type"] == "polygonlabels"
    assert result["value"] == {"points": POINTS, "closed": True, "polygonlabels": ["caries"]}
    assert (result["from_name"], result["to_name"], task["data"]["note"]) == ("label", "image", "x")
