"""The table of runs, and what the folds of one say together."""

from __future__ import annotations

import pytest

from maskforge.errors import TrainingError
from maskforge.training.compare import compare_runs
from maskforge.training.fold_summary import summarize
from maskforge.training.run_folder import RunRecord, Scores, write_record


def scores(dice, **per_class):
    return Scores(dice=dice, iou=None, accuracy=0.5, class_dice=per_class or {"a": dice})


def write(folder, dice, **fields):
    folder.mkdir(parents=True)
    record = RunRecord(name="x", state="finished", validation=scores(dice), **fields)
    write_record(folder, record)
    return folder


def names(records):
    return [one.name for one in records]


def test_the_best_comes_first_and_the_undefined_last(tmp_path):
    for name, dice in {"b": 0.5, "c": 0.0, "a": 0.5, "d": None, "e": 0.75}.items():
        write(tmp_path / name, dice)
    assert names(compare_runs([tmp_path])) == ["e", "a", "b", "c", "d"]
    assert compare_runs(str(tmp_path)) == compare_runs([tmp_path])


def test_a_run_that_is_named_twice_is_listed_once(tmp_path):
    run = write(tmp_path / "runs" / "a", 0.5)
    assert names(compare_runs([run, tmp_path, run])) == ["a"]
    assert names(compare_runs([tmp_path])) == ["runs/a"]


def test_folds_stand_beside_their_mean(tmp_path):
    write(tmp_path / "cv", 0.5, folds=["fold-1", "fold-2"])
    write(tmp_path / "cv" / "fold-1", 0.4)
    write(tmp_path / "cv" / "fold-2", 0.6)
    assert names(compare_runs([tmp_path])) == ["cv/fold-2", "cv", "cv/fold-1"]


def test_broken_runs_are_named(tmp_path):
    good = write(tmp_path / "good", 0.5)
    bad = write(tmp_path / "bad", 0.5)
    (bad / "run.json").write_text("{")
    (tmp_path / "empty").mkdir()
    folders = [tmp_path / "empty", tmp_path / "none", bad, good]
    for folder in folders[:-1]:
        with pytest.raises(TrainingError, match=folder.name):
            compare_runs([folder])
    problems = []
    assert names(compare_runs(folders, problem=problems.append)) == ["good"]
    assert [str(one.origin.file.name) for one in problems] == ["empty", "none", "run.json"]


def test_the_mean_of_folds():
    """A score that is undefined in a fold is no part of the mean."""
    parts = [
        RunRecord(
            name="fold-1",
            network="unet",
            seconds=10,
            epochs=3,
            peak_memory=5,
            validation=scores(0.5, a=0.5, b=None),
            train=scores(None),
            warnings=["careful"],
        ),
        RunRecord(
            name="fold-2",
            seconds=20,
            epochs=2,
            peak_memory=7,
            validation=scores(0.7, a=0.8, b=0.6),
            train=scores(0.9),
        ),
    ]
    summary = RunRecord(name="cv", folds=["fold-1", "fold-2"])
    summarize(summary, parts)
    assert summary.network == "unet"
    assert (summary.seconds, summary.epochs, summary.peak_memory) == (30, 3, 7)
    assert summary.validation.dice == pytest.approx(0.6)
    assert summary.validation.class_dice == pytest.approx({"a": 0.65, "b": 0.6})
    assert summary.validation.iou is None
    assert summary.train.dice == 0.9
    assert summary.warnings == ["fold-1: careful"]


def test_before_the_first_fold_there_is_no_mean():
    summary = RunRecord(name="cv", folds=["fold-1"])
    summarize(summary, [])
    assert summary == RunRecord(name="cv", folds=["fold-1"])
