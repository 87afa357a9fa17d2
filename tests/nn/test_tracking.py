"""Trackers of experiments are told of every epoch, and nothing depends on them."""

import sys
from types import SimpleNamespace

import pytest
from training_runs import options

from maskforge.nn import backend
from maskforge.training.run_folder import Epoch, Scores, TrainingStopped

backend.start()  # which the training does, too

from maskforge.training.loop import tracking as module  # noqa: E402 - needs Keras
from maskforge.training.loop.tracking import tracking  # noqa: E402

EPOCHS = [
    Epoch(
        epoch=number,
        loss=1 / number,
        learning_rate=0.01,
        seconds=2.0,
        train=Scores(dice=0.25 * number),
        validation=Scores(dice=0.3 * number, class_dice={"caries": 0.3 * number, "crown": None}),
    )
    for number in (1, 2)
]


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Returns what tells a tracker of two epochs, the first of an earlier sitting."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when it is imported
    for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)

    def tell(name):
        said = []
        plan = SimpleNamespace(options=options(track=name, epochs=2))
        with tracking(plan, tmp_path / "cv" / "fold-1", EPOCHS[:1], said.append) as track:
            track(EPOCHS[1])
        return said

    return tell


def needs(name):
    return pytest.importorskip(name, reason=f"NO TRACKER: {name} is not installed")


@pytest.mark.filterwarnings("ignore")  # of its database
def test_mlflow_has_options_and_epochs(told, tmp_path):
    client = needs("mlflow").MlflowClient
    assert told("mlflow") == []
    found = client(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = found.get_experiment_by_name("maskforge")
    (run,) = found.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("cv/fold-1", "FINISHED")
    assert run.data.params["epochs"] == "2"
    assert run.data.params["split.validation"]
    history = found.get_metric_history(run.info.run_id, "validation/dice/caries")
    assert [(one.step, one.value) for one in history] == [(1, 0.3), (2, 0.6)]
    assert "validation/dice/crown" not in run.data.metrics


def test_wandb_stays_offline(told, tmp_path):
    needs("wandb")
    assert told("wandb") == []
    (run,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    content = run.read_bytes()
    for word in (b"cv/fold-1", b"validation/dice/caries", b"split.validation"):
        assert word in content


def test_trackio_has_the_epochs(told, capsys):
    needs("trackio")
    from trackio.sqlite_storage import SQLiteStorage

    assert told("trackio") == []
    assert capsys.readouterr().out == ""
    values = SQLiteStorage.get_logs("maskforge", "cv/fold-1")
    assert [(one["step"], one["validation/dice/caries"]) for one in values] == [(1, 0.3), (2, 0.6)]


def test_tensorboard_has_the_epochs(told, tmp_path):
    needs("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert told("tensorboard") == []
    events = EventAccumulator(str(tmp_path / "cv" / "fold-1" / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["tensors"]) >= {"loss", "train/dice", "validation/dice/caries"}
    assert [one.step for one in events.Tensors("loss")] == [1, 2]


@pytest.mark.parametrize("fails", ["init", "log", "finish"])
def test_a_tracker_that_fails_is_left_alone(told, monkeypatch, fails):
    calls = []

    def act(name):
        def call(*_, **__):
            calls.append(name)
            if name == fails:
                raise ValueError("no\nroom")

        return call

    module = SimpleNamespace(init=act("init"), log=act("log"), finish=act("finish"))
    monkeypatch.setitem(sys.modules, "trackio", module)
    assert told("trackio") == ["warning: trackio is told no more: no room"]
    assert (
        calls
        == {
            "init": ["init"],
            "log": ["init", "log"],
            "finish": ["init", "log", "log", "finish"],
        }[fails]
    )


@pytest.mark.parametrize(("end", "failed"), [(TrainingStopped, False), (RuntimeError, True)])
def test_a_training_that_was_stopped_has_not_failed(tmp_path, monkeypatch, end, failed):
    """A search that has seen enough of it stops it."""
    closed = []

    def close(*, failed):
        closed.append(failed)

    opened = SimpleNamespace(log=lambda *_: None, close=close)
    monkeypatch.setitem(module._TRACKERS, "tensorboard", lambda *_: opened)
    plan = SimpleNamespace(options=options(track="tensorboard", epochs=2))
    with pytest.raises(end), tracking(plan, tmp_path / "run", [], print):
        raise end
    assert closed == [failed]
