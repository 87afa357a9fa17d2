"""The command export, as it is typed."""

from __future__ import annotations

import json

from builders import labelme, run, square

import maskforge as mf


def test_the_report_tells_what_could_not_be_carried(tmp_path):
    shapes = [square("caries", 1, 1, 4, 4, group_id=3), square("x", 0, 0, 2, 2, score=0.5)]
    labelme(tmp_path / "in" / "a.json", *shapes)
    result = run("export", tmp_path / "in", "--format", "vott", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "1 of 1 images with 2 records written as vott." in result.output
    assert "What the format cannot hold" in result.output
    assert "scores" in result.output
    assert f"The files are in {tmp_path / 'out'}" in result.output


def test_the_report_for_programs(tmp_path):
    labelme(tmp_path / "in" / "a.json", square("caries", 1, 1, 4, 4))
    arguments = ("--format", "coco", "--out", tmp_path / "out", "--json")
    result = run("export", tmp_path / "in", *arguments)
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["format"], report["images"]["written"], report["schema"]) == ("coco", 1, 1)


def test_every_option_is_heard(tmp_path):
    labelme(tmp_path / "in" / "a.json", square("b", 1, 1, 4, 4), square("b", 6, 1, 7, 2))
    mf.convert(tmp_path / "in", tmp_path / "masks")
    out = tmp_path / "out"
    for extra in ([], ["--overwrite"]):
        result = run(
            *("export", tmp_path / "masks", "--format", "labelme", "--out", out, "--from", "auto"),
            *("--holes", "bitmap", "--image-files", "copy", "--min-area", "2"),
            *("--tolerance", "0", "--connectivity", "4", "--smoothing", "0", *extra),
        )
        assert result.exit_code == 0, result.output
    assert len(json.loads((out / "a.json").read_text())["shapes"]) == 1


def test_wrong_use(tmp_path):
    labelme(tmp_path / "in" / "a.json", square("caries", 1, 1, 4, 4))
    out = ("--out", tmp_path / "out")
    for arguments in (
        ("export", tmp_path / "in", *out),
        ("export", tmp_path / "in", "--format", "photoshop", *out),
        ("export", tmp_path / "none", "--format", "labelme", *out),
        ("export", tmp_path / "in", "--format", "coco", "--image-files", "embed", *out),
        ("export", tmp_path / "in", "--format", "labelme", "--tolerance", "-1", *out),
        ("export", tmp_path / "in", "--format", "labelme", "--class", "enamel=1", *out),
    ):
        result = run(*arguments)
        assert result.exit_code == 2, (arguments, result.output)
        assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()
