"""``maskforge convert``: what it tells people and programs, and when it writes nothing."""

import json
import re

from builders import (
    assert_whole,
    convert,
    image,
    labelme,
    manifest,
    pixels,
    run,
    shape,
    square,
    tree,
    write_json,
)


def test_json_is_one_object_that_accounts_for_everything(tmp_path, both):
    labelme(tmp_path / "in" / "y.json", square("a", 0, 0, 1, 1), {"label": "a"}, 5)
    result = run("convert", tmp_path / "in", "--out", tmp_path / "out", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert result.stderr == ""
    assert set(report) == {
        "schema",
        "out",
        "shard",
        "written",
        "files",
        "images",
        "records",
        "partial",
        "matches",
        "reasons",
        "findings",
        "classes",
        "overlapped_pixels",
        "issues",
        "seconds",
    }
    assert report["written"] is True
    assert report["files"] == {"found": 2, "read": 2, "ignored": 0, "skipped": 0, "refused": 0}
    assert report["records"] == {
        "found": 5,
        "drawn": 3,
        "converted": 0,
        "void": 0,
        "ignored": 0,
        "skipped": 0,
        "refused": 2,
    }
    refused = [one for one in report["issues"] if one["level"] == "refused"]
    assert [one["pointer"] for one in refused] == ["$.shapes[1]", "$.shapes[2]"]
    assert all(one["file"].endswith("y.json") for one in refused)


def test_progress_is_told_in_plain_lines_on_stderr(tmp_path, monkeypatch):
    """With rate and remaining time, if stderr is not a terminal."""
    monkeypatch.setattr("maskforge.cli.console._SECONDS_BETWEEN_LINES", 1e-9)
    for number in range(4):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    result = run("convert", tmp_path / "in", "--out", tmp_path / "out", "--json")
    lines = result.stderr.splitlines()
    assert any(re.fullmatch(r"reading: 3 images, \d+ images/s", line) for line in lines)
    pattern = r"drawing: 3 images of 4, \d+ s left, \d+ images/s"
    assert any(re.fullmatch(pattern, line) for line in lines)
    assert json.loads(result.stdout)["images"]["drawn"] == 4


def test_unknown_labels_are_all_named_before_anything_is_written(tmp_path):
    labelme(tmp_path / "x.json", square("carries", 0, 0, 2, 2), square("enamel", 2, 0, 4, 2))
    labelme(tmp_path / "y.json", square("carries", 0, 0, 2, 2), square("pulp", 2, 0, 4, 2))
    options = ("--class", "caries=1", "--class", "enamel=2")
    result = run("convert", tmp_path, "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert "'carries' (2 shapes; did you mean 'caries'?), 'pulp' (1 shape)" in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


def test_labels_that_differ_in_case_are_pointed_out_or_joined(tmp_path):
    labelme(tmp_path / "x.json", square("Caries", 0, 0, 2, 2), square("caries ", 4, 0, 6, 2))
    report = convert(tmp_path / "x.json", "--out", tmp_path / "apart")
    assert report["reasons"]["similar-labels"] == 1
    assert pixels(tmp_path / "apart" / "masks" / "x.png").max() == 2
    report = convert(tmp_path / "x.json", "--out", tmp_path / "joined", "--fold-case")
    assert "similar-labels" not in report["reasons"]
    assert pixels(tmp_path / "joined" / "masks" / "x.png").max() == 1


def test_errors_name_file_place_value_and_remedy(tmp_path):
    labelme(tmp_path / "in" / "x.json", shape("a", [[1, 1], ["left" * 100, 2], [3, 3]]))
    result = run("convert", tmp_path / "in", "--out", tmp_path / "out")
    assert result.exit_code == 1
    (line,) = [one for one in result.stdout.splitlines() if "x.json" in one and "points" in one]
    assert "$.shapes[0].points[1][0]" in line
    assert "leftleft" in line
    assert len(line) < 400


def test_the_way_to_the_images_leads_through_links(tmp_path):
    """The path from a linked output folder starts at the real one."""
    image(tmp_path / "in" / "x.png")
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    (tmp_path / "disk" / "far" / "away").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "disk" / "far" / "away")
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    (line,) = manifest(tmp_path / "out")
    assert (tmp_path / "out" / line["image"]).samefile(tmp_path / "in" / "x.png")
    assert (tmp_path / "out" / line["source"]).samefile(tmp_path / "in" / "x.json")


def test_a_dry_run_tells_everything_and_writes_nothing(tmp_path, both):
    before = tree(tmp_path)
    result = run("convert", both, "--out", tmp_path / "out", "--dry-run")
    assert result.exit_code == 0
    assert "Nothing was written" in result.stdout
    report = convert(both, "--out", tmp_path / "out", "--dry-run")
    assert report["written"] is False
    assert report["records"]["drawn"] == 2
    assert {one["name"]: one["pixels"] for one in report["classes"]} == {
        "background": 32,
        "a": 7,
        "b": 9,
    }
    assert tree(tmp_path) == before


def test_a_dry_run_says_what_the_real_one_would(tmp_path, both):
    labelme(tmp_path / "in" / "y.json", square("c", 0, 0, 1, 1), {"label": "a"}, 5)
    dry = convert(tmp_path / "in", "--out", tmp_path / "out", "--dry-run")
    real = convert(tmp_path / "in", "--out", tmp_path / "out")
    for key in real.keys() - {"written", "seconds"}:
        assert dry[key] == real[key]


def test_strict_writes_nothing_if_anything_would_be_left_out(tmp_path, both):
    labelme(tmp_path / "in" / "y.json", shape("a", [[1, 1]], "point"))
    before = tree(tmp_path)
    result = run("convert", tmp_path / "in", "--out", tmp_path / "out", "--strict")
    assert result.exit_code == 1
    assert "no-area" in result.stdout
    assert "--strict" in result.stdout
    assert tree(tmp_path) == before


def test_strict_is_no_hindrance_to_what_is_whole(tmp_path, both):
    report = convert(both, "--out", tmp_path / "out", "--strict")
    assert report["written"] is True
    assert report["images"]["found"] == 1
    assert_whole(tmp_path / "out")


def test_unrelated_files_in_a_folder_are_named_and_skipped(tmp_path, both):
    write_json(tmp_path / "in" / "package.json", {"name": "something else"})
    result = run("convert", tmp_path / "in", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "package.json" in result.stdout
    assert "skipped: unknown-format (1)" in result.stdout
    assert "not labelme" in result.stdout


def test_a_truncated_file_costs_only_itself(tmp_path, both):
    whole = both.read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        (tmp_path / "in" / f"cut{length}.json").write_bytes(whole[:length])
    report = convert(tmp_path / "in", "--out", tmp_path / "out")
    assert report["files"] == {"found": 5, "read": 1, "ignored": 0, "skipped": 0, "refused": 4}
    assert report["reasons"] == {"unreadable-file": 4, "image-missing": 1}
    assert_whole(tmp_path / "out")
