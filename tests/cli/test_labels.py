"""Labels and class maps on the command line."""

from __future__ import annotations

import json

import pytest
from builders import convert, labelme, pixels, run, square

NFC, NFD = "l\u00e9sion", "le\u0301sion"


@pytest.fixture
def cells(tmp_path):
    shapes = [square(f"cell{number}", number, 0, number + 1, 1) for number in range(1, 6)]
    labelme(tmp_path / "in" / "x.json", *shapes, square("a*b", 6, 0, 7, 1))
    return tmp_path / "in"


def test_a_pattern_joins_numbered_labels(tmp_path, cells):
    first = run("convert", cells, "--out", tmp_path / "first")
    assert "numbered-labels" in first.stdout
    assert "--class 'cell*=1'" in first.stdout
    options = ("--class", "cell*=1", "--class", "cell5=2", "--class", "a[*]b=3")
    report = convert(cells, "--out", tmp_path / "out", *options)
    assert "numbered-labels" not in report["reasons"]
    assert [(one["id"], one["name"]) for one in report["classes"]] == [
        (0, "background"),
        (1, "cell"),
        (2, "cell5"),
        (3, "a*b"),
    ]
    assert pixels(tmp_path / "out" / "masks" / "x.png")[0].tolist() == [0, 1, 1, 1, 1, 2, 3, 0]
    again = ("--classes", tmp_path / "out" / "classes.json", "--out", tmp_path / "again")
    convert(cells, *again)
    assert (
        pixels(tmp_path / "again" / "masks" / "x.png")
        == pixels(tmp_path / "out" / "masks" / "x.png")
    ).all()


def test_patterns_of_two_classes_end_the_run(tmp_path, cells):
    options = ("--class", "cell*=1", "--class", "*5=2", "--class", "a*=3")
    result = run("convert", cells, "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert "'cell5' fits the patterns 'cell*' and '*5'" in result.stderr
    assert not (tmp_path / "out").exists()


def test_255_is_no_class(tmp_path, cells):
    result = run("convert", cells, "--out", tmp_path / "out", "--class", "CA=255")
    assert result.exit_code == 2
    assert "class 'CA' has the id 255, which is the void value" in result.stderr
    assert "NAME=void" in result.stderr


def test_the_class_file_of_another_tool_is_used_and_named(tmp_path, cells):
    file = tmp_path / "labels.txt"
    file.write_text("__ignore__\n_background_\n" + "".join(f"cell{n}\n" for n in (5, 4, 3, 2, 1)))
    result = run("convert", cells, "--out", tmp_path / "out", "--classes", file)
    assert result.exit_code == 2
    assert "1 label is in no class: 'a*b'" in result.stderr
    file.write_text(file.read_text() + "a*b\n")
    result = run("convert", cells, "--out", tmp_path / "out", "--classes", file)
    assert result.exit_code == 0
    assert "note: class-file (1)" in result.stdout
    assert "labels.txt of LabelMe: 6 classes" in result.stdout
    assert pixels(tmp_path / "out" / "masks" / "x.png")[0].tolist() == [0, 5, 4, 3, 2, 1, 6, 0]


def test_a_class_list_of_superannotate_beside_the_masks_is_not_replaced(tmp_path, cells):
    """It is a class file that is read, but not one that a conversion wrote."""
    listed = json.dumps([{"id": 1, "name": "cell", "color": "#000000"}])
    convert(cells, "--out", tmp_path / "out")
    (tmp_path / "out" / "classes.json").write_text(listed)
    result = run("convert", cells, "--out", tmp_path / "out", "--overwrite")
    assert result.exit_code == 2
    assert run("inspect", tmp_path / "out").exit_code == 2
    assert (tmp_path / "out" / "classes.json").read_text() == listed


def test_the_class_comes_from_another_key(tmp_path):
    labelme(
        tmp_path / "in" / "x.json",
        square("tooth", 0, 0, 1, 1, group_id=11),
        square("tooth", 1, 0, 2, 1, group_id=48),
    )
    found = run("inspect", tmp_path / "in")
    assert "Other keys that can hold a class (--class-from)" in found.stdout
    assert "group_id" in found.stdout
    report = convert(tmp_path / "in", "--out", tmp_path / "out", "--class-from", "group_id")
    assert report["reasons"]["numeric-labels"] == 1
    assert pixels(tmp_path / "out" / "masks" / "x.png")[0, :3].tolist() == [11, 48, 0]
    tried = run("inspect", tmp_path / "in", "--class-from", "group_id", "--json")
    assert [one["id"] for one in json.loads(tried.stdout)["classes"]] == [0, 11, 48]
    result = run("convert", tmp_path / "in", "--out", tmp_path / "no", "--class-from", "gruop_id")
    assert result.exit_code == 2
    assert "no shape has the key 'gruop_id'" in result.stderr
    assert "group_id" in result.stderr.partition("hint")[2]


def test_two_forms_of_a_letter_are_one_class(tmp_path):
    labelme(tmp_path / "in" / "x.json", square(NFC, 0, 0, 1, 1), square(NFD, 1, 0, 2, 1))
    report = convert(tmp_path / "in", "--out", tmp_path / "out")
    assert report["reasons"]["unicode-forms"] == 1
    assert pixels(tmp_path / "out" / "masks" / "x.png")[0, :3].tolist() == [1, 1, 0]
    convert(tmp_path / "in", "--out", tmp_path / "given", "--class", f"{NFD}=7")
    assert pixels(tmp_path / "given" / "masks" / "x.png")[0, :3].tolist() == [7, 7, 0]
    found = json.loads(run("inspect", tmp_path / "in", "--json").stdout)
    assert found["kinds"] == {"polygon": {NFC: 2}}


def test_a_very_long_table_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr("maskforge.cli.console._MOST_ROWS", 3)
    labelme(tmp_path / "x.json", *(square(label, 0, 0, 1, 1) for label in "abcdef"))
    output = run("inspect", tmp_path / "x.json").stdout
    assert "... and 3 more" in output
    assert "... and 2 more" not in output
