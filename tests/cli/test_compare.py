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
        iou = None if dice is None else dice / (2 - dice)
        scores = Scores(dice=dice, iou=iou, accuracy=0.99)
        write_record(tmp_path / name, RunRecord(**(record | fields), validation=scores))
    return tmp_path


def test_the_table_of_runs(runs):
    result = run("compare", runs)
    assert result.exit_code == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines() if " unet " in line]
    assert [line[0] for line in lines] == ["cv/fold-1", "cv", "first", "cv/fold-2", "second"]
    assert "cv (mean of 2 folds)" in result.stdout
    assert "second (interrupted)" in result.stdout
    for words in ("- / 0.500", "- / 0.333", "- / 0.990", "4 of 9", "1.5 min", "dice+bce"):
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


@pytest.mark.parametrize("part", ["train", "validation"])
@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (Scores(dice=0.663, iou=0.785), "Dice 0.663 with IoU 0.785"),
        (Scores(class_dice={"caries": 0.6}, class_iou={"caries": 0.5}), "scores of caries"),
        (Scores(class_dice={"caries": 1.5}), "never outside 0 to 1"),
    ],
)
def test_scores_that_no_masks_can_have_are_not_shown(runs, part, scores, words):
    """A mean of folds may be anywhere between; the scores of one class of one run may not."""
    record = RunRecord(name="x", network="unet", **{part: scores})
    write_record(runs / "first", record)
    result = run("compare", runs)
    assert result.exit_code == 1
    assert "first" not in result.stdout
    assert "cv" in result.stdout
    place = runs / "first" / "run.json"
    assert f"skipped: {place} $.{part}: has scores of" in result.stderr
    assert words in result.stderr
    assert run("compare", runs / "first").exit_code == 2


def test_a_mean_of_folds_lies_between_the_bounds(runs):
    """Dice 0 and 1 are the IoU 0 and 1: their means are equal."""
    scores = Scores(dice=0.5, iou=0.5, class_dice={"a": 0.5}, class_iou={"a": 0.5})
    write_record(runs / "cv", RunRecord(name="cv", folds=["fold-1", "fold-2"], validation=scores))
    assert run("compare", runs).exit_code == 0
    write_record(runs / "first", RunRecord(name="first", validation=scores))
    assert run("compare", runs).exit_code == 1


def test_no_run_at_all(tmp_path):
    for folder, reason in ((tmp_path, "holds no run"), (tmp_path / "none", "does not exist")):
        result = run("compare", folder)
        assert result.exit_code == 2
        assert reason in result.stderr
