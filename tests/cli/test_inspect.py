"""``maskforge inspect`` on annotation files and on folders of masks."""

import json

import pytest
from builders import (
    corners,
    image,
    instance,
    labelme,
    manifest,
    region,
    run,
    shape,
    square,
    superannotate,
    tree,
    vott,
)


@pytest.fixture
def source(tmp_path):
    """Two images of LabelMe, one of SuperAnnotate, three of VoTT; with findings of every level."""
    folder = tmp_path / "in"
    image(folder / "l" / "x.png")
    labelme(
        folder / "l" / "x.json",
        square("b", 1, 1, 4, 4),
        square("a", 3, 2, 6, 5),
        shape("a", [[2, 2], [3, 2]], "circle"),
        shape("a", [[1, 1]], "point"),
        shape("a", corners(1, 1, 2, 2), "heart"),
    )
    labelme(folder / "l" / "y.json", square("b", 0, 0, 1, 1), width=10, height=10)
    superannotate(folder / "s" / "z.png.json", instance("a", corners(0, 0, 2, 2)))
    assets = {"v.jpg": (2, [region(["b", "a"], corners(0, 0, 8, 1))]), "e.jpg": (1, [])}
    vott(folder / "v", assets | {"n.jpg": (0, [])})
    return folder


def inspect(*arguments):
    result = run("inspect", *arguments, "--json")
    assert result.stderr == ""
    return result.exit_code, json.loads(result.stdout)


def test_a_source_is_shown_as_it_would_be_converted(source, tmp_path):
    before = tree(tmp_path)
    code, found = inspect(source)
    assert code == 1
    assert found["kind"] == "annotations"
    assert found["images"] == {
        "found": 6,
        "drawn": 4,
        "partial": 1,
        "ignored": 1,
        "refused": 0,
        "image_missing": 5,
        "annotated": 4,
        "empty": 1,
        "unvisited": 1,
    }
    assert found["formats"] == {"labelme": 2, "superannotate": 1, "vott": 3}
    assert found["records"] == {
        "found": 8,
        "drawn": 5,
        "converted": 1,
        "void": 0,
        "ignored": 0,
        "skipped": 1,
        "refused": 1,
    }
    assert found["kinds"] == {
        "POLYGON": {"a": 1, "b": 1},
        "circle": {"a": 1},
        "point": {"a": 1},
        "polygon": {"a": 2, "b": 2},
    }
    classes = [(one["id"], one["name"], one["images"], one["shapes"]) for one in found["classes"]]
    assert classes == [(0, "background", 5, 0), (1, "a", 2, 3), (2, "b", 3, 3)]
    assert sum(one["pixels"] for one in found["classes"]) == 4 * 48 + 100
    assert found["sizes"] == [
        {"width": 8, "height": 6, "images": 5},
        {"width": 10, "height": 10, "images": 1},
    ]
    problems = {one["code"]: (one["level"], one["count"]) for one in found["problems"]}
    assert problems == {
        "unknown-kind": ("refused", 1),
        "no-area": ("skipped", 1),
        "image-missing": ("note", 5),
        "several-labels": ("note", 1),
        "unvisited": ("ignored", 1),
    }
    assert [one["level"] for one in found["problems"]] == [
        "refused",
        "skipped",
        "note",
        "note",
        "ignored",
    ]
    assert all(one["meaning"] and one["examples"] for one in found["problems"])
    assert tree(tmp_path) == before


def test_a_source_and_the_masks_made_of_it_look_alike(source, tmp_path):
    run("convert", source, "--out", tmp_path / "out")
    code, of_source = inspect(source)
    _, of_masks = inspect(tmp_path / "out")
    assert of_masks["kind"] == "dataset"
    for key in of_source.keys() - {"kind", "problems"}:
        assert of_source[key] == of_masks[key], key

    def problems(found):
        return [(one["code"], one["level"], one["count"]) for one in found["problems"]]

    assert problems(of_source) == problems(of_masks)
    assert code == 1


@pytest.mark.parametrize("encoding", ["onehot", "multihot"])
def test_masks_of_every_encoding_can_be_inspected(source, tmp_path, encoding):
    options = ("--encoding", encoding, "--file-type", "npy")
    run("convert", source, "--out", tmp_path / "out", *options)
    _, found = inspect(tmp_path / "out")
    pixels = {one["name"]: one["pixels"] for one in found["classes"]}
    lines = [line["pixels"] for line in manifest(tmp_path / "out")]
    assert pixels == {
        name: sum(line.get(name, 0) for line in lines) for name in ("background", "a", "b")
    }


def test_problems_of_whole_files_are_counted(tmp_path):
    labelme(tmp_path / "x.json", square("a", 0, 0, 1, 1))
    for number in range(5):
        (tmp_path / f"broken{number}.json").write_text("[")
    (tmp_path / "other.json").write_text("{}")
    code, found = inspect(tmp_path)
    assert code == 1
    problems = {one["code"]: one for one in found["problems"]}
    assert problems["unreadable-file"]["count"] == 5
    assert len(problems["unreadable-file"]["examples"]) == 3
    assert problems["unknown-format"]["level"] == "skipped"


def test_an_unvisited_video_is_not_lost_from_the_findings(tmp_path):
    """The reader reports it with the file, for it is not an image."""
    vott(tmp_path, {"clip.mp4": (0, [])}, type=2)
    result = run("inspect", tmp_path, "--json")
    assert [one["code"] for one in json.loads(result.stdout)["problems"]] == ["video"]


def test_a_class_map_can_be_tried(tmp_path):
    labelme(tmp_path / "x.json", square("a", 0, 0, 1, 1))
    _, found = inspect(tmp_path, "--class", "a=7")
    assert [one["id"] for one in found["classes"]] == [0, 7]
    result = run("inspect", tmp_path, "--class", "b=7")
    assert result.exit_code == 2
    assert "'a' (1 shape" in result.stderr


def test_people_get_tables(source):
    output = run("inspect", source).stdout
    for text in ("Images", "Shapes", "Classes", "Sizes in pixels", "Findings", "8 x 6", "circle"):
        assert text in output
    assert "unknown-kind" in output


def test_inspecting_does_not_mind_what_lies_in_the_working_folder(source, tmp_path, monkeypatch):
    (tmp_path / "masks").mkdir()
    (tmp_path / "manifest.jsonl").write_text("nonsense")
    monkeypatch.chdir(tmp_path)
    code, found = inspect("in")
    assert code == 1
    assert found["images"]["found"] == 6


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("nonsense\n", "is not a manifest"),
        ("{}\n", "is not a manifest"),
        ('{"mask": "../../etc/passwd"}\n', "is not a manifest"),
    ],
)
def test_a_damaged_manifest_is_named(source, tmp_path, content, text):
    run("convert", source, "--out", tmp_path / "out")
    (tmp_path / "out" / "manifest.jsonl").write_text(content)
    result = run("inspect", tmp_path / "out")
    assert result.exit_code == 2
    assert text in result.stderr
    assert "manifest.jsonl line 1" in result.stderr
