"""The folder of a run: what may be replaced, its record and its history."""

from __future__ import annotations

import csv

import pytest

from maskforge.errors import OutputError, OutputExistsError, TrainingError
from maskforge.outputs.folder import OutputFolder
from maskforge.training.run_folder import (
    Epoch,
    RunRecord,
    Scores,
    check_run_folder,
    read_record,
    remove_run,
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


def check(folder, *, overwrite):
    with OutputFolder(folder) as locked:
        check_run_folder(locked, overwrite=overwrite)


def test_folders_that_a_run_may_take(tmp_path):
    check(tmp_path / "new", overwrite=False)
    (tmp_path / "empty").mkdir()
    check(tmp_path / "empty", overwrite=False)
    check(run(tmp_path / "run"), overwrite=True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_run_is_never_replaced(tmp_path, overwrite):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="file: is a file"):
        check(tmp_path / "file", overwrite=overwrite)
    with pytest.raises(OutputExistsError, match="folder: exists, and is not a run"):
        check(tmp_path / "folder", overwrite=overwrite)
    assert [one.name for one in (tmp_path / "folder").iterdir()] == ["thesis.txt"]


def test_a_run_is_replaced_only_if_asked(tmp_path):
    with pytest.raises(OutputExistsError, match=r"already holds a run\n.*--resume.*--overwrite"):
        check(run(tmp_path / "run"), overwrite=False)


def test_what_a_killed_run_left_can_be_replaced(tmp_path):
    run(tmp_path / "run")
    (tmp_path / "run" / "run.json").rename(tmp_path / "run" / ".maskforge.lock")
    with pytest.raises(OutputExistsError, match="already holds a run"):
        check(tmp_path / "run", overwrite=False)
    run(tmp_path / "again")
    (tmp_path / "again" / "run.json").rename(tmp_path / "again" / ".maskforge.lock")
    check(tmp_path / "again", overwrite=True)


def test_replacing_a_run_removes_its_own_files_alone(tmp_path):
    folder = run(tmp_path / "run")
    run(folder / "fold-1")
    ours = [
        "history.csv",
        "model.keras",
        "maskforge.json",
        "checkpoint.part",
        "overlays/best-1-x.png",
        "tensorboard/train/events.out.tfevents.1",
        "fold-1/overlays/worst-1-x.png",
    ]
    others = ["notes.txt", "overlays/mine.png", "fold-1/test/report.json", "fold-x/run.json"]
    elsewhere = tmp_path / "elsewhere"
    for name in [*(folder / one for one in ours + others), elsewhere / "best-1-x.png"]:
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text("content")
    (folder / "curves.png").symlink_to(elsewhere / "best-1-x.png")
    remove_run(folder)
    left = {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}
    assert left == {*others, "curves.png"}
    assert (elsewhere / "best-1-x.png").exists()


@pytest.mark.parametrize("name", ["overlays", "tensorboard", "fold-1", "fold-2/overlays"])
def test_a_run_is_not_written_through_a_link(tmp_path, name):
    folder = run(tmp_path / "run")
    run(folder / "fold-2")
    (tmp_path / "elsewhere").mkdir()
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=f"{name} *: is a link"):
        check(folder, overwrite=True)


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
