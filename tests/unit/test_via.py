"""Reading and writing VIA: projects, exports, tables, and attributes that name the class."""

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
from maskforge.formats.registry import get_writer
from maskforge.geometry import point_arrays
from maskforge.issues import Code
from maskforge.limits.allowance import FACTOR

SIZE = {"width": 40, "height": 30}
LINE = {"all_points_x": [1.5, 20.25, 9], "all_points_y": [2, 3, 30.5]}


def region(kind: str = "polygon", attributes: Any = None, **drawn: Any) -> dict[str, Any]:
    shape = {"name": kind} | (drawn or LINE)
    given = {"type": "caries"} if attributes is None else attributes
    return {"shape_attributes": shape, "region_attributes": given}


def entry(*regions: Any, name: str = "a.png", **keys: Any) -> dict[str, Any]:
    return {"filename": name, "size": 7, "regions": [*regions], "file_attributes": SIZE} | keys


def project(*entries: dict[str, Any], attributes: Any = None, prefix: str = "") -> dict[str, Any]:
    return {
        "_via_settings": {"core": {"default_filepath": prefix}, "project": {"name": "teeth"}},
        "_via_img_metadata": {f"{one['filename']}{i}": one for i, one in enumerate(entries)},
        "_via_attributes": {"region": attributes or {}, "file": {}},
    }


def save(path: Path, content: object) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def read_regions(folder: Path, *regions: Any, attributes: Any = None) -> mf.AnnotatedImage:
    (image,) = mf.read(save(folder / "via.json", project(entry(*regions), attributes=attributes)))
    return image


def points(shape: mf.Shape) -> np.ndarray:
    return np.concatenate(point_arrays(shape.geometry))


def lost(image: mf.AnnotatedImage) -> list[mf.Issue]:
    return [issue for issue in image.issues if issue.loses_record]


@pytest.mark.parametrize(
    ("name", "content", "variant"),
    [
        ("p.json", project(entry()), "project"),
        ("e.json", {"a.png7": entry()}, "json-export"),
        ("t.csv", "filename,region_shape_attributes,region_attributes\na.png,{},{}", "csv-export"),
        ("t.csv", "#filename,region_shape_attributes,region_attributes\na.png,{},{}", "csv-export"),
    ],
)
def test_recognized_by_its_keys(tmp_path, name, content, variant):
    detection = mf.detect(save(tmp_path / name, content))
    assert (detection.format, detection.variant) == ("via", variant)


def test_version_3_is_told_apart(tmp_path):
    content = {"project": {}, "config": {}, "attribute": {}, "file": {}, "metadata": {}, "view": {}}
    with pytest.raises(mf.MaskforgeError, match="are of VIA 3"):
        mf.detect(save(tmp_path / "a.json", content))


# --- Regions


def test_polygons_lines_and_points_keep_their_vertices(tmp_path):
    closed = {"all_points_x": [1, 20, 9, 1], "all_points_y": [2, 3, 30, 2]}
    image = read_regions(
        tmp_path,
        region(),
        region(**closed),
        region("polyline"),
        region("point", cx=5, cy=6.5),
    )
    triangle, other, line, point = image.shapes
    assert points(triangle).tolist() == [[1.5, 2], [20.25, 3], [9, 30.5]]
    assert points(other).tolist() == [[1, 2], [20, 3], [9, 30]]
    assert isinstance(line.geometry, mf.Polyline)
    assert points(line).tolist() == points(triangle).tolist()
    assert points(point).tolist() == [[5, 6.5]]
    assert [shape.primitive is None for shape in image.shapes] == [True, False, True, True]


def test_boxes_are_corner_and_size(tmp_path):
    (box,) = read_regions(tmp_path, region("rect", x=2.5, y=3, width=10, height=6)).shapes
    assert points(box).tolist() == [[2.5, 3], [12.5, 3], [12.5, 9], [2.5, 9]]
    assert box.primitive == {
        "shape_attributes": {"name": "rect", "x": 2.5, "y": 3, "width": 10, "height": 6}
    }


def test_circles_and_ellipses_are_what_via_draws(tmp_path):
    """``ellipse(cx, cy, rx, ry, theta, ...)`` of the canvas: half axes, turned clockwise."""
    image = read_regions(
        tmp_path,
        region("circle", cx=20, cy=15, r=5),
        region("ellipse", cx=20, cy=15, rx=8, ry=3),
        region("ellipse", cx=20, cy=15, rx=8, ry=3, theta=math.pi / 2),
        region("ellipse", cx=20, cy=15, rx=8, ry=3, theta=0.5),
    )
    boxes = [[*points(one).min(axis=0), *points(one).max(axis=0)] for one in image.shapes]
    assert boxes[:3] == [
        pytest.approx(one, abs=0.01)
        for one in ([15, 10, 25, 20], [12, 12, 28, 18], [17, 7, 23, 23])
    ]
    turned = image.shapes[3]
    for t in np.linspace(0, 2 * math.pi, 9):  # the formula of VIA's export to COCO
        x = 20 + 8 * math.cos(t) * math.cos(0.5) - 3 * math.sin(t) * math.sin(0.5)
        y = 15 + 8 * math.cos(t) * math.sin(0.5) + 3 * math.sin(t) * math.cos(0.5)
        assert np.hypot(*(points(turned) - (x, y)).T).min() < 0.5
    assert {shape.converted for shape in image.shapes} == {"circle", "ellipse"}


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (region("heart"), Code.UNKNOWN_KIND),
        (region("rect", x=1, y=2, width=3), Code.INVALID_COORDINATES),
        (region("rect", x=1, y=2, width=3, height=math.nan), Code.INVALID_COORDINATES),
        (region("circle", cx=1, cy=2, r=-3), Code.INVALID_COORDINATES),
        (region("circle", cx=1, cy=None, r=3), Code.INVALID_COORDINATES),
        (region(all_points_x=[1, 2, 3], all_points_y=[1, 2]), Code.INVALID_COORDINATES),
        (region(all_points_x=[], all_points_y=[]), Code.INVALID_COORDINATES),
        (region(all_points_x=[1, 2], all_points_y=[1, 2]), Code.TOO_FEW_POINTS),
        (region("polyline", all_points_x=[1], all_points_y=[1]), Code.TOO_FEW_POINTS),
        (region(attributes=["caries"]), Code.INVALID_RECORD),
        ({"region_attributes": {"type": "caries"}}, Code.INVALID_RECORD),
        ({"shape_attributes": {}, "region_attributes": {}}, Code.INVALID_RECORD),
        (5, Code.INVALID_RECORD),
    ],
)
def test_a_bad_region_costs_only_itself(tmp_path, record, code):
    image = read_regions(tmp_path, region(), record, region())
    assert len(image.shapes) == 2
    (issue,) = lost(image)
    assert (issue.code, issue.origin.pointer[: len(PLACE)]) == (code, PLACE)
    assert json.dumps(image.extra["regions"]) == json.dumps([record])


PLACE = "$._via_img_metadata['a.png0'].regions[1]"


def test_regions_of_version_1_are_numbered(tmp_path):
    content = {"a.png7": entry() | {"regions": {"0": region(), "1": region("point", cx=1, cy=2)}}}
    (image,) = mf.read(save(tmp_path / "a.json", content))
    assert [shape.kind for shape in image.shapes] == ["polygon", "point"]


def test_many_circles_cost_their_image_alone(tmp_path, monkeypatch):
    monkeypatch.setenv(FACTOR, "3e-5")
    circles = [region("circle", cx=20, cy=15, r=10000)] * 3
    path = save(tmp_path / "a.json", project(entry(*circles), entry(region(), name="b.png")))
    first, second = mf.read(path)
    assert first.refusal is not None
    assert first.refusal.code is Code.TOO_COSTLY
    assert (first.record_count, len(second.shapes)) == (3, 1)


# --- The attribute that names the class

DROPDOWN = {"type": "dropdown", "options": {"1": "caries", "2": "crown", "D1": "first"}}


@pytest.mark.parametrize(
    ("attributes", "labels"),
    [
        ([{"tooth": "36"}, {"tooth": "46"}], [("36",), ("46",)]),  # the only one
        ([{"tooth": "36", "type": "caries"}] * 2, [("caries",)] * 2),  # of conventional name
        ([{"name": "a", "Class Name": "caries"}] * 2, [("caries",)] * 2),
        ([{"note": "?", "finding": "D1"}] * 2, [("D1",)] * 2),  # the only one with options
        ([{"note": "?", "finding": "2"}] * 2, [("crown",)] * 2),  # as COCO's ids are kept
        ([{"tooth": "36", "side": "left"}] * 2, [(), ()]),  # nobody can tell
        ([{"type": {"caries": True, "pulp": False, "deep": True}}] * 2, [("caries", "deep")] * 2),
        ([{"type": 7}, {"type": " "}], [("7",), ()]),
        ([{}, {}], [(), ()]),
        ([{"type": "a"}] * 2 + [{"label": "slip"}], [("a",), ("a",), ()]),
    ],
)
def test_labels_are_under_one_attribute(tmp_path, attributes, labels):
    declared = {"finding": DROPDOWN, "note": {"type": "text"}}
    image = read_regions(
        tmp_path, *(region(attributes=one) for one in attributes), attributes=declared
    )
    assert [shape.labels for shape in image.shapes] == labels
    assert [shape.extra["region_attributes"] for shape in image.shapes] == attributes


def test_projects_made_from_coco_have_an_attribute_for_every_supercategory(tmp_path):
    declared = {"animal": {"type": "radio", "options": {"3": "dog"}}, "plant": DROPDOWN}
    image = read_regions(
        tmp_path,
        region(attributes={"animal": "3"}),
        region(attributes={"plant": "1"}),
        attributes=declared,
    )
    assert [shape.labels for shape in image.shapes] == [("dog",), ("caries",)]


def test_one_of_several_attributes_can_be_named(tmp_path):
    image = read_regions(tmp_path, *[region(attributes={"tooth": "36", "side": "left"})] * 2)
    (issue,) = {shape.label_issue for shape in image.shapes[:1]}
    assert issue is not None
    assert "tooth, side" in issue.message
    assert "--class-from region_attributes.NAME" in issue.hint
    report = mf.convert(
        tmp_path, tmp_path / "out", dry_run=True, class_from="region_attributes.tooth"
    )
    assert [(one.name, one.shapes) for one in report.classes if one.id] == [("36", 2)]


def test_groups_and_scores_are_attributes(tmp_path):
    given = {"type": "caries", "group_id": 3, "score": "0.25"}
    image = read_regions(tmp_path, region(attributes=given), region())
    assert [(shape.instance, shape.score) for shape in image.shapes] == [("3", 0.25), (None, None)]
    assert image.shapes[0].labels == ("caries",)


# --- Images


def test_images_are_named_by_file_path_and_address(tmp_path):
    names = ["a.png", "sub\\b.png", "https://host.example/x/c%20d.png?sig=SECRET#f"]
    path = save(tmp_path / "a.json", project(*(entry(name=name) for name in names), prefix="img/"))
    images = list(mf.read(path))
    assert [image.image.name for image in images] == ["a.png", "b.png", "c d.png"]
    assert all("SECRET" not in str(issue) for image in images for issue in image.issues)


def test_the_default_path_leads_to_the_image(tmp_path):
    (tmp_path / "img").mkdir()
    Image.new("L", (40, 30)).save(tmp_path / "img" / "a.png")
    content = project(entry(region(), file_attributes={}), prefix="img/")
    (image,) = mf.read(save(tmp_path / "a.json", content))
    assert image.image.file == tmp_path / "img" / "a.png"
    assert image.image.size == (40, 30)


def test_the_size_is_in_attributes_or_in_the_image(tmp_path):
    entries = [
        entry(name="a.png", file_attributes={"width": "40", "height": 30}),
        entry(name="b.png", file_attributes={"width": "wide", "height": 30}),
    ]
    first, second = mf.read(save(tmp_path / "a.json", project(*entries)))
    assert first.image.size == (40, 30)
    assert second.refusal is not None
    assert second.refusal.code is Code.SIZE_UNKNOWN


def test_an_image_without_regions_is_empty_and_tags_are_checked_boxes(tmp_path):
    tags = {"quality": {"sharp": True, "blurred": False}, "caption": "left"} | SIZE
    (image,) = mf.read(save(tmp_path / "a.json", project(entry(file_attributes=tags))))
    assert (image.state, image.tags) == (mf.ImageState.EMPTY, ("sharp",))
    assert image.extra["file_attributes"] == tags


def test_version_1_may_hold_the_image_itself(tmp_path):
    buffer = io.BytesIO()
    Image.new("L", (40, 30)).save(buffer, "PNG")
    data = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    one = entry(region(), base64_img_data=data, file_attributes={})
    (image,) = mf.read(save(tmp_path / "a.json", {"a.png7": one}), embedded=True)
    assert image.image.size == (40, 30)
    assert image.embedded == buffer.getvalue()
    assert image.extra["base64_img_data"] is True


@pytest.mark.parametrize(
    "broken", [{"filename": "", "regions": []}, {"filename": "a.png", "regions": 5}, {}, 5, None]
)
def test_a_broken_entry_costs_only_its_image(tmp_path, broken):
    content = project(entry(region()))
    content["_via_img_metadata"]["x"] = broken
    good, bad = mf.read(save(tmp_path / "a.json", content))
    assert good.refusal is None
    assert bad.refusal is not None
    assert bad.refusal.code is Code.INVALID_IMAGE_RECORD


# --- Tables, and the same in several files

HEADER = "filename,file_size,file_attributes,region_count,region_id"


def row(record: dict[str, Any], name: str = "a.png", count: int = 1) -> str:
    cells = [SIZE, record["shape_attributes"], record["region_attributes"]]
    size, drawn, given = (json.dumps(one).replace('"', '""') for one in cells)
    return f'{name},7,"{size}",{count},0,"{drawn}","{given}"'


def table(path: Path, *rows: str) -> Path:
    header = f"{HEADER},region_shape_attributes,region_attributes"
    return save(path, "\n".join((header, *rows)))


NOTHING = {"shape_attributes": {}, "region_attributes": {}}


def test_rows_are_the_regions_of_their_images(tmp_path):
    quoted = region("rect", {"type": 'a "b"'}, x=1, y=2, width=3, height=4)
    path = table(
        tmp_path / "t.csv",
        row(region()),
        row(NOTHING, "b.png", 0),
        row(quoted),
        f"{row(region())},x",
    )
    first, second = mf.read(path)
    assert [shape.labels for shape in first.shapes] == [("caries",), ('a "b"',)]
    assert [shape.origin.pointer for shape in first.shapes] == ["line 2", "line 4"]
    (issue,) = lost(first)
    assert (issue.code, issue.origin.pointer) == (Code.INVALID_RECORD, "line 5")
    assert (second.state, second.shapes) == (mf.ImageState.EMPTY, ())
    assert first.image.size == (40, 30)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ('a.png,7,"{}",1,0,"{","{}"', Code.INVALID_RECORD),
        ('a.png,7,"{}",1,0,"{}","{}"', Code.INVALID_RECORD),
        ('a.png,7,"{}",1,0,,', Code.INVALID_RECORD),
        (row(region("heart")), Code.UNKNOWN_KIND),
    ],
)
def test_a_bad_row_costs_only_itself(tmp_path, bad, code):
    (image,) = mf.read(table(tmp_path / "t.csv", row(region()), bad, row(region())))
    assert len(image.shapes) == 2
    assert [issue.code for issue in lost(image)] == [code]
    assert len(image.extra["rows"]) == 1


def test_a_row_without_a_name_is_refused_alone(tmp_path):
    path = table(tmp_path / "t.csv", row(region(), name=""), row(region()))
    bad, good = mf.read(path)
    assert bad.refusal is not None
    assert good.refusal is None


def test_exports_beside_their_project_are_not_read_again(tmp_path):
    content = project(entry(region()), entry(name="b.png"))
    save(tmp_path / "p.json", content)
    save(tmp_path / "q_json.json", content["_via_img_metadata"])
    table(tmp_path / "q_csv.csv", row(region()), row(NOTHING, "b.png", 0), row(region(), "c.png"))
    reader = mf.read(tmp_path)
    assert [image.image.name for image in reader] == ["a.png", "b.png", "c.png"]
    assert [issue.code for issue in reader.issues] == [Code.DUPLICATE_SOURCE] * 2
    assert [issue.level for issue in reader.issues] == [mf.Level.IGNORED, mf.Level.NOTE]


def test_two_people_who_drew_differently_are_both_read(tmp_path):
    save(tmp_path / "a.json", project(entry(region())))
    save(tmp_path / "b.json", project(entry(region("rect", x=1, y=2, width=3, height=4))))
    reader = mf.read(tmp_path)
    assert [shape.kind for image in reader for shape in image.shapes] == ["polygon", "rect"]
    assert reader.issues == []


# --- Writing


def export(source: Path, out: Path, **options: Any) -> dict[str, Any]:
    mf.export(source, out, format="via", **options)
    written: dict[str, Any] = json.loads((out / "via_project.json").read_text("utf-8"))
    return written


def test_an_own_project_comes_back_with_all_that_is_in_it(tmp_path):
    content = project(
        entry(region(), region("heart"), region("circle", cx=9, cy=8, r=3), own=1),
        attributes={"type": DROPDOWN | {"own": 2}},
    )
    content |= {"_via_own": 3, "_via_data_format_version": "2.0.9"}
    save(tmp_path / "in" / "a.json", content)
    written = export(tmp_path / "in", tmp_path / "out")
    before, after = content["_via_img_metadata"]["a.png0"], written["_via_img_metadata"]["a.png7"]
    assert after["regions"] == before["regions"]
    assert after["own"] == 1
    assert written["_via_attributes"] == content["_via_attributes"]
    assert written["_via_own"] == 3
    assert written["_via_data_format_version"] == "2.0.9"
    assert written["_via_settings"]["project"] == {"name": "teeth"}
    assert written["_via_image_id_list"] == ["a.png7"]


def test_what_via_needs_to_open_a_project_is_written(tmp_path, samples):
    written = export(samples / "labelme", tmp_path / "out", image_files="copy")
    assert written["_via_settings"]["core"]["default_filepath"] == ""
    assert len(written["_via_img_metadata"]) == len(written["_via_image_id_list"]) == 4
    for key, one in written["_via_img_metadata"].items():
        assert key == f"{one['filename']}{one['size']}"
        assert one["size"] == (tmp_path / "out" / one["filename"]).stat().st_size
        assert {"filename", "size", "regions", "file_attributes"} <= one.keys()
    attribute = written["_via_attributes"]["region"]["label"]
    assert attribute["type"] == "dropdown"
    assert "caries" in attribute["options"]


def test_images_of_one_folder_are_named_and_the_folder_is_the_default_path(tmp_path, samples):
    written = export(samples / "labelme", tmp_path / "out")
    prefix = written["_via_settings"]["core"]["default_filepath"]
    names = [one["filename"] for one in written["_via_img_metadata"].values()]
    assert names[0] == "bitewing-01.jpg"
    assert (tmp_path / "out" / f"{prefix}{names[0]}").samefile(samples / "labelme" / names[0])


def test_images_that_nobody_has_found_stay_as_they_are_written(tmp_path):
    address = "https://host.example/c.png?sig=1"
    content = project(entry(region(), name=address), entry(region(), name="d.png"), prefix="x/")
    save(tmp_path / "in" / "a.json", content)
    written = export(tmp_path / "in", tmp_path / "out")
    names = [one["filename"] for one in written["_via_img_metadata"].values()]
    assert names == [address, "x/d.png"]


def test_new_images_get_their_class_where_own_ones_have_it(tmp_path, samples):
    """Or the labels of one or the other would not be read."""
    save(tmp_path / "in" / "a.json", project(entry(region(attributes={"tissue": "pulp"}))))
    written = export([samples / "labelme", tmp_path / "in"], tmp_path / "out")  # type: ignore[arg-type]
    names = {
        key
        for one in written["_via_img_metadata"].values()
        for record in one["regions"]
        for key in record["region_attributes"]
    }
    assert names == {"tissue", "group_id"}


def test_several_labels_are_checkboxes(tmp_path, samples):
    written = export(samples / "vott", tmp_path / "out")
    assert written["_via_attributes"]["region"]["label"]["type"] == "checkbox"
    labels = [shape.labels for image in mf.read(tmp_path / "out") for shape in image.shapes]
    assert ("caries", "secondary caries") in labels


def test_via_holds_no_holes(samples, tmp_path):
    assert get_writer("via").holds.holes == ("cut",)
    report = mf.export(samples / "superannotate" / "current", tmp_path / "out", format="via")
    assert "holes cut into the outline" in report.changed
    assert not report.different
