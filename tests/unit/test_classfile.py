"""Class maps as people write them: options, TOML and JSON."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskforge import ClassMap, MaskClass, load_class_map
from maskforge.errors import LabelError, OptionError
from maskforge.masks.classes import check_labels, infer
from maskforge.masks.classfile import choose_class_map, dump_class_map, parse_assignments
from maskforge.masks.labels import composed


def table(classes: ClassMap) -> list[tuple[int, str, tuple[str, ...]]]:
    return [(one.id, one.name, one.labels) for one in classes.classes if one.id]


# --- NAME=ID


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["a=1"], [(1, "a", ("a",))]),
        (["a=1", "b=3"], [(1, "a", ("a",)), (3, "b", ("b",))]),
        (["b=3", "a=1"], [(3, "b", ("b",)), (1, "a", ("a",))]),
        (["molar=4", "canine=4"], [(4, "molar", ("molar", "canine"))]),
        ([" a b = 1 "], [(1, "a b", ("a b",))]),
        (["a=b=1"], [(1, "a=b", ("a=b",))]),
        (["a=65535"], [(65535, "a", ("a",))]),
        (["a=007"], [(7, "a", ("a",))]),
    ],
)
def test_assignments_become_classes(assignments, expected):
    assert table(parse_assignments(assignments)) == expected


def test_assignments_can_ignore_and_void_and_cut_holes():
    classes = parse_assignments(["a=1", "b=ignore", "c=VOID", "d=void", "e=0"])
    assert classes.ignored == ("b",)
    assert classes.void == ("c", "d")
    assert [classes.value(label) for label in "abcde"] == [1, None, 255, 255, 0]
    assert classes.names[0] == "background"


def test_255_is_refused_as_in_a_file(tmp_path):
    (tmp_path / "x.toml").write_text("[classes]\nCA = 255\n")
    with pytest.raises(LabelError, match="'CA' has the id 255, which is the void") as in_file:
        load_class_map(tmp_path / "x.toml")
    with pytest.raises(LabelError) as assigned:
        parse_assignments(["CA=255"])
    assert assigned.value.message == in_file.value.message
    assert assigned.value.hint == in_file.value.hint
    assert "NAME=void" in assigned.value.hint


def test_a_pattern_gets_its_class_a_name():
    classes = parse_assignments(["cell_*=1", "cells=1", "*=ignore", "x[*]=2"])
    assert table(classes) == [(1, "cell", ("cell_*", "cells")), (2, "x*", ("x[*]",))]
    assert [classes.value(label) for label in ("cell_7", "cells", "x*", "xy")] == [1, 1, 2, None]


@pytest.mark.parametrize(
    "assignments", [["cell*=1", "cell=2"], ["cell-*=1", "cell_*=2"], ["*1=1", "*2=2"]]
)
def test_a_pattern_whose_name_is_taken_is_the_name(assignments):
    written = [one.rpartition("=")[0] for one in assignments]
    expected = [one if "*" in one else "cell" for one in written]
    assert [name for _, name, _ in table(parse_assignments(assignments))] == expected


@pytest.mark.parametrize(
    ("assignment", "text"),
    [
        ("", "is not NAME=ID"),
        ("a", "is not NAME=ID"),
        ("=1", "is not NAME=ID"),
        (" =1", "is not NAME=ID"),
        ("a=", "is not an id"),
        ("a=x", "is not an id"),
        ("a=-1", "is not an id"),
        ("a=1.0", "is not an id"),
        ("a=٣", "is not an id"),
        ("a=1_0", "is not an id"),
        ("a=" + "1" * 10_000, "is not an id"),
        ("a=65536", "expected 0 to 65535"),
    ],
)
def test_what_is_no_assignment_is_refused(assignment, text):
    with pytest.raises(LabelError, match=text) as caught:
        parse_assignments([assignment])
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("twice", [["a=1", "a=2"], ["a=1", "a=1"], ["a=1", "a=ignore"]])
def test_a_label_has_one_meaning(twice):
    with pytest.raises(LabelError, match="'a'"):
        parse_assignments(twice)


# --- files


FILES = {
    "list.toml": (
        'ignore = ["note"]\nvoid = ["unsure"]\nfold_case = true\n'
        '[[classes]]\nname = "tooth"\nid = 4\ncolor = "#010203"\nlabels = ["molar", "canine"]\n'
        '[[classes]]\nname = "caries"\nid = 2\n'
    ),
    "table.toml": "[classes]\ntooth = 4\ncaries = 2\n",
    "inner.toml": '[classes.tooth]\nid = 4\nlabels = ["molar"]\n[classes.caries]\nid = 2\n',
    "list.json": '{"classes": [{"name": "tooth", "id": 4}, {"name": "caries", "id": 2}]}',
    "table.json": '{"classes": {"tooth": 4, "caries": 2}}',
    "bom.json": '\ufeff{"classes": {"tooth": 4, "caries": 2}}',
    "bom.toml": "\ufeff[classes]\ntooth = 4\ncaries = 2\n",
}


@pytest.mark.parametrize("name", FILES)
def test_all_forms_of_a_class_file(tmp_path, name):
    (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    classes = load_class_map(str(tmp_path / name))
    assert [(id_, label) for id_, label, _ in table(classes)] == [(4, "tooth"), (2, "caries")]
    assert classes.value("caries") == 2


def test_everything_that_a_class_file_can_say(tmp_path):
    (tmp_path / "x.toml").write_text(FILES["list.toml"])
    classes = load_class_map(tmp_path / "x.toml")
    assert classes.colors[4] == (1, 2, 3)
    assert [classes.value(label) for label in ("MOLAR", "canine ", "Note", "unsure")] == [
        4,
        4,
        None,
        255,
    ]


def test_ids_may_be_left_out_all_at_once(tmp_path):
    (tmp_path / "x.toml").write_text('[[classes]]\nname = "b"\n[[classes]]\nname = "a"\n')
    assert table(load_class_map(tmp_path / "x.toml")) == [(1, "b", ("b",)), (2, "a", ("a",))]


def test_a_class_without_labels_has_none(tmp_path):
    (tmp_path / "x.json").write_text('{"classes": [{"name": "a", "id": 1, "labels": []}]}')
    with pytest.raises(LabelError, match="'a'"):
        check_labels(load_class_map(tmp_path / "x.json"), {"a": 1})


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("x.toml", "classes = 5", r"is not a class map.*"),
        ("x.toml", "", "is not a class map"),
        ("x.toml", "[[classes]\n", "is not valid TOML"),
        ("x.toml", "a = 1979-05-27", "is not a class map"),
        ("x.json", "", "is not valid"),
        ("x.json", "[]", "is not a class map"),
        ("x.json", "{", "is not valid"),
        ("x.json", "[" * 10_000, "is not valid"),
        ("x.json", '{"classes":' + '{"a":' * 5000 + "1" + "}" * 5001, "is not valid"),
        ("x.json", '{"classes": {"a": ' + "9" * 5000 + "}}", "is not valid"),
        ("x.toml", "classes = " + "[" * 5000 + "]" * 5000, "is not valid TOML"),
        ("x.toml", "[classes]\na = " + "1" * 5000, "is not valid TOML"),
        ("x.toml", "[classes]\na = 0x" + "f" * 5000, "not a number from 0 to 65535"),
        ("x.toml", "classes." + ".".join("a" * 5000) + " = 1", "is not a class map"),
        ("x.json", '{"classes": {"a": "1"}}', "without quotes"),
        ("x.json", '{"classes": {"a": "one", "b": 2}}', "or none"),
        ("x.json", '{"classes": {"a": ["one"]}}', "is not a class map"),
        ("x.json", '{"classes": {"a": 1.5}}', "is not a class map"),
        ("x.json", '{"classes": {"a": true}}', "is not a class map"),
        ("x.json", '{"classes": {}, "ingore": []}', "ingore"),
        ("x.json", '{"classes": [{"name": "a", "id": 1, "color": "#fff"}]}', "color"),
        ("x.json", '{"classes": [{"id": 1}]}', "a class has no name"),
        ("x.json", '{"classes": [{"name": "a"}, {"name": "b", "id": 2}]}', "or none"),
        ("x.json", '{"classes": [{"name": "a", "id": 255}]}', "void value"),
        ("x.json", '{"classes": [{"name": "a", "id": -1}]}', "expected 0 to 65535"),
        ("x.json", '{"classes": [{"name": "a", "id": 70000}]}', "expected 0 to 65535"),
        ("x.json", '{"classes": {"a": 1, "b": 1}}', "id 1 is used twice"),
        ("x.json", '{"classes": {"background": 1}}', "'background' must have the id 0"),
        ("x.json", '{"classes": {"a": 1}, "ignore": ["a"]}', "'a' is used twice"),
        ("x.json", '{"classes": [{"name": "a", "color": "red"}]}', "is not a color"),
        ("x.json", '{"classes": [{"name": "a", "color": "#ff00"}]}', "is not a color"),
        ("x.json", '{"classes": [{"name": "a", "color": "#ff00ff00"}]}', "is not a color"),
        ("x.json", '{"classes": {"a": 99999999999999999999999999}}', "x.json"),
    ],
)
def test_what_is_no_class_map_is_refused_and_named(tmp_path, name, content, text):
    (tmp_path / name).write_text(content)
    with pytest.raises(LabelError, match=text) as caught:
        load_class_map(tmp_path / name)
    assert caught.value.origin.file == tmp_path / name
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\xe9"])
@pytest.mark.parametrize("name", ["x.json", "x.toml"])
def test_files_in_other_encodings_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LabelError):
        load_class_map(tmp_path / name)


def test_files_that_are_not_there_are_named(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.toml"):
        with pytest.raises(LabelError, match="cannot be read") as caught:
            load_class_map(path)
        assert caught.value.origin.file == path


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "classes.txt")
    with pytest.raises(LabelError, match="cannot be read: it is a pipe"):
        load_class_map(tmp_path / "classes.txt")


def test_more_classes_than_values_need_ids_of_their_own(tmp_path):
    (tmp_path / "x.json").write_text(
        json.dumps({"classes": [{"name": str(i)} for i in range(255)]})
    )
    with pytest.raises(LabelError, match="255 classes need ids"):
        load_class_map(tmp_path / "x.json")


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@given(
    names=st.lists(NAMES, unique_by=composed, max_size=6).filter(
        lambda one: "background" not in one
    ),
    others=st.lists(NAMES, unique_by=composed, max_size=4),
    labels=st.lists(NAMES, max_size=4),
    colors=st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=6, max_size=6),
)
def test_a_saved_class_map_is_read_back_unchanged(tmp_path_factory, names, others, colors, labels):
    ids = [3, 1, 300, 254, 65535, 7]
    classes = tuple(
        MaskClass(id_, name, color, (f"{name}-1", f"{name}-2"))
        for id_, name, color in zip(ids, names, colors, strict=False)
    )
    left = [f"{name}-3" for name in others]
    saved = ClassMap(classes, tuple(left[:2]), tuple(left[2:]), class_from="attributes.tooth")
    path = tmp_path_factory.getbasetemp() / "classes.json"
    path.write_bytes(dump_class_map(saved))
    back = load_class_map(path)
    assert back == saved
    assert back.classes == saved.classes
    assert dump_class_map(back) == dump_class_map(saved)
    inferred = infer(labels)
    path.write_bytes(dump_class_map(inferred))
    back = load_class_map(path)
    assert [back.value(label) for label in labels] == [inferred.value(label) for label in labels]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('"cell*" = "cell"', [(1, "cell", ("cell*",))]),
        ('"cell*" = 4', [(4, "cell", ("cell*",))]),
        ('a = "x"\nb = "y"\nc = "x"', [(1, "x", ("a", "c")), (2, "y", ("b",))]),
        ('caries = 7\n"caries *" = "caries"', [(7, "caries", ("caries", "caries *"))]),
        ('b = {id = 2, labels = ["d"]}\nc = "b"', [(2, "b", ("d", "c"))]),
    ],
)
def test_a_label_may_stand_with_the_name_of_its_class(tmp_path, content, expected):
    (tmp_path / "x.toml").write_text(f"[classes]\n{content}\n")
    assert table(load_class_map(tmp_path / "x.toml")) == expected


def test_patterns_stand_among_the_labels_of_a_file(tmp_path):
    (tmp_path / "x.toml").write_text(
        'ignore = ["note*"]\nvoid = ["*2"]\n'
        '[[classes]]\nname = "cell"\nlabels = ["cell[0-9]*"]\n'
        '[[classes]]\nname = "other"\nlabels = ["cellulitis", "cell9x"]\n'
    )
    classes = load_class_map(tmp_path / "x.toml")
    assert classes.value("cell9x") == 2
    with pytest.raises(LabelError, match=r"'cell12' fits the patterns 'cell\[0-9\]\*' and '\*2'"):
        classes.value("cell12")


def test_a_class_file_may_tell_the_key_of_the_labels(tmp_path):
    (tmp_path / "x.toml").write_text('class_from = "group_id"\nclasses = ["11", "12"]\n')
    assert load_class_map(tmp_path / "x.toml").class_from == "group_id"


# --- file or options


def test_a_file_or_options_or_neither(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"classes": {"a": 1}}')
    assert choose_class_map(None, ()) is None
    assert table(choose_class_map(path, ())) == table(choose_class_map(None, ["a=1"]))
    assert choose_class_map(path, (), fold_case=True).value(" A ") == 1
    assert choose_class_map(None, ["a=1"], fold_case=True).value(" A ") == 1
    with pytest.raises(OptionError, match="a class file and single classes"):
        choose_class_map(path, ["a=1"])


def test_a_list_of_names_is_numbered_from_one(tmp_path):
    path = tmp_path / "classes.toml"
    path.write_text('classes = ["caries", "enamel"]')
    classes = load_class_map(path)
    assert dict(classes.names) == {0: "background", 1: "caries", 2: "enamel", 255: "void"}
    assert classes.value("enamel") == 2
