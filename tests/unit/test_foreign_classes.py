"""Class files of other tools: what they say, in the numbers that masks need."""

from __future__ import annotations

import json

import pytest

from maskforge import ClassMap, load_class_map
from maskforge.errors import LabelError

LABELME = "__ignore__\n_background_\ncaries\nroot filling\n"
CVAT = """# label:color_rgb:parts:actions
background:0,0,0::
caries:250,50,83::
FDI: 11::head,foot:walk
"""


def load(folder, name: str, content: str | dict | list) -> ClassMap:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text, encoding="utf-8")
    return load_class_map(folder / name)


def ids(classes: ClassMap) -> dict[str, int]:
    return {one.name: one.id for one in classes.classes if one.id}


@pytest.mark.parametrize(
    ("name", "content", "expected", "kind"),
    [
        ("labels.txt", LABELME, {"caries": 1, "root filling": 2}, "LabelMe"),
        ("classes.txt", "caries\nroot filling\n\n", {"caries": 1, "root filling": 2}, "YOLO"),
        ("obj.names", "caries\r\nroot filling", {"caries": 1, "root filling": 2}, "YOLO"),
        ("no suffix", "\ufeff11\n12\n", {"11": 1, "12": 2}, "YOLO"),
        ("labelmap.txt", CVAT, {"caries": 1, "FDI: 11": 2}, "CVAT"),
        (
            "mask_grayscale_map.json",
            {"type": "grayscale", "colors": {"pulp": 64, "caries": 128}},
            {"pulp": 64, "caries": 128},
            "X-AnyLabeling: 2 classes; the gray values are the ids",
        ),
        (
            "mask_grayscale_map.json",
            {"type": "grayscale", "colors": {"pulp": 64, "caries": 255}},
            {"pulp": 1, "caries": 2},
            "X-AnyLabeling: 2 classes; ids are counted from 1, because",
        ),
        (
            "twice.json",
            {"type": "grayscale", "colors": {"pulp": 50, "caries": 50}},
            {"pulp": 1, "caries": 2},
            "gray values repeat",
        ),
        (
            "mask_color_map.json",
            {"type": "rgb", "colors": {"pulp": [1, 2, 3], "caries": [4, 5, 6]}},
            {"pulp": 1, "caries": 2},
            "color map of X-AnyLabeling: 2 classes",
        ),
        (
            "classes.json",
            [{"id": 55917, "name": "pulp", "color": "#ecb65f", "attribute_groups": []}],
            {"pulp": 1},
            "SuperAnnotate: 1 class",
        ),
        (
            "teeth.vott",
            {"name": "t", "tags": [{"name": "pulp", "color": "#5db300"}], "assets": {}},
            {"pulp": 1},
            "VoTT",
        ),
    ],
)
def test_each_kind_is_known_by_what_it_holds(tmp_path, name, content, expected, kind):
    classes = load(tmp_path, name, content)
    assert ids(classes) == expected
    assert {label: classes.value(label) for label in expected} == expected
    assert kind in classes.recognized
    assert classes.origin.file == tmp_path / name


def test_conventional_labels_are_background_and_void(tmp_path):
    classes = load(tmp_path, "labels.txt", LABELME)
    assert classes.value("_background_") == 0
    assert classes.value("__ignore__") == 255
    assert classes.void == ("__ignore__",)
    assert "'__ignore__' is void; '_background_' is the background" in classes.recognized
    assert load(tmp_path, "labelmap.txt", CVAT).value("background") == 0


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("names: [caries, 'root, filled', \"pulp\"] # all", ["caries", "root, filled", "pulp"]),
        ("names: ['it''s',\n  caries, # first\n]", ["it's", "caries"]),
        ("names:\n- caries   # first\n- 'a # b'\n\n", ["caries", "a # b"]),
        ("names:\n  # ours\n  0: caries\n  1: root filling", ["caries", "root filling"]),
        ("names: {1: pulp, 0: caries}", ["caries", "pulp"]),
    ],
)
def test_all_forms_of_names_in_yaml(tmp_path, names, expected):
    text = f"path: ../teeth\ntrain: images\nnc: 3\n{names}\nroboflow:\n  - x\n"
    classes = load(tmp_path, "data.yaml", text)
    assert ids(classes) == {name: number for number, name in enumerate(expected, 1)}


def test_numbers_of_yolo_are_kept_with_their_gaps(tmp_path):
    classes = load(tmp_path, "data.yaml", "names:\n  3: caries\n  253: pulp\n  254: root\n")
    assert ids(classes) == {"caries": 4, "pulp": 254, "root": 256}
    classes = load(tmp_path, "data.yaml", "names: [background, caries]")
    assert ids(classes) == {"caries": 1}
    many = load(tmp_path, "classes.txt", "\n".join(f"label {number}" for number in range(300)))
    assert list(many.ids) == [*range(255), *range(256, 302)]


def test_ids_of_coco_are_kept(tmp_path):
    def categories(*ids: int) -> dict[str, object]:
        return {"categories": [{"id": one, "name": f"n{one}", "supercategory": ""} for one in ids]}

    assert ids(load(tmp_path, "a.json", categories(90, 3))) == {"n3": 3, "n90": 90}
    assert ids(load(tmp_path, "a.json", categories(0, 1))) == {"n0": 1, "n1": 2}
    assert ids(load(tmp_path, "a.json", categories(255))) == {"n255": 256}
    with pytest.raises(LabelError, match="Expected `int`"):
        load(tmp_path, "a.json", {"categories": [{"id": "x", "name": "a"}]})


def test_colors_and_priorities_are_those_of_the_tool(tmp_path):
    gray = {"a": 10, "b": 5}
    classes = load(
        tmp_path,
        "x.json",
        {"type": "grayscale", "colors": gray, "label_priority": {"a": 7, "b": -1}},
    )
    assert [one.name for one in classes.classes] == ["b", "background", "a"]
    assert classes.colors[10] == (10, 10, 10)
    assert load(tmp_path, "labelmap.txt", CVAT).colors[1] == (250, 50, 83)
    listed = [{"name": "a", "color": "#010203"}, {"name": "b", "color": "blue"}]
    assert load(tmp_path, "x.json", listed).colors[1] == (1, 2, 3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.md", "caries\npulp\n"),
        ("a.csv", "image,label\nx.png,caries\n"),
        ("a.txt", "image,label\nx.png,caries\n"),
        ("label.txt", "0 0.5 0.5 0.1 0.2\n1 0.5 0.5 0.1 0.2\n"),
        ("a.txt", "x" * 300),
        ("a.txt", "<xml>\n</xml>"),
        ("a.txt", "a\tb\nc\td\n"),
        ("a.txt", "caries\x00"),
        ("empty.txt", " \n"),
        ("a.json", {"version": "5", "shapes": []}),
        ("a.json", [["caries"]]),
        ("a.json", {"type": "cmyk", "colors": {}}),
    ],
)
def test_anything_else_is_refused_with_what_is_read(tmp_path, name, content):
    with pytest.raises(LabelError, match="is not a class") as caught:
        load(tmp_path, name, content)
    for tool in ("LabelMe", "YOLO", "X-AnyLabeling", "CVAT", "SuperAnnotate", "VoTT"):
        assert tool in caught.value.hint


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("labels.txt", "caries\n\npulp", "line 2: an empty line"),
        ("labels.txt", "caries\ncaries", "class name 'caries' is used twice"),
        ("labels.txt", "\n".join(f"c {n}" for n in range(65_535)), "65536, expected 0 to 65535"),
        ("data.yaml", "nc: 2\nnames: names.txt", "line 2: `names` is neither"),
        ("data.yaml", "names: [caries", "is not valid YAML"),
        ("data.yaml", "names:\n  'a': caries", "line 1: `names` has 'caries' under 'a'"),
        ("data.yaml", "names:\n", "`names` is neither"),
        ("a.json", {"type": "rgb", "colors": {"a": [0, 0, 256]}}, "the color of 'a'"),
        ("a.json", {"type": "grayscale", "colors": {"a": "x"}}, "Expected `int`"),
        ("a.json", {"type": "grayscale", "colors": {"a": -1}}, "the color of 'a'"),
        ("labelmap.txt", "a:999,0,0::\n", "the color of 'a'"),
        ("a.json", [{"name": 5, "color": "#000000"}], "Expected `str`"),
    ],
)
def test_a_damaged_one_is_refused_with_its_place(tmp_path, name, content, text):
    with pytest.raises(LabelError) as caught:
        load(tmp_path, name, content)
    assert text in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
