"""What else lies in a folder of annotations, and one cause that hits many images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import convert, image, labelme, run, shape, square, write_json

from maskforge.limits.allowance import FACTOR, Limit

HEADER = "image,xmin,ymin,xmax,ymax,label"


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    image(tmp_path / "in" / "x.png")
    return tmp_path / "in"


def test_hidden_files_are_passed_over_and_counted_once(healthy, tmp_path):
    (healthy / "._x.json").write_bytes(b"\0\5\x16\7 Mac OS X")
    (healthy / ".DS_Store").write_bytes(b"\0")
    (healthy / "__MACOSX" / "in").mkdir(parents=True)
    (healthy / "__MACOSX" / "in" / "._x.png").write_bytes(b"\0")
    (healthy / ".vscode").mkdir()
    (healthy / ".vscode" / "settings.json").write_text("{ // none\n}")
    labelme(healthy / ".ipynb_checkpoints" / "x-checkpoint.json", square("b", 1, 1, 4, 4))
    report = convert(healthy, "--out", tmp_path / "out")
    assert report["reasons"] == {"hidden-files": 1}
    assert report["issues"][0]["message"].endswith(": 4")
    assert report["files"] == {"found": 1, "read": 1, "ignored": 0, "skipped": 0, "refused": 0}


def test_hidden_files_without_annotations_are_not_worth_a_word(healthy, tmp_path):
    (healthy / ".DS_Store").write_bytes(b"\0")
    (healthy / ".git").mkdir()
    (healthy / ".git" / "HEAD").write_text("ref: refs/heads/main")
    assert convert(healthy, "--out", tmp_path / "out")["reasons"] == {}


def test_a_hidden_folder_can_be_the_source(tmp_path):
    labelme(tmp_path / ".in" / "x.json", square("a", 1, 1, 4, 4))
    assert convert(tmp_path / ".in", "--out", tmp_path / "out")["images"]["drawn"] == 1


@pytest.mark.parametrize(
    "content", ['{\n  // a comment\n  "a": 1,\n}', "key: value", "<html></html>", "\x89PNG\r\n"]
)
def test_a_file_of_no_format_does_not_fail_a_folder(healthy, tmp_path, content):
    (healthy / "settings.json").write_bytes(content.encode("latin-1"))
    result = run("convert", healthy, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "skipped: unreadable-file (1)" in result.stdout
    assert run("convert", healthy / "settings.json", "--out", tmp_path / "one").exit_code == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("y.json", '{"shapes": [}], "imagePath": "y.png"}'),
        ("y.json", '{"instances": [{]}'),
        ("y.json", ""),
        ("y.json", '{"a": [1, 2'),
        ("x.json", "{]}"),
        ("y.vott", "{]}"),
        ("0a-asset.json", "{]}"),
        ("y.png___objects.json", "{]}"),
        ("y.csv", f'{HEADER}\n"open'),
    ],
)
def test_a_damaged_annotation_file_fails_it(healthy, tmp_path, name, content):
    (healthy / name).write_text(content)
    result = run("convert", healthy, "--out", tmp_path / "out")
    assert result.exit_code == (2 if name == "x.json" else 1)
    assert "refused: unreadable-file (1)" in result.stdout


@pytest.mark.parametrize("column", ["confidence", "Score", "probability"])
def test_the_results_of_a_detector_are_not_annotations(healthy, tmp_path, column):
    table = healthy / "results.csv"
    table.write_text(f"{HEADER},{column}\nx.png,1,1,8,6,a,0.31\n")
    report = convert(healthy, "--out", tmp_path / "out")
    assert report["images"]["found"] == 1
    assert report["reasons"] == {"unknown-format": 1}
    result = run("convert", table, "--out", tmp_path / "one")
    assert result.exit_code == 2
    assert "the results of a detector, not annotations" in result.stdout


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("x.png,1,1,4,4,a", HEADER, "x.png,5,1,7,4,b"), id="with a line break"),
        pytest.param((f"x.png,1,1,4,4,a{HEADER}", "x.png,5,1,7,4,b"), id="without one"),
        pytest.param(
            ('"x.png",1,1,4,4,"a""image","xmin","ymin","xmax","ymax","label"', "x.png,5,1,7,4,b"),
            id="in quotes",
        ),
    ],
)
def test_tables_that_were_joined_are_read_and_noted_once(healthy, tmp_path, lines):
    table = tmp_path / "in" / "t.csv"
    table.write_text("\n".join((HEADER, *lines)))
    report = convert(table, "--out", tmp_path / "out")
    assert {one["name"]: one["pixels"] for one in report["classes"]} == {
        "background": 33,
        "a": 9,
        "b": 6,
    }
    assert report["reasons"] == {"lenient": 1, "lossy-source": 1}


def test_decimal_commas_count_where_semicolons_separate(healthy, tmp_path):
    text = f"{HEADER}\nx.png,1.0,1,4,4,4,5".replace(",", ";").replace("4;5", "1,5")
    (healthy / "t.csv").write_text(text.replace("1.0", "1,0"))
    report = convert(healthy / "t.csv", "--out", tmp_path / "out")
    assert [one["name"] for one in report["classes"]] == ["background", "1,5"]
    assert report["classes"][1]["pixels"] == 9


# --- One cause


def damaged(folder: Path, count: int, points: object) -> None:
    for index in range(count):
        labelme(folder / f"{index:02}.json", square("a", 1, 1, 4, 4), shape("a", points))


def test_one_cause_is_told_once_with_a_count(tmp_path):
    damaged(tmp_path / "in", 12, [[0, 0], [5, "left"], [5, 5]])
    result = run("convert", tmp_path / "in", "--out", tmp_path / "out")
    lines = result.stdout.splitlines()
    start = lines.index("refused: invalid-coordinates (12)")
    assert [".json $.shapes[1]" in line for line in lines[start + 1 : start + 4]] == [True] * 3
    assert lines[start + 4] == "  ... and 9 more like these"
    start = lines.index("note: image-missing (12)")
    assert lines[start + 4] == "  ... and 9 more; --json names them"
    assert sum("hint: name the folder of the images" in line for line in lines) == 1


def test_small_damage_is_told_piece_by_piece(tmp_path):
    damaged(tmp_path / "in", 10, [[0, 0], [5, "left"], [5, 5]])
    labelme(tmp_path / "in" / "y.json", shape("a", [[0, None], [5, 5], [5, 0]]))
    result = run("convert", tmp_path / "in", "--out", tmp_path / "out")
    lines = result.stdout.splitlines()
    start = lines.index("refused: invalid-coordinates (11)")
    places = [line.split()[0][-7:] for line in lines[start + 1 : start + 12]]
    assert sorted(places) == sorted([*(f"{one:02}.json" for one in range(10)), "/y.json"])


def test_the_report_has_the_same_groups(tmp_path):
    damaged(tmp_path / "in", 12, [[0, 0], [5, "left"], [5, 5]])
    report = convert(tmp_path / "in", "--out", tmp_path / "out")
    refused, missing = report["findings"]
    assert (refused["level"], refused["code"], refused["count"]) == (
        "refused",
        "invalid-coordinates",
        12,
    )
    assert len(refused["examples"]) == 10
    assert missing["kind"] == "the image … was not found"
    assert missing["count"] == 12
    assert len(report["issues"]) == 24


def test_very_many_kinds_of_messages_stay_few_groups(tmp_path):
    words = [f"{'abcdefghij'[one % 10]}{'klmnopqrst'[one // 10]}" for one in range(40)]
    shapes = [shape("a", [[0, 0], [5, 5], [5, 0]], word) for word in words]
    labelme(tmp_path / "in" / "x.json", *shapes)
    labelme(tmp_path / "in" / "y.json", *(shape(word, [[0, 0]], word) for word in words))
    report = convert(tmp_path / "in", "--out", tmp_path / "out")
    assert sum(one["count"] for one in report["findings"]) == len(report["issues"])
    assert len(report["findings"]) < 25
    assert json.dumps(report["findings"])


# --- Limits


def test_a_file_beyond_the_limit_costs_only_itself(healthy, tmp_path, monkeypatch):
    write_json(healthy / "y.json", {"shapes": [], "imagePath": "y.png", "x": "y" * 3000})
    monkeypatch.setattr(Limit.FILE_BYTES, "most", 2000)
    report = convert(healthy, "--out", tmp_path / "out")
    assert (report["images"]["drawn"], report["files"]["refused"]) == (1, 1)
    assert report["reasons"]["file-too-large"] == 1
    monkeypatch.setenv(FACTOR, "5")
    report = convert(healthy, "--out", tmp_path / "all")
    assert report["files"]["read"] == 2


def test_an_image_beyond_the_limit_costs_only_itself(healthy, tmp_path, monkeypatch):
    monkeypatch.setattr(Limit.RECORDS, "most", 3)
    rows = [HEADER, *(f"y.png,{one},1,4,4,a" for one in range(4)), "x.png,5,1,7,4,b"]
    (healthy / "t.csv").write_text("\n".join(rows))
    report = convert(healthy / "t.csv", "--out", tmp_path / "out")
    assert (report["images"]["drawn"], report["images"]["refused"]) == (1, 1)
    assert report["reasons"]["too-many-shapes"] == 1


def test_an_unknown_encoding_is_refused(healthy, tmp_path):
    result = run("convert", healthy, "--out", tmp_path / "out", "--text-encoding", "klingon")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()
