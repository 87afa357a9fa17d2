"""The folder of a run: what may be replaced, its record and its history."""

from __future__ import annotations

import csv

import pytest

from maskforge.errors import OutputExistsError, TrainingError
from maskforge.training.run_folder import (
    Epoch,
    RunRecord,
    Scores,
    check_run_folder,
    read_record,
    write_history,
    write_record,
)

SCORES = Scores(
    dice=0.25,
    iou=0.125,
    accuracy=0.5,
    class_dice={"caries, deep": 0.25, "crown": None},
    class_iou={"caries, deep": 0.125, "crown": None},
)


def run(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text("")
    write_record(folder, RunRecord(name=folder.name))
    return folder


def test_folders_that_a_run_may_take(tmp_path):
    check_run_folder(tmp_path / "new", overwrite=False)
    (tmp_path / "empty").mkdir()
    check_run_folder(tmp_path / "empty", overwrite=False)
    check_run_folder(run(tmp_path / "run"), overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_run_is_never_replaced(tmp_path, overwrite):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("precious")
    for name in ("file", "folder"):
        with pytest.raises(OutputExistsError, match=f"{name}: exists, and is not a run"):
            check_run_folder(tmp_path / name, overwrite=overwrite)


def test_a_run_is_replaced_only_if_asked(tmp_path):
    with pytest.raises(OutputExistsError, match=r"already holds a run\n.*--resume.*--overwrite"):
        check_run_folder(run(tmp_path / "run"), overwrite=False)


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = RunRecord(
        name="run",
        state="finished",
        classes=["background", "caries, deep", "crown"],
        validation=SCORES,
        seconds=12.5,
        warnings=["a", "b"],
        examples={"train": 3},
    )
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file.*\n.*hint: name a folder"),
        (b"", "is not the record of a run"),
        (b"[]", "is not the record of a run"),
        (b'{"name": 3}', "is not the record of a run.*name"),
        (b"\xff\xfe", "is not the record of a run"),
        (b'{"name": "x", "schema": 2}', "has the schema 2"),
    ],
)
def test_what_is_no_record(tmp_path, content, message):
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(TrainingError, match=f"run.json.*{message}"):
        read_record(tmp_path)


def test_the_history_has_a_column_for_every_score(tmp_path):
    epochs = [
        Epoch(epoch=1, loss=1.5, learning_rate=0.001, seconds=2, train=Scores(dice=0.1)),
        Epoch(epoch=2, loss=0.5, learning_rate=0.0, seconds=2, train=Scores(), validation=SCORES),
    ]
    write_history(tmp_path / "history.csv", epochs)
    with (tmp_path / "history.csv").open(newline="") as stream:
        first, second = csv.DictReader(stream)
    assert first["train_dice"] == "0.100000"
    assert first["validation_dice"] == first["validation_dice.crown"] == ""
    assert (second["epoch"], second["loss"], second["train_dice"]) == ("2", "0.5", "")
    assert second["validation_iou"] == "0.125000"
    assert second["validation_dice.caries, deep"] == "0.250000"
    assert second["validation_dice.crown"] == ""
