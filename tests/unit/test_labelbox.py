"""Reading exports of Labelbox and lines for import, and writing these lines."""

from __future__ import annotations

import base64
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import maskforge as mf
from maskforge.geometry import point_arrays
from maskforge.issues import Code
from maskforge.limits.allowance import FACTOR

RING = [{"x": 1.5, "y": 2}, {"x": 20.25, "y": 3}, {"x": 9, "y": 30.5}]
BOX = {"left": 2.5, "top": 3, "width": 10, "height": 6}
SIZE = {"width": 40, "height": 30}
SIGNED = "https://storage.example/org%2Fa.png?Expires=1&Signature=SECRET"


def row1(*objects: Any, **keys: Any) -> dict[str, Any]:
    label = {"objects": [*objects], "classifications": []}
    row = {"ID": "1", "DataRow ID": "d1", "Labeled Data": SIGNED, "External ID": "a.png"}
    return row | {"Media Attributes": SIZE, "Label": label} | keys


def row2(*labels: Any, **keys: Any) -> dict[str, Any]:
    data_row = {"id": "d1", "external_id": "a.png", "global_key": "k1", "row_data": SIGNED}
    projects = {"p1": {"name": "teeth", "labels": [*labels]}}
    return {"data_row": data_row, "media_attributes": SIZE, "projects": projects} | keys


def label2(*objects: Any, **keys: Any) -> dict[str, Any]:
    return {"annotations": {"objects": [*objects], "classifications": []}} | keys


def line(key: str = "a.png", **keys: Any) -> dict[str, Any]:
    return {"uuid": "u", "name": "caries", "dataRow": {"globalKey": key}} | keys


def save(path: Path, content: object) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    if path.suffix == ".ndjson":
        assert isinstance(content, list)
        path.write_text("".join(f"{json.dumps(one)}\n" for one in content), "utf-8")
    else:
        path.write_text(json.dumps(content), "utf-8")
    return path


def read_one(folder: Path, *objects: Any) -> mf.AnnotatedImage:
    (image,) = mf.read(save(folder / "a.json", [row1(*objects)]))
    return image


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def pixels_of(shape: mf.Shape, height: int = 30, width: int = 40) -> np.ndarray:
    return mf.rasterize([shape.geometry], (width, height)) > 0


def lost(image: mf.AnnotatedImage) -> list[mf.Issue]:
    return [issue for issue in image.issues if issue.loses_record]


@pytest.mark.parametrize(
    ("name", "content", "variant"),
    [
        ("a.json", [row1()], "export-1"),
        ("a.json", [row2()], "export-2"),
        ("a.json", row2(), "export-2"),
        ("a.ndjson", [row2(), row2()], "export-2"),
        ("a.ndjson", [line(polygon=RING)], "import"),
        ("data_rows.json", [{"row_data": "a.png", "global_key": "a"}], "data-rows"),
    ],
)
def test_recognized_by_its_keys(tmp_path, name, content, variant):
    detection = mf.detect(save(tmp_path / name, content))
    assert (detection.format, detection.variant) == ("labelbox", variant)


# --- Objects


@pytest.mark.parametrize("version", [1, 2])
def test_objects_keep_their_vertices_and_names(tmp_path, version):
    box, name = ("bbox", "title") if version == 1 else ("bounding_box", "name")
    objects = [
        {name: "caries", "polygon": RING, "featureId": "f1"},
        {name: "caries", "polygon": [*RING, RING[0]]},
        {name: "pulp", box: BOX},
        {name: "tip", "point": RING[0]},
        {name: "level", "line": RING},
    ]
    row = row1(*objects) if version == 1 else row2(label2(*objects))
    (image,) = mf.read(save(tmp_path / "a.json", [row]))
    ring = [[1.5, 2], [20.25, 3], [9, 30.5]]
    found = [point_arrays(shape.geometry)[0].tolist() for shape in image.shapes]
    assert found == [ring, ring, [[2.5, 3], [12.5, 3], [12.5, 9], [2.5, 9]], ring[:1], ring]
    assert [shape.labels[0] for shape in image.shapes] == [
        *("caries", "caries", "pulp", "tip", "level")
    ]
    assert image.shapes[0].extra == {"featureId": "f1"}
    assert image.shapes[2].primitive == {box: BOX}
    assert image.image.size == (40, 30)


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"title": "a", "polygon": RING[:2]}, Code.TOO_FEW_POINTS),
        ({"title": "a", "polygon": []}, Code.INVALID_COORDINATES),
        ({"title": "a", "polygon": [{"x": 1}, *RING]}, Code.INVALID_COORDINATES),
        ({"title": "a", "line": RING[:1]}, Code.TOO_FEW_POINTS),
        ({"title": "a", "bbox": BOX | {"left": math.nan}}, Code.INVALID_COORDINATES),
        ({"title": "a", "instanceURI": SIGNED}, Code.INVALID_BITMAP),
        ({"title": "a", "mask": {"url": SIGNED}}, Code.INVALID_BITMAP),
        ({"title": "a", "mask": {"png": "?"}}, Code.INVALID_BITMAP),
        ({"title": "a", "text": "b"}, Code.UNKNOWN_KIND),
        ({"title": "a", "frames": []}, Code.NOT_DRAWABLE),
        ({"title": ["a"], "polygon": RING}, Code.INVALID_RECORD),
        (SIGNED, Code.INVALID_RECORD),
    ],
)
def test_a_bad_object_costs_only_itself(tmp_path, record, code):
    good = {"title": "a", "polygon": RING}
    image = read_one(tmp_path, good, record, good)
    assert len(image.shapes) == 2
    (issue,) = lost(image)
    assert issue.code is code
    assert issue.origin.pointer.startswith("$[0].Label.objects[1]")
    assert json.dumps(image.extra["objects"]) == json.dumps([record])
    assert "SECRET" not in f"{issue}"


def test_an_object_without_name_says_what_it_has(tmp_path):
    image = read_one(tmp_path, {"polygon": RING, "schemaId": "s1"}, {"polygon": RING})
    codes = [shape.label_issue.code for shape in image.shapes if shape.label_issue]
    assert codes == [Code.UNRESOLVED_CLASS, Code.NO_LABEL]


def test_nothing_of_a_signature_is_printed(tmp_path):
    objects = [{"title": "a", "instanceURI": SIGNED}, SIGNED, {"title": SIGNED, "line": [SIGNED]}]
    rows = [row1(*objects), SIGNED, row1(Label=5), row1(Label=[SIGNED])]
    reader = mf.read(save(tmp_path / "a.json", rows))
    said = [str(issue) for image in reader for issue in image.issues] + list(
        map(str, reader.issues)
    )
    names = [image.image.name for image in reader]
    assert said
    assert "SECRET" not in "".join(said + names)


def test_addresses_are_no_classes(tmp_path):
    """Or ``inspect`` would list them, with their signatures."""
    objects = [{"title": "a", "polygon": RING, "instanceURI": f"{SIGNED}{i}"} for i in "12"]
    save(tmp_path / "a.json", [row1(*objects)])
    assert "SECRET" not in str(mf.inspect(tmp_path))


# --- Masks

MASK = np.zeros((30, 40), np.uint8)
MASK[5:12, 8:20] = 1
MASK[7, 9] = 0


def test_a_mask_in_the_file_is_every_pixel_above_zero(tmp_path):
    text = base64.b64encode(png(MASK)).decode()
    path = save(tmp_path / "a.ndjson", [line(mask={"png": text}, confidence=0.75)])
    (image,) = mf.read(path)
    (shape,) = image.shapes
    assert (pixels_of(shape) == (MASK > 0)).all()
    assert (shape.kind, shape.score) == ("mask", 0.75)
    assert image.image.size == (40, 30)


@pytest.mark.parametrize("folder", [".", "masks", "bitmasks"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_downloaded_mask_is_found_by_its_id(tmp_path, folder, version):
    record = {"featureId": "f1", "title": "caries", "instanceURI": SIGNED}
    if version == 2:
        record = {"feature_id": "f1", "name": "caries", "mask": {"url": SIGNED}}
    rgba = np.repeat(MASK[..., None] * 255, 4, axis=2)
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "f1.png").write_bytes(png(rgba))
    row = row1(record) if version == 1 else row2(label2(record))
    (image,) = mf.read(save(tmp_path / "a.json", [row]))
    assert (pixels_of(image.shapes[0]) == (MASK > 0)).all()


def test_a_composite_mask_is_taken_apart_by_color(tmp_path):
    colors = np.zeros((30, 40, 3), np.uint8)
    colors[5:9, 8:20], colors[9:12, 8:20] = (1, 2, 3), (1, 2, 4)
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "m1.png").write_bytes(png(colors))
    mask = {"url": SIGNED, "mask_id": "m1"}
    objects = [
        {"name": "a", "composite_mask": mask | {"color_rgb": [1, 2, 3]}},
        {"name": "b", "composite_mask": mask | {"color_rgb": [1, 2, 4]}},
        {"name": "c", "composite_mask": mask | {"color_rgb": [9, 9, 9]}},
        {"name": "d", "composite_mask": mask | {"color_rgb": "red"}},
    ]
    (image,) = mf.read(save(tmp_path / "a.json", [row2(label2(*objects))]))
    assert [int(pixels_of(shape).sum()) for shape in image.shapes] == [48, 36]
    assert [issue.code for issue in lost(image)] == [Code.NOT_DRAWABLE] * 2


def test_a_mask_of_another_size_than_the_image_is_refused(tmp_path):
    (tmp_path / "f1.png").write_bytes(png(MASK[:-1]))
    image = read_one(tmp_path, {"featureId": "f1", "title": "a", "instanceURI": SIGNED})
    (issue,) = lost(image)
    assert "40 x 29 px" in issue.message


def test_an_id_does_not_lead_out_of_the_folder(tmp_path):
    (tmp_path / "f1.png").write_bytes(png(MASK))
    path = save(
        tmp_path / "in" / "a.json",
        [row1({"featureId": "../f1", "title": "a", "instanceURI": SIGNED})],
    )
    (image,) = mf.read(path)
    assert [issue.code for issue in lost(image)] == [Code.INVALID_BITMAP]


def test_many_masks_cost_their_image_alone(tmp_path, monkeypatch):
    monkeypatch.setenv(FACTOR, "3e-5")
    text = base64.b64encode(png(np.ones((300, 300), np.uint8))).decode()
    rows = [line(mask={"png": text})] * 1 + [line("b.png", polygon=RING)]
    first, second = mf.read(save(tmp_path / "a.ndjson", rows))
    assert first.refusal is not None
    assert first.refusal.code is Code.TOO_COSTLY
    assert len(second.shapes) == 1


# --- Rows


def test_every_label_of_an_image_is_read(tmp_path):
    labels = [label2({"name": "a", "polygon": RING}), label2({"name": "b", "polygon": RING})]
    images = list(mf.read(save(tmp_path / "a.ndjson", [row2(*labels)])))
    assert [image.shapes[0].labels for image in images] == [("a",), ("b",)]
    assert images[1].origin.pointer == "$[0].projects['p1'].labels[1].annotations"


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (row1(), mf.ImageState.EMPTY),
        (row1(Label={"classifications": []}), mf.ImageState.EMPTY),
        (row1(Label={}), mf.ImageState.UNVISITED),
        (row1(Label="Skip"), mf.ImageState.UNVISITED),
        (row1(Skipped=True), mf.ImageState.UNVISITED),
        (row2(), mf.ImageState.UNVISITED),
        (row2(projects={}), mf.ImageState.UNVISITED),
        (row2(label2()), mf.ImageState.EMPTY),
        (row2(label2(performance_details={"skipped": True})), mf.ImageState.UNVISITED),
        (row2(label2(performance_details={"skipped": False})), mf.ImageState.EMPTY),
    ],
)
def test_nobody_has_looked_or_somebody_has_found_nothing(tmp_path, row, state):
    (image,) = mf.read(save(tmp_path / "a.json", [row]))
    assert (image.state, image.image.name, image.refusal) == (state, "a.png", None)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (5, Code.INVALID_IMAGE_RECORD),
        (row1(Label=5), Code.INVALID_IMAGE_RECORD),
        (row1(Label={"objects": 5}), Code.INVALID_IMAGE_RECORD),
        (row1(Label={"frames": SIGNED}), Code.VIDEO),
        (row2({"annotations": {"frames": {}}}), Code.VIDEO),
        (row2(5), Code.INVALID_IMAGE_RECORD),
        (row2(projects={"p": {"labels": 5}}), Code.INVALID_IMAGE_RECORD),
    ],
)
def test_a_broken_row_costs_only_its_image(tmp_path, row, code):
    bad, good = mf.read(save(tmp_path / "a.json", [row, row1(), row2(label2())][:2]))
    assert bad.refusal is not None
    assert bad.refusal.code is code
    assert good.refusal is None


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"External ID": "a.png"}, "a.png"),
        ({"External ID": "patient 7"}, "a.png"),
        ({"External ID": None}, "a.png"),
        ({"External ID": None, "Labeled Data": "https://x.org/y?z"}, "y"),
        ({"External ID": "sub/b.tif"}, "b.tif"),
    ],
)
def test_an_image_is_called_by_what_is_the_name_of_one(tmp_path, keys, name):
    (image,) = mf.read(save(tmp_path / "a.json", [row1(**keys)]))
    assert image.image.name == name


def test_chosen_answers_are_tags(tmp_path):
    first = {"objects": [], "classifications": [{"title": "view", "answer": {"title": "left"}}]}
    second = [
        {"name": "view", "radio_answer": {"name": "right"}},
        {"name": "seen", "checklist_answers": [{"name": "a"}, {"name": "b"}]},
        {"name": "note", "text_answer": {"content": "free"}},
    ]
    rows = [
        row1(Label=first),
        row1(Label=first | {"classifications": second}),
    ]
    assert [image.tags for image in mf.read(save(tmp_path / "a.json", rows))] == [
        ("left",),
        ("right", "a", "b"),
    ]


# --- Labels before 2019


def test_old_labels_count_y_from_the_lower_edge(tmp_path):
    first = "(0 0, 10 0, 10 5, 0 5, 0 0), (2 2, 4 2, 4 4, 2 4, 2 2)"
    wkt = f"MULTIPOLYGON (({first}), ((20 0, 22 0, 22 2, 20 0)))"
    points = [{"x": 0, "y": 30}, {"x": 4, "y": 30}, {"x": 4, "y": 26}, {"x": 0, "y": 26}]
    label = {
        "robot": wkt,
        "person": [{"geometry": points}, {"geometry": "POLYGON ((30 0, 40 0, 40 3, 30 0))"}],
        "model": "x-7",
        "view": ["left"],
    }
    (image,) = mf.read(save(tmp_path / "a.json", [row1(Label=label)]))
    robot, square, second = image.shapes
    expected = np.zeros((30, 40), bool)
    expected[25:30, 0:10] = True
    expected[26:28, 2:4] = False
    assert (pixels_of(robot)[:, :12] == expected[:, :12]).all()
    assert point_arrays(square.geometry)[0].tolist() == [[0, 0], [4, 0], [4, 4], [0, 4]]
    assert point_arrays(second.geometry)[0].tolist() == [[30, 30], [40, 30], [40, 27]]
    assert [shape.labels for shape in image.shapes] == [("robot",), ("person",), ("person",)]
    assert second.origin.pointer == "$[0].Label['person'][1].geometry"
    assert lost(image) == []


@pytest.mark.parametrize(
    "text",
    ["POLYGON ((0 0, 1 0", "POINT (1 2)", "POLYGON EMPTY", "MULTIPOLYGON (((1e999 0, 1 1, 2 2)))"],
)
def test_text_that_is_no_polygon_costs_only_itself(tmp_path, text):
    label = {"a": text, "b": "POLYGON ((30 0, 40 0, 40 3, 30 0))"}
    (image,) = mf.read(save(tmp_path / "a.json", [row1(Label=label)]))
    assert [shape.labels for shape in image.shapes] == [("b",)]
    assert [issue.code for issue in lost(image)] == [Code.INVALID_COORDINATES]


# --- Lines


def test_lines_are_gathered_by_image(tmp_path):
    rows = [
        line(polygon=RING),
        line("b.png", bbox=BOX),
        line(point=RING[0]),
        line(name="view", answer={"name": "left"}),
        {"uuid": "u", "name": "a", "dataRow": {"id": "d7"}, "line": RING},
    ]
    images = list(mf.read(save(tmp_path / "a.ndjson", rows), size=(40, 30)))
    assert [image.image.name for image in images] == ["a.png", "b.png", "d7"]
    assert [shape.origin.pointer for shape in images[0].shapes] == ["$[0]", "$[2]"]
    (issue,) = lost(images[0])
    assert (issue.code, issue.origin.pointer) == (Code.NOT_A_SHAPE, "$[3]")
    assert images[0].tags == ("left",)
    assert images[0].extra == {"lines": [rows[3]]}


def test_lines_without_image_are_refused_together(tmp_path):
    rows = [line(polygon=RING), {"name": "a", "polygon": RING}, {"dataRow": {}}, 5]
    good, bad = mf.read(save(tmp_path / "a.ndjson", rows), size=(40, 30))
    assert len(good.shapes) == 1
    assert bad.refusal is not None
    assert bad.refusal.code is Code.UNLISTED_IMAGE
    assert bad.record_count == 3


def test_data_rows_tell_names_and_images_without_lines(tmp_path):
    nothing = {"type": "RAW_TEXT", "value": "Nothing is to be marked in this image."}
    rows = [
        {"row_data": "images/one.png", "global_key": "k1"},
        {"row_data": "two.png", "global_key": "k2", "attachments": [nothing]},
        {"row_data": "three.png", "global_key": "k3"},
    ]
    save(tmp_path / "data_rows.json", rows)
    save(tmp_path / "a.ndjson", [line("k1", polygon=RING)])
    for name in ("images/one.png", "two.png", "three.png"):
        mf.write_mask(tmp_path / name, MASK)
    reader = mf.read(tmp_path)
    states = {image.image.name: image.state for image in reader}
    assert states == {
        "one.png": mf.ImageState.ANNOTATED,
        "two.png": mf.ImageState.EMPTY,
        "three.png": mf.ImageState.UNVISITED,
    }
    assert reader.issues == []


# --- Writing


def export(source: Path, out: Path, **options: Any) -> tuple[list[Any], list[Any]]:
    mf.export(source, out, format="labelbox", **options)
    lines = (out / "labelbox.ndjson").read_text("utf-8").splitlines()
    return [*map(json.loads, lines)], json.loads((out / "data_rows.json").read_text("utf-8"))


def test_what_labelbox_needs_is_written(tmp_path, samples):
    lines, rows = export(samples / "labelme", tmp_path / "out", image_files="copy")
    assert [row["global_key"] for row in rows] == [f"bitewing-0{i}.jpg" for i in (1, 2, 3, 4)]
    assert [row["row_data"] for row in rows] == [f"bitewing-0{i}.jpg" for i in (1, 2, 3, 4)]
    assert ["attachments" in row for row in rows] == [False, False, False, True]
    assert len({one["uuid"] for one in lines}) == len(lines)
    assert {one["dataRow"]["globalKey"] for one in lines} == {
        f"bitewing-0{i}.jpg" for i in (1, 2, 3)
    }
    assert all(isinstance(one["name"], str) for one in lines)
    kinds = {"polygon", "mask", "line", "point"}
    assert {key for one in lines for key in one} == kinds | {"uuid", "name", "dataRow"}


def test_holes_are_masks_of_the_whole_image_or_cut(tmp_path, samples):
    source = samples / "superannotate" / "current"
    lines, _ = export(source, tmp_path / "masks")
    masks = [one["mask"]["png"] for one in lines if "mask" in one]
    assert masks
    with Image.open(io.BytesIO(base64.b64decode(masks[0]))) as image:
        assert (image.mode, image.size, image.getextrema()) == ("L", (576, 432), (0, 1))
    lines, _ = export(source, tmp_path / "cut", holes="cut")
    assert not [one for one in lines if "mask" in one]


def test_an_export_comes_back_as_lines_of_its_data_rows(tmp_path):
    radio = {"name": "depth", "radio_answer": {"name": "deep"}}
    objects = [
        {"feature_id": "f1", "name": "caries", "polygon": RING, "classifications": [radio]},
        {"feature_id": "f2", "name": "pulp", "bounding_box": BOX, "annotation_kind": "Box"},
    ]
    save(tmp_path / "in" / "a.ndjson", [row2(label2(*objects))])
    lines, rows = export(tmp_path / "in", tmp_path / "out")
    for one in lines:
        del one["uuid"]
    shared = {"dataRow": {"globalKey": "k1"}}
    answers = [{"name": "depth", "answer": {"name": "deep"}}]
    assert lines == [
        {"name": "caries", "polygon": RING, "classifications": answers} | shared,
        {"name": "pulp", "bbox": BOX} | shared,
    ]
    assert [row["global_key"] for row in rows] == ["k1"]


def test_a_row_of_version_1_is_known_by_its_id(tmp_path):
    answers = [
        {"title": "seen", "answers": [{"title": "a"}, {"title": "b"}]},
        {"title": "note", "answer": "free"},
    ]
    record = {"featureId": "f1", "title": "a", "polygon": RING, "classifications": answers}
    save(tmp_path / "in" / "a.json", [row1(record)])
    lines, rows = export(tmp_path / "in", tmp_path / "out")
    assert lines[0]["dataRow"] == {"id": "d1"}
    assert lines[0]["classifications"] == [
        {"name": "seen", "answer": [{"name": "a"}, {"name": "b"}]},
        {"name": "note", "answer": "free"},
    ]
    assert rows[0]["uid"] == "d1"
    (image,) = mf.read(tmp_path / "out", size=(40, 30))
    assert image.image.name == "a.png"


def test_own_lines_come_back_as_they_were(tmp_path):
    rows = [
        line(polygon=RING, confidence=0.5, classifications=[{"name": "q", "answer": "free"}]),
        line(name="view", answer={"name": "left"}),
        line(bbox=BOX, own=[1]),
        line(polygon=[*RING, RING[0]], schemaId="s"),
    ]
    save(tmp_path / "in" / "a.ndjson", rows)
    lines, _ = export(tmp_path / "in", tmp_path / "out", size=(40, 30))
    assert [lines[0], lines[1], lines[2]] == [rows[0], rows[2], rows[3]]
    assert lines[3] == rows[1]
