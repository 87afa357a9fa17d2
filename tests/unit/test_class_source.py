"""Labels from other keys of the records: group numbers, attributes, flags."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import corners, image, instance, labelme, manifest, pixels, region, run, square, vott
from builders import superannotate as write_superannotate

import maskforge as mf
from maskforge.errors import LabelError, OptionError
from maskforge.masks.class_source import labeled_by

_BY_LABEL = ("--instances-from", "label")


def teeth(folder: Path) -> Path:
    """Two teeth with FDI numbers as groups, in two files, and a shape without number."""
    labelme(
        folder / "x.json",
        square("tooth", 0, 0, 2, 2, group_id=11, description=" upper "),
        square("tooth", 3, 0, 5, 2, group_id=48, flags={"carious": True, "filled": False}),
    )
    labelme(
        folder / "y.json",
        square("tooth", 0, 0, 2, 2, group_id=11, flags={"carious": True, "filled": True}),
        square("tooth", 3, 0, 5, 2, attributes={"fdi.number": "36", "moved": False}),
    )
    return folder


def labels(folder: Path, key: str) -> list[tuple[str, ...]]:
    return [shape.labels for one in mf.read(folder) for shape in labeled_by(one, key).shapes]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("group_id", [("11",), ("48",), ("11",), ()]),
        ("groupId", [("11",), ("48",), ("11",), ()]),
        ("flags", [(), ("carious",), ("carious", "filled"), ()]),
        ("flags.carious", [(), ("true",), ("true",), ()]),
        ("description", [(" upper ",), (), (), ()]),
        ("attributes.fdi.number", [(), (), (), ("36",)]),
        ("attributes.moved", [(), (), (), ("false",)]),
        ("attributes", [(), (), (), ()]),
        ("", [("tooth",)] * 4),
        ("label", [("tooth",)] * 4),
    ],
)
def test_labelme_and_x_anylabeling(tmp_path, key, expected):
    assert labels(teeth(tmp_path), key) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("groupId", [("3",), ()]),
        ("attributes.Num doors", [("2", "4"), ()]),
        ("attributes.Color", [("red",), ()]),
        ("attributes", [("2", "4", "red"), ()]),
        ("classId", [("7",), ("8",)]),
    ],
)
def test_superannotate(tmp_path, key, expected):
    attributes = [
        {"id": 1, "groupId": 5, "name": "2", "groupName": "Num doors"},
        {"id": 2, "groupId": 5, "name": "4", "groupName": "Num doors"},
        {"id": 3, "groupId": 6, "name": "red", "groupName": "Color"},
    ]
    write_superannotate(
        tmp_path / "x.png.json",
        instance("car", corners(0, 0, 2, 2), groupId=3, classId=7, attributes=attributes),
        instance("car", corners(3, 0, 5, 2), groupId=0, classId=8.0, attributes=[]),
    )
    assert labels(tmp_path, key) == expected


@pytest.mark.parametrize(
    "value", [None, "", "  ", [], {}, [[["deep"]]], {"a": {"b": True}}, {"a": "text"}]
)
def test_what_is_no_value_is_no_label(tmp_path, value):
    labelme(tmp_path / "x.json", square("a", 0, 0, 2, 2, stage=value))
    assert labels(tmp_path, "stage") == [()]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, "3"), (3.0, "3"), (2.5, "2.5"), (True, "true"), (["x", 4], "x"), (10**30, None)],
)
def test_numbers_and_lists_are_labels(tmp_path, value, expected):
    labelme(tmp_path / "x.json", square("a", 0, 0, 2, 2, stage=value))
    ((first, *_),) = labels(tmp_path, "stage")
    assert first == expected or (expected is None and first)


def test_values_become_classes_and_are_drawn(tmp_path):
    report = mf.convert(teeth(tmp_path / "in"), tmp_path / "out", class_from="group_id")
    assert [(one.id, one.name, one.shapes) for one in report.classes] == [
        (0, "background", 0),
        (11, "11", 2),
        (48, "48", 1),
    ]
    first, second = (pixels(tmp_path / "out" / one["mask"]) for one in manifest(tmp_path / "out"))
    assert first[0].tolist() == [11, 11, 0, 48, 48, 0, 0, 0]
    assert second[0].tolist() == [11, 11, 0, 0, 0, 0, 0, 0]
    assert report.records["skipped"] == 1
    assert mf.load_class_map(tmp_path / "out" / "classes.json").class_from == "group_id"
    (issue,) = [one for one in report.issues if one.code == "no-label"]
    assert issue.message == "has no 'group_id'"


def test_instances_are_named_by_group_or_by_any_other_key(tmp_path):
    pieces = (
        square("enamel", 0, 0, 2, 2, group_id=36, attributes={"fdi": "46"}),
        square("dentine", 2, 0, 4, 2, group_id=36, attributes={"fdi": "46"}),
        square("enamel", 4, 0, 5, 2, group_id=36, attributes={"fdi": "47"}),
        square("enamel", 6, 0, 7, 2),
    )
    labelme(tmp_path / "in" / "x.json", *pieces)
    image(tmp_path / "in" / "x.png")
    found = {}
    for key in ("", "attributes.fdi"):
        out = tmp_path / f"out{key}"
        mf.convert(tmp_path / "in", out, instances=not key, instances_from=key)
        (line,) = manifest(out)
        row = pixels(out / line["instances"])[0].tolist()
        found[key] = (row, line["instance_classes"], line["instance_names"])
    assert found[""] == (
        [1, 1, 2, 2, 1, 0, 3, 0],
        ["enamel", "dentine", "enamel"],
        ["36", "36", ""],
    )
    assert found["attributes.fdi"] == (
        [1, 1, 2, 2, 3, 0, 4, 0],
        ["enamel", "dentine", "enamel", "enamel"],
        ["46", "46", "47", ""],
    )
    (one,) = mf.read(tmp_path / "in")
    classes = mf.load_class_map(tmp_path / "out" / "classes.json")
    drawing = mf.draw(one, classes, instances_from="attributes.fdi")
    assert drawing.instance_names == ("46", "46", "47", "")


def test_labels_of_one_class_can_be_its_instances(tmp_path):
    pieces = (square("tooth 36", 0, 0, 2, 2), square("tooth 37", 2, 0, 4, 2))
    labelme(tmp_path / "in" / "x.json", *pieces, square("tooth 36", 5, 0, 6, 2))
    image(tmp_path / "in" / "x.png")
    run("convert", tmp_path / "in", "--out", tmp_path / "out", "--class", "tooth *=1", *_BY_LABEL)
    (line,) = manifest(tmp_path / "out")
    row = pixels(tmp_path / "out" / line["instances"])[0].tolist()
    assert row == [1, 1, 2, 2, 0, 1, 0, 0]
    assert line["instance_names"] == ["tooth 36", "tooth 37"]


def test_a_key_of_instances_that_nothing_has_is_refused(tmp_path):
    with pytest.raises(LabelError, match="no shape has the key 'fdi' that its instance") as error:
        mf.convert(teeth(tmp_path / "in"), tmp_path / "out", instances_from="fdi")
    assert "group_id" in error.value.hint
    assert not (tmp_path / "out").exists()


def test_a_class_map_and_patterns_see_the_values(tmp_path):
    """The saved map knows the key, so that it can be used again as it is."""
    (tmp_path / "c.toml").write_text(
        'class_from = "group_id"\nclasses = {upper = {id = 1, labels = ["1*"]}, '
        'lower = {id = 2, labels = ["4*"]}, none = {id = 3}}\n'
    )
    classes = mf.load_class_map(tmp_path / "c.toml")
    source = teeth(tmp_path / "in")
    mf.convert(source, tmp_path / "out", classes=classes, unlabeled="none")
    masks = [pixels(tmp_path / "out" / one["mask"]) for one in manifest(tmp_path / "out")]
    assert masks[0][0].tolist() == [1, 1, 0, 2, 2, 0, 0, 0]
    assert masks[1][0].tolist() == [1, 1, 0, 3, 3, 0, 0, 0]
    saved = mf.load_class_map(tmp_path / "out" / "classes.json")
    assert saved == classes
    for one, mask in zip(mf.read(source), masks, strict=True):
        assert (mf.draw(one, saved, unlabeled="none").mask == mask).all()
        assert (mf.convert_image(one, saved, unlabeled="none").mask == mask).all()
    flags = mf.load_class_map(tmp_path / "c.toml")
    with pytest.raises(LabelError, match=r"2 labels are in no class: 'carious' \(2 shapes\)"):
        mf.convert(source, tmp_path / "new", classes=flags, class_from="flags")


def test_of_several_set_flags_the_first_counts_unless_told_otherwise(tmp_path):
    source = teeth(tmp_path / "in")
    mf.convert(source, tmp_path / "last", class_from="flags", multi_tag="last")
    masks = [pixels(tmp_path / "last" / one["mask"]) for one in manifest(tmp_path / "last")]
    assert [mask.max() for mask in masks] == [1, 2]


def test_many_images_keep_their_values_until_they_are_drawn(tmp_path, monkeypatch):
    """What is parked on the disk between reading and drawing has no other keys."""
    monkeypatch.setattr("maskforge.dataset.spool._BYTES_IN_MEMORY", 1)
    report = mf.convert(teeth(tmp_path / "in"), tmp_path / "out", class_from="description")
    assert [one.name for one in report.classes] == ["background", " upper "]


@pytest.mark.parametrize("options", [{}, {"unlabeled": "x"}, {"unlabeled": "skip"}])
def test_a_key_that_is_nowhere_is_refused_with_those_that_are(tmp_path, options):
    with pytest.raises(LabelError, match="no shape has the key 'group'") as caught:
        mf.convert(teeth(tmp_path / "in"), tmp_path / "out", class_from="group", **options)
    assert "attributes.fdi.number, flags, group_id" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_images_without_shapes_need_no_key(tmp_path):
    labelme(tmp_path / "x.json")
    assert mf.convert(tmp_path, tmp_path / "out", class_from="group_id").images["drawn"] == 1


def test_a_key_is_text(tmp_path):
    with pytest.raises(OptionError, match="class_from must be str"):
        mf.convert(teeth(tmp_path), tmp_path / "out", class_from=5)


def test_inspecting_shows_the_keys_that_can_hold_a_class(tmp_path):
    found = mf.inspect(teeth(tmp_path))
    assert found.keys == {
        "attributes.fdi.number": {"36": 1},
        "flags": {"carious": 2, "filled": 1},
        "group_id": {"11": 2, "48": 1},
    }


def test_ids_times_and_what_is_the_same_everywhere_are_not_shown(tmp_path):
    shapes = [square("a", 0, 0, 2, 2, serial=f"s{n}", operator="me", id=n) for n in range(101)]
    labelme(tmp_path / "l" / "x.json", *shapes)
    vott(tmp_path / "v", {"a.jpg": (2, [region(["a"], corners(0, 0, 2, 2))])})
    keys = {"createdAt": "today", "attributes": [{"groupName": ["odd"], "name": "x"}, "odd"]}
    write_superannotate(tmp_path / "s.png.json", instance("a", corners(0, 0, 2, 2), **keys))
    image(tmp_path / "a.jpg")
    assert mf.inspect(tmp_path).keys == {}
