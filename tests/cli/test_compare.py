"""``maskforge compare``."""

import json

import pytest
from builders import run

from maskforge.training.run_folder import RunRecord, Scores, write_record


@pytest.fixture
def runs(tmp_path):
    """A run, one that was interrupted, and a cross-validation with its folds."""
    for name, dice, fields in (
        ("first", 0.5, {"epochs": 9, "best_epoch": 4, "seconds": 90}),
        ("second", None, {"state": "interrupted", "epochs": 1}),
        ("cv", 0.6, {"folds": ["fold-1", "fold-2"], "epochs": 9}),
        ("cv/fold-1", 0.7, {}),
        ("cv/fold-2", 0.4, {}),
    ):
        (tmp_path / name).mkdir()
        record = {"state": "finished", "network": "unet", "loss": "dice+bce", "name": "x"}
        scores = Scores(dice=dice, iou=0.25, accuracy=0.99)
        write_record(tmp_path / name, RunRecord(**(record | fields), validation=scores))
    return tmp_path


def test_the_table_of_runs(runs):
    result = run("compare", runs)
    assert result.exit_code == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines() if " unet " in line]
    assert [line[0] for line in lines] == ["cv/fold-1", "cv", "first", "cv/fold-2", "second"]
    assert "cv (mean of 2 folds)" in result.stdout
    assert "second (interrupted)" in result.stdout
    for words in ("- / 0.500", "- / 0.250", "- / 0.990", "4 of 9", "1.5 min", "dice+bce"):
        assert words in result.stdout


def test_as_json(runs):
    records = json.loads(run("compare", runs, "--json").stdout)
    assert [one["validation"]["dice"] for one in records] == [0.7, 0.6, 0.5, 0.4, None]


def test_broken_runs_are_skipped_and_named(runs):
    (runs / "first" / "run.json").write_text("{")
    (runs / "notes.txt").write_text("")
    result = run("compare", *sorted(runs.iterdir()))
    assert result.exit_code == 1
    assert "cv" in result.stdout
    assert result.stderr.count("skipped: ") == 2
    assert "is not the record of a run" in result.stderr
    assert "notes.txt: holds no run" in result.stderr


def test_no_run_at_all(tmp_path):
    for folder, reason in ((tmp_path, "holds no run"), (tmp_path / "none", "does not exist")):
        result = run("compare", folder)
        assert result.exit_code == 2
        assert reason in result.stderr
