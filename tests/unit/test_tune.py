"""Searches for options, with trainings that are only played: what is tried, kept and said."""

from __future__ import annotations

import json
import shutil
import sqlite3

import msgspec
import numpy as np
import pytest
from builders import run
from kills import Killed
from training_runs import DISC, discs, write

import maskforge as mf
from maskforge.errors import (
    DatasetError,
    MissingDependencyError,
    OptionError,
    OutputError,
    OutputExistsError,
    TrainingError,
)
from maskforge.evaluation.difference import DiceDifference
from maskforge.examples.example import ExampleSet
from maskforge.training.configfile import build_options, dump_config, read_config
from maskforge.training.run_folder import (
    Epoch,
    RunRecord,
    Scores,
    TrainingStopped,
    read_record,
    write_record,
)
from maskforge.training.tuning import search
from maskforge.training.tuning.tune_report import TuneReport, shown, verdict

pytest.importorskip("optuna", reason="NO SEARCHES: install maskforge[tune]")

RATE = "learning_rate=0.0001..0.01"
TRAIN = {"epochs": 3, "patience": 0, "split": {"validation": 0.25, "test": 0.25}}


class Played:
    """Plays trainings whose score rises with the epochs, the more the nearer the rate is to 0.004.

    Each epoch takes ten seconds of a clock that the search looks at.
    """

    def __init__(self):
        self.now = 0.0
        self.begun = []
        self.epochs = []
        self.fail = {}
        self.at = {}

    def score(self, rate, epoch):
        return 0.9 - abs(rate - 0.004) * 50 - 0.1 / epoch

    def train(self, examples, folder, options, *, progress, log, watch, overwrite=True):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(dump_config(options))
        write_record(folder, RunRecord(name=folder.name))
        self.begun.append(folder.name)
        return self.go_on(folder, examples, progress=progress, log=log, watch=watch)

    def go_on(self, folder, examples, *, progress, log, watch):
        number = int(folder.name)
        options = build_options(read_config(folder / "config.toml"))
        assert options.split.file is not None
        record = read_record(folder)
        done = record.epochs
        if number in self.fail:
            raise self.fail[number]
        try:
            for epoch in range(1, options.epochs + 1):
                dice = self.score(options.learning_rate, epoch)
                told = Epoch(
                    epoch=epoch,
                    loss=1.0,
                    learning_rate=options.learning_rate,
                    seconds=10.0,
                    train=Scores(),
                    validation=Scores(dice=dice),
                )
                if epoch > done:
                    progress(f"epoch {epoch}", 1, 2)
                    if act := self.at.pop((number, epoch), None):
                        act()
                    self.now += 10
                    progress(f"epoch {epoch}", 2, 2)
                    self.epochs.append((number, epoch))
                record.epochs = epoch
                (folder / "checkpoint.npz").write_bytes(b"state")
                write_record(folder, record)
                watch(told)
        except TrainingStopped:
            record.state = "stopped"
        except KeyboardInterrupt:
            record.state = "interrupted"
        else:
            (folder / "checkpoint.npz").unlink()
            record.state = "finished"
        if record.state != "stopped":
            (folder / "overlays").mkdir(exist_ok=True)
            (folder / "overlays" / "best-1.png").write_bytes(b"image")
            (folder / "model.keras").write_bytes(b"weights of " + folder.name.encode())
            (folder / "maskforge.json").write_bytes(b"{}")
        write_record(folder, record)
        return record


def play(monkeypatch):
    """Let searches play their trainings, and return what they play."""
    one = Played()
    monkeypatch.setattr(search, "begin_training", one.train)
    monkeypatch.setattr(search, "continue_training", one.go_on)
    monkeypatch.setattr("time.monotonic", lambda: one.now)

    def difference(given, best, seed):
        one.compared = (given, best)
        return DiceDifference(
            images=3, before=0.5, after=0.6, difference=0.1, interval=(0.05, 0.15), notes=("few",)
        )

    monkeypatch.setattr("maskforge.training.tuning.tune.dice_difference", difference)
    monkeypatch.setattr(
        "maskforge.training.tuning.tune.evaluate", lambda place, *_, **others: place
    )
    return one


@pytest.fixture
def played(monkeypatch):
    return play(monkeypatch)


@pytest.fixture(scope="module")
def whole(examples, tmp_path_factory):
    """A search that nobody ended."""
    with pytest.MonkeyPatch.context() as patch:
        play(patch)
        return tune(examples, tmp_path_factory.mktemp("whole"), trials=4, prune=False)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return discs(tmp_path_factory.mktemp("discs"), 8)


def dark(folder):
    """Return examples without any disc."""
    blank = np.zeros((32, 32), np.uint8)
    found = (write(folder, f"x{number}", blank + number, blank) for number in range(8))
    return ExampleSet(tuple(found), DISC, "dark")


def tune(examples, out, **keywords):
    chosen = {"search": [RATE], "startup": 2, "train": TRAIN, **keywords}
    return mf.tune(examples, out, **chosen)


def values(report):
    return [one.values["learning_rate"] for one in report.trials]


def states(report):
    return [one.state for one in report.trials]


def test_a_search_finds_better_options_and_keeps_two_models(played, examples, tmp_path):
    out = tmp_path / "out"
    report = tune(examples, out, trials=9)
    assert played.begun == [f"{number:04}" for number in range(9)]
    assert values(report)[0] == 0.001
    assert all(1e-4 <= one <= 1e-2 for one in values(report))
    for one in report.trials:
        expected = max(played.score(one.values["learning_rate"], n + 1) for n in range(one.epochs))
        assert one.score == pytest.approx(expected)
    assert set(states(report)) == {"finished", "pruned"}
    best = max((one for one in report.trials if one.state == "finished"), key=lambda one: one.score)
    assert best.score == max(one.score for one in report.trials)
    assert report.best == best.number > 0
    assert report.gain == pytest.approx(best.score - report.trials[0].score)
    models = sorted(path.parent.name for path in out.glob("trials/*/model.keras"))
    assert models == ["0000", f"{best.number:04}"]
    assert not list(out.glob("trials/*/checkpoint.*"))
    assert len(list(out.glob("trials/*/overlays"))) == 2
    assert len(list(out.glob("trials/*/config.toml"))) == 9
    assert (out / "best/model.keras").read_bytes() == f"weights of {best.number:04}".encode()
    configuration = build_options(read_config(out / "best" / "config.toml"))
    assert configuration.learning_rate == best.values["learning_rate"]
    assert played.compared == (out / "trials/0000", out / "best")
    assert msgspec.json.decode((out / "tune.json").read_bytes(), type=TuneReport) == report
    assert (report.state, report.exit_code, report.notes) == ("finished", 0, ("few",))
    assert report.space == {"learning_rate": "0.0001..0.01"}
    assert not (out / ".maskforge.lock").exists()


def test_a_trial_is_stopped_when_it_is_behind_the_others(played, examples, tmp_path):
    """From the second epoch on: the first says little; and never after the last."""
    report = tune(examples, tmp_path / "out", trials=9)
    pruned = [one for one in report.trials if one.state == "pruned"]
    for one in pruned:
        others = [other for other in report.trials if other.number < one.number]
        at = sorted(
            played.score(other.values["learning_rate"], one.epochs)
            for other in others
            if other.epochs >= one.epochs
        )
        assert one.epochs == 2
        assert one.number >= 2
        assert one.score < (at[len(at) // 2] + at[(len(at) - 1) // 2]) / 2
        assert one.reason == f"behind the median of the others after epoch {one.epochs}"
        assert read_record(tmp_path / "out/trials" / f"{one.number:04}").state == "stopped"
    assert pruned
    whole = tune(examples, tmp_path / "whole", trials=4, prune=False)
    assert states(whole) == ["finished"] * 4


@pytest.mark.parametrize(
    ("end", "at"), [(Killed, (0, 1)), (Killed, (2, 3)), (KeyboardInterrupt, (2, 2))]
)
def test_a_search_that_was_ended_goes_on(whole, played, examples, tmp_path, end, at):
    """What is tried, and what comes of it, is what it would have been."""

    def ending():
        raise end

    played.at = {at: ending}
    if end is Killed:
        with pytest.raises(Killed):
            tune(examples, tmp_path / "out", trials=4, prune=False)
        assert not (tmp_path / "out" / "tune.json").exists()
    else:
        first = tune(examples, tmp_path / "out", trials=4, prune=False)
        assert (first.state, states(first)[-1]) == ("interrupted", "unfinished")
        assert len(first.trials) == at[0] + 1
    report = tune(examples, tmp_path / "out", trials=4, prune=False)
    assert report.trials == whole.trials
    assert report.best == whole.best
    assert sorted(played.epochs) == [(n, epoch) for n in range(4) for epoch in range(1, 4)]


def test_a_finished_search_says_the_same_again_and_more_trials_go_on(played, examples, tmp_path):
    first = tune(examples, tmp_path / "out", trials=3)
    again = tune(examples, tmp_path / "out", trials=3)
    assert msgspec.structs.replace(again, seconds=0) == msgspec.structs.replace(first, seconds=0)
    assert len(played.begun) == 3
    more = tune(examples, tmp_path / "out", trials=5)
    assert more.trials[:3] == first.trials
    assert len(more.trials) == 5


def test_the_time_is_that_of_all_sittings(played, examples, tmp_path):
    """75 seconds are two trials of three epochs and another epoch; 10 more are one more."""
    report = tune(examples, tmp_path / "out", time=75, prune=False)
    assert states(report) == ["finished", "finished", "unfinished"]
    assert report.trials[2].epochs == 1  # another one would end too late
    assert report.seconds == 70
    assert (tmp_path / "out/trials/0002/checkpoint.npz").is_file()
    played.now = 1000.0
    more = tune(examples, tmp_path / "out", time=85, prune=False)
    assert more.trials[2].epochs == 2
    assert more.seconds == 80
    played.now = 5000.0
    last = tune(examples, tmp_path / "out", time=95, prune=False)
    assert states(last)[:3] == ["finished"] * 3
    assert len(played.epochs) == 9


def test_no_time_at_all(played, examples, tmp_path):
    report = tune(examples, tmp_path / "out", time=0)
    assert (report.trials, report.best, report.exit_code) == ((), None, 1)
    assert "No trial has finished" in report.verdict[0]
    few = tune(examples, tmp_path / "out", time=45)
    assert states(few) == ["finished", "unfinished"]
    assert few.exit_code == 1
    assert "Only the trial with the given options has finished" in few.verdict[0]


def test_an_epoch_that_takes_too_long_is_ended(played, examples, tmp_path):
    """Nobody knows before the first epoch how long it takes."""
    played.at = {(1, 1): lambda: setattr(played, "now", 500.0)}
    report = tune(examples, tmp_path / "out", time=100)
    assert states(report) == ["finished", "unfinished"]
    assert report.trials[1].epochs == 0


def test_what_fails_is_noted_and_the_search_goes_on(played, examples, tmp_path):
    memory = TrainingError("there is not enough memory on the device", hint="smaller")
    played.fail = {1: memory, 3: ValueError("of the\n  framework"), 4: ZeroDivisionError()}
    report = tune(examples, tmp_path / "out", trials=6, prune=False)
    assert states(report) == ["finished", "failed", "finished", *["failed"] * 2, "finished"]
    reasons = [one.reason for one in report.trials if one.state == "failed"]
    assert reasons == [memory.message, "of the framework", "ZeroDivisionError"]
    assert f"trial 1 failed: {memory.message}" in list(shown(report))


def test_what_would_fail_always_is_raised(played, examples, tmp_path):
    played.fail = {0: TrainingError("the loss is not finite")}
    with pytest.raises(TrainingError, match="not finite"):
        tune(examples, tmp_path / "out", trials=5)
    played.fail = {1: OutputError("the disk is full")}
    with pytest.raises(OutputError, match="full"):
        tune(examples, tmp_path / "out", trials=5)
    assert len(tune(examples, tmp_path / "none", trials=1).trials) == 1
    played.fail = {number: TrainingError("no") for number in range(1, 99)}
    report = tune(examples, tmp_path / "all", time=1e6)
    assert states(report) == ["finished", *["failed"] * 10]
    assert report.notes[0] == "WARNING: 10 trials in a row failed, the last one: no"
    assert report.exit_code == 1


def test_a_trial_that_ends_the_process_is_given_up(played, examples, tmp_path):
    """As when the system ends a process that takes all memory."""

    def killing():
        raise Killed

    for _ in range(2):
        played.at = {(1, 1): killing}
        with pytest.raises(Killed):
            tune(examples, tmp_path / "out", trials=3, prune=False)
    report = tune(examples, tmp_path / "out", trials=3, prune=False)
    assert states(report) == ["finished", "failed", "finished"]
    assert report.trials[1].reason == "the process was killed in it 2 times"


def test_a_search_ends_when_all_was_tried(played, examples, tmp_path, monkeypatch):
    monkeypatch.setattr("maskforge.training.tuning.study._MOST_REPEATED", 8)
    report = tune(examples, tmp_path / "out", time=1e6, search=["learning_rate=0.001,0.004,0.009"])
    assert sorted(values(report)) == [0.001, 0.004, 0.009]
    best = next(one for one in report.trials if one.number == report.best)
    assert best.values == {"learning_rate": 0.004}
    assert report.notes[0] == "hardly anything is left that was not tried"
    assert played.begun == [f"{one.number:04}" for one in report.trials]


def test_a_given_value_outside_of_what_is_searched(played, examples, tmp_path):
    train = {**TRAIN, "learning_rate": 0.5, "weight_decay": 0.25}
    chosen = ["learning_rate=0.003..0.005", "weight_decay=0..0.1"]
    report = tune(examples, tmp_path / "out", trials=4, train=train, search=chosen)
    assert report.trials[0].values == {"learning_rate": 0.5, "weight_decay": 0.25}
    assert all(0.003 <= one <= 0.005 for one in values(report)[1:])


def test_other_options_are_not_those_of_the_search(played, examples, tmp_path):
    tune(examples, tmp_path / "out", trials=2)
    for changed, message in (
        ({"train": {**TRAIN, "epochs": 6}}, "epochs was 3 and is 6"),
        ({"train": {**TRAIN, "schedule": "constant"}}, "schedule was 'cosine' and is 'constant'"),
        ({"search": ["learning_rate=0.001..0.01"]}, "was '0.0001..0.01' and is '0.001..0.01'"),
        ({"search": [RATE, "batch_size"]}, "batch_size was not given and is '4,8,16'"),
    ):
        with pytest.raises(OptionError, match=message.replace(".", r"\.")):
            tune(examples, tmp_path / "out", trials=2, **changed)
    report = tune(examples, tmp_path / "out", trials=2, overwrite=True, search=["batch_size"])
    assert report.space == {"batch_size": "4,8,16"}
    assert states(report) == ["finished"] * 2


def test_other_data_are_not_those_of_the_search(played, tmp_path):
    tune(discs(tmp_path / "data", 8), tmp_path / "out", trials=2)
    with pytest.raises(DatasetError, match="leaves out 1 examples"):
        tune(discs(tmp_path / "data", 9), tmp_path / "out", trials=2)
    changed = discs(tmp_path / "other", 8)
    shutil.copy(tmp_path / "other" / "x1.png", tmp_path / "other" / "x2.png")
    with pytest.raises(DatasetError, match=r"have changed since: .*x2\.png"):
        tune(changed, tmp_path / "out", trials=2)


def test_without_validation_nothing_can_be_compared(played, examples, tmp_path):
    with pytest.raises(OptionError, match="validation examples are missing"):
        tune(examples, tmp_path / "out", trials=2, train={**TRAIN, "split": {"validation": 0}})
    mf.write_split(tmp_path / "folds.json", examples, mf.make_folds(examples, 2))
    folds = {"file": str(tmp_path / "folds.json")}
    with pytest.raises(OptionError, match="a search has one split"):
        tune(examples, tmp_path / "out", trials=2, train={**TRAIN, "split": folds})
    assert not (tmp_path / "out" / "trials").exists()
    with pytest.raises(OptionError, match="have no foreground"):
        tune(dark(tmp_path / "dark"), tmp_path / "out", trials=2)


def test_damaged_and_foreign_folders(played, examples, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("all of it")
    for overwrite in (False, True):
        with pytest.raises(OutputExistsError, match="is not a search"):
            tune(examples, other, trials=2, overwrite=overwrite)
    tune(examples, tmp_path / "out", trials=2)
    (tmp_path / "out" / "trials" / "notes.txt").write_text("mine")
    (tmp_path / "out" / "study.db").write_bytes(b"garbage" * 100)
    with pytest.raises(TrainingError, match="is not the database of a search"):
        tune(examples, tmp_path / "out", trials=2)
    tune(examples, tmp_path / "out", trials=1, overwrite=True)
    left = {one.relative_to(tmp_path / "out").as_posix() for one in (tmp_path / "out").rglob("*")}
    assert {one for one in left if one.startswith("trials/0001")} == set()
    assert "trials/notes.txt" in left
    linked = tmp_path / "linked"
    tune(examples, linked, trials=1)
    shutil.rmtree(linked / "best")
    (linked / "best").symlink_to(other)
    with pytest.raises(OutputError, match="is a link"):
        tune(examples, linked, trials=1)


def test_an_empty_database_of_another_program(played, examples, tmp_path):
    (tmp_path / "out").mkdir()
    with sqlite3.connect(tmp_path / "out" / "study.db") as database:
        database.execute("create table studies (study_id text)")
    database.close()
    with pytest.raises(TrainingError, match=r"study\.db"):
        tune(examples, tmp_path / "out", trials=2)


def test_names_of_folders_can_hold_anything(played, examples, tmp_path):
    report = tune(examples, tmp_path / "a?b#c%20 ü;d", trials=2)
    assert states(report) == ["finished"] * 2


def test_options_are_looked_at_first(examples, tmp_path, monkeypatch):
    out = tmp_path / "out"
    for keywords, message in (
        ({}, "nothing says when the search ends"),
        ({"trials": 0}, "trials cannot be 0"),
        ({"time": -1}, "time cannot be -1"),
        ({"trials": 2, "search": ["lurning_rate"]}, "did you mean 'learning_rate'"),
        ({"trials": 2, "train": {"split": {"folds": 3}}}, "a search has one split"),
        ({"trials": 2, "train": {"loss": "dise"}}, "did you mean 'dice'"),
    ):
        with pytest.raises(OptionError, match=message):
            mf.tune(examples, out, **keywords)
    with pytest.raises(OptionError, match="not a folder of this machine"):
        mf.tune(examples, "s3://bucket/out", trials=2)
    monkeypatch.setattr("maskforge.errors.is_installed", lambda name: name != "optuna")
    with pytest.raises(MissingDependencyError, match=r"maskforge\[tune\]"):
        mf.tune(examples, out, trials=2)
    assert not out.exists()


# --- what is said


@pytest.mark.parametrize(
    ("interval", "message"),
    [
        ((0.003, 0.021), "It holds on the test part: test Dice 0.8000 and 0.8120: +0.0120 (+0.0030 "
         "to +0.0210, 95 % confidence, 40 images)."),
        ((-0.003, 0.021), "The test part does not show that it holds: "),
        ((-0.02, -0.01), "It does not hold on the test part, where it is worse: "),
        (None, "Whether it holds is not known, since the test part is a single image or group: "),
    ],
)  # fmt: skip
def test_whether_it_holds(interval, message):
    trials = [
        mf.Trial(number=number, state="finished", score=score)
        for number, score in enumerate((0.83, 0.85))
    ]
    test = DiceDifference(images=40, before=0.8, after=0.812, difference=0.012, interval=interval)
    first, second = verdict(trials, test, has_test=True)
    assert "0.8300 with the given options, 0.8500 with those of trial 1: +0.0200" in first
    assert second.startswith(message)
    assert "no test part" in verdict(trials, None, has_test=False)[1]
    equal = mf.Trial(number=1, state="finished", score=0.83)
    same = verdict([trials[0], equal], None, has_test=True)
    assert same == ("Nothing was better than the given options: validation Dice 0.8300.",)


@pytest.fixture
def folder(examples, tmp_path):
    """The examples as a table, so that the command line can name them."""
    table = tmp_path / "table.csv"
    lines = [f"{one.image},{one.mask}" for one in examples]
    table.write_text("\n".join(["image,mask", *lines]))
    return table


def test_the_command(played, folder, tmp_path):
    arguments = ("tune", folder, "--out", tmp_path / "out", "--search", RATE, "--search",
                 "batch_size=2,4", "--trials", 3, "--epochs", 3, "--validation", 0.25,
                 "--patience", 0)  # fmt: skip
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    assert "3 trials in 1.5 min: 3 finished" in result.stdout
    assert "there is no test part" in result.stdout
    assert f"the best model: {tmp_path / 'out'}/best" in result.stdout
    assert "trial 0: as given" in result.stderr
    assert "trial 1: learning_rate" in result.stderr
    again = run(*arguments, "--json")
    assert len(json.loads(again.stdout)["trials"]) == 3
    played.at = {(3, 2): interrupt}
    ended = run(*arguments, "--trials", 6)
    assert ended.exit_code == 130
    assert "1 unfinished" in ended.stdout
    assert run(*arguments, "--out", tmp_path / "one", "--trials", 1).exit_code == 1


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("text", "seconds"), [("8h", 28800), ("1h30m", 5400), ("1.5m", 90), ("2d", 172800), ("45s", 45)]
)
def test_times(text, seconds):
    from maskforge.cli.tune import parse_duration

    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["8", "h", "8x", "8h x", "-8h", "1h 30m", "1e3s", "nan"])
def test_what_is_no_time(tmp_path, text):
    result = run("tune", "gone", "--out", tmp_path / "out", "--time", text)
    assert result.exit_code == 2
    assert "is not a time" in result.stderr
