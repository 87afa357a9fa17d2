"""Trainings that were ended go on as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from training_runs import discs, options, step_by_step

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.errors import (  # noqa: E402
    DatasetError,
    MaskforgeError,
    OutputError,
    TrainingError,
)
from maskforge.nn.modelio import load_model  # noqa: E402
from maskforge.training.configfile import dump_config  # noqa: E402
from maskforge.training.loop import checkpoint_writer, epochs, fit  # noqa: E402
from maskforge.training.run_folder import read_record  # noqa: E402
from maskforge.training.train import resume_training, train  # noqa: E402

PROGRAM = Path(__file__).with_name("resume_program.py")


class KilledError(BaseException):
    """What nothing in the package catches."""


def ended(at, how):
    """Return a ``progress`` that ends a training at a phase, such as ``epoch 2/3``, half way."""

    def progress(phase, done, total):
        if phase == at and total and done * 2 >= total:
            how()

    return progress


def killed():
    raise KilledError


def weights(run):
    return load_model(run)[0].get_weights()


def assert_same_weights(one, other):
    for here, there in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(here, there)


def history(run):
    """Return the history without durations."""
    lines = [line.split(",") for line in (run / "history.csv").read_text().splitlines()]
    return [line[:3] + line[4:] for line in lines]


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """Options with much that has a state, and the run that was not disturbed."""
    root = tmp_path_factory.mktemp("busy")
    examples = discs(root / "data", 10)
    table = root / "table.csv"
    lines = [f"{one.image},{one.mask}" for one in examples]
    table.write_text("\n".join(["image,mask", *lines]))
    chosen = options(
        epochs=4,
        schedule="plateau",
        optimizer="adamw",
        data={"dataset": str(table)},
        split={"validation": 0.2},
        augment={"preset": "light"},
        network={"dropout": 0.3, "normalization": "batch"},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epochs, "_PLATEAU", 1)
        patch.setattr(epochs, "draw_curves", lambda *_: None)
        train(None, root / "whole", chosen)
    return chosen, root


def test_a_killed_process(busy, tmp_path, monkeypatch):
    """SIGKILL in the middle of epoch 3, while the checkpoint of epoch 2 is being written."""
    chosen, root = busy
    config = tmp_path / "options.toml"
    config.write_text(dump_config(chosen))
    command = [sys.executable, PROGRAM, config, tmp_path / "run", "epoch 2/4", "epoch 3/4"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert read_record(tmp_path / "run").state == "running"
    assert (tmp_path / "run" / "checkpoint.part").is_file()
    assert len(history(tmp_path / "run")) == 1 + 1
    monkeypatch.setattr(epochs, "_PLATEAU", 1)
    record = resume_training(tmp_path / "run")
    assert record.state == "finished"
    assert record.epochs == 4
    assert history(tmp_path / "run") == history(root / "whole")
    assert_same_weights(tmp_path / "run", root / "whole")
    assert not list((tmp_path / "run").glob("checkpoint.*"))


def interrupt():
    raise KeyboardInterrupt


def test_ctrl_c_saves_the_best_model_and_the_run_can_go_on(busy, tmp_path, monkeypatch):
    chosen, root = busy
    monkeypatch.setattr(epochs, "_PLATEAU", 1)
    progress = ended("epoch 3/4", interrupt)
    record = train(None, tmp_path / "run", chosen, progress=progress)
    assert record.state == read_record(tmp_path / "run").state == "interrupted"
    assert record.epochs == 2
    assert weights(tmp_path / "run")
    assert record.seconds > sum(
        float(line.split(",")[3])
        for line in (tmp_path / "run" / "history.csv").read_text().splitlines()[1:]
    )
    resumed = resume_training(tmp_path / "run")
    assert resumed.state == "finished"
    assert resumed.seconds > record.seconds
    assert_same_weights(tmp_path / "run", root / "whole")
    with pytest.raises(TrainingError, match="has finished"):
        resume_training(tmp_path / "run")


def test_a_kill_between_checkpoint_and_history(stopped, tmp_path):
    """After the last epoch, so that none is left after which the history would be written."""
    run, examples = stopped
    shutil.copytree(run, tmp_path / "run")
    assert len(history(run)) == 1 + 1
    (tmp_path / "run" / "history.csv").unlink()
    config = tmp_path / "run" / "config.toml"
    config.write_text(config.read_text().replace("epochs = 2", "epochs = 1"))
    assert resume_training(tmp_path / "run", examples).epochs == 1
    assert history(tmp_path / "run") == history(run)


@pytest.mark.usefixtures("eager")
def test_an_epoch_does_not_wait_for_the_checkpoint_before(tmp_path, monkeypatch):
    """Writing takes until the next epoch is half done."""
    half_done = {f"epoch {number}/3": threading.Event() for number in (2, 3)}
    waits, met = iter(half_done.values()), []
    save = checkpoint_writer.save_checkpoint

    def slow(path, arrays):
        following = next(waits, None)
        met.append(following is None or following.wait(20))
        save(path, arrays)

    monkeypatch.setattr(checkpoint_writer, "save_checkpoint", slow)
    chosen = options(epochs=3, split={"validation": 0.25})

    def progress(phase, done, total):
        if phase in half_done and done * 2 >= total:
            half_done[phase].set()

    train(discs(tmp_path / "data", 4), tmp_path / "run", chosen, progress=progress)
    assert met == [True, True, True]
    assert not [one.name for one in threading.enumerate() if one.name.startswith("checkpoint")]


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("last", [1, 3])
def test_a_checkpoint_that_cannot_be_written_ends_the_run(tmp_path, last):
    """At the end of the next epoch, or of the training if there is none."""
    run = tmp_path / "run"
    seen = []

    def progress(phase, done, total):
        seen.append(phase)
        if phase == f"epoch 1/{last}":
            (run / "checkpoint.part").mkdir(exist_ok=True)

    chosen = options(epochs=last, split={"validation": 0.25})
    with pytest.raises(OutputError, match=r"checkpoint\.npz"):
        train(discs(tmp_path / "data", 4), run, chosen, progress=progress)
    assert "epoch 3/3" not in seen
    assert read_record(run).state == "failed"


def small_encoder(network_options, *, input_shape, outputs, scaling):
    """A network whose first layers stand for a pretrained encoder."""
    del network_options, scaling
    layers = keras.layers
    image = keras.Input(input_shape)
    features = layers.Conv2D(3, 3, padding="same", activation="relu", name="encoder")(image)
    features = layers.BatchNormalization()(features)
    features = layers.Dropout(0.2, seed=1)(features)  # seeded, as in the networks of the package
    return keras.Model(image, layers.Conv2D(outputs, 1, dtype="float32")(features))


@pytest.mark.usefixtures("eager")
def test_an_encoder_that_rests_at_first(tmp_path, monkeypatch):
    """Killed at the first step of the second phase, and again in the last epoch."""
    monkeypatch.setattr("maskforge.training.loop.network.build_network", small_encoder)
    monkeypatch.setattr(
        fit,
        "set_encoder_trainable",
        lambda network, trainable: setattr(network.get_layer("encoder"), "trainable", trainable),
    )
    examples = discs(tmp_path / "data", 4)
    chosen = options(
        epochs=3,
        network={"encoder": "mobilenetv2", "encoder_weights": "none", "freeze_encoder": 1},
        split={"validation": 0.25},
    )
    train(examples, tmp_path / "whole", chosen)
    rates = [float(line[2]) for line in history(tmp_path / "whole")[1:]]
    assert rates == pytest.approx([0.75e-3, 0.25e-3, 0], abs=1e-9)  # one cosine over both phases

    run = tmp_path / "run"
    with pytest.raises(KilledError):
        train(examples, run, chosen, progress=ended("epoch 2/3", killed))
    with pytest.raises(KilledError):
        resume_training(run, examples, progress=ended("epoch 3/3", killed))
    assert read_record(run).state == "failed"
    resume_training(run, examples)
    assert_same_weights(run, tmp_path / "whole")
    assert history(run) == history(tmp_path / "whole")


@pytest.mark.usefixtures("eager")
def test_folds_go_on_in_the_fold_where_they_were_ended(tmp_path):
    """Fold 2 is killed in its first epoch, before there is any checkpoint."""
    examples = discs(tmp_path / "data", 4)
    chosen = options(epochs=1, split={"folds": 2})
    said = []
    run = tmp_path / "run"

    def progress(phase, done, total):
        if phase.startswith("epoch") and any("fold-2" in line for line in said):
            raise KilledError

    with pytest.raises(KilledError):
        train(examples, run, chosen, progress=progress, log=said.append)
    first = weights(run / "fold-1")
    assert read_record(run).state == "failed"
    assert read_record(run / "fold-1").state == "finished"

    changed = discs(tmp_path / "changed", 3)
    with pytest.raises(DatasetError, match="x3"):
        resume_training(run, changed)
    said.clear()
    record = resume_training(run, examples, log=said.append)
    assert record.state == read_record(run).state == "finished"
    assert sum(line.startswith("epoch") for line in said) == 1
    for here, there in zip(first, weights(run / "fold-1"), strict=True):
        np.testing.assert_array_equal(here, there)
    parts = [read_record(run / name) for name in record.folds]
    assert [one.examples["validation"] for one in parts] == [2, 2]
    assert record.validation.dice == pytest.approx(
        (parts[0].validation.dice + parts[1].validation.dice) / 2
    )
    assert record.seconds == pytest.approx(parts[0].seconds + parts[1].seconds)


def members(path):
    with np.load(path) as arrays:
        return dict(arrays)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def single(path):
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))


def without_best(path):
    arrays = {name: one for name, one in members(path).items() if not name.startswith("best")}
    np.savez(path, **arrays)


def other_best(path):
    np.savez(path, **(members(path) | {"best_0": np.zeros((5, 5, 1, 1))}))


def text(path):
    np.savez(path, **(members(path) | {"state_0": np.full(members(path)["state_0"].shape, "a")}))


def far_best(path):
    progress = members(path)["progress"].tobytes()
    changed = progress.replace(b'"best_epoch":1', b'"best_epoch":9')
    assert changed != progress
    np.savez(path, **(members(path) | {"progress": np.frombuffer(changed, np.uint8)}))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was killed in its second epoch, and its examples."""
    root = tmp_path_factory.mktemp("stopped")
    examples = discs(root / "data", 4)
    chosen = options(epochs=2, split={"validation": 0.25})
    with pytest.raises(KilledError), step_by_step():
        train(examples, root / "run", chosen, progress=ended("epoch 2/2", killed))
    return root / "run", examples


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("checkpoint.npz", lambda path: path.write_bytes(b""), "is not a checkpoint"),
        ("checkpoint.npz", cut, "is not a checkpoint"),
        ("checkpoint.npz", single, "is not a checkpoint"),
        ("checkpoint.npz", lambda path: np.savez(path, a=1), "is not a checkpoint"),
        ("checkpoint.npz", without_best, "does not hold its best epoch"),
        ("checkpoint.npz", far_best, "does not hold its best epoch"),
        ("checkpoint.npz", other_best, "was written by another network"),
        ("checkpoint.npz", text, "was written by another network"),
        ("run.json", lambda path: path.write_bytes(b""), "is not the record of a run"),
        ("run.json", lambda path: path.write_bytes(b"[" * 5000), "is not the record of a run"),
        ("run.json", lambda path: path.write_text('{"name": 3}'), "is not the record of a run"),
        ("run.json", lambda path: (path.unlink(), os.mkfifo(path)), "it is a pipe, not a file"),
        ("config.toml", lambda path: path.write_text("epochs = 0"), "epochs cannot be 0"),
        ("config.toml", lambda path: path.write_bytes(b"\xff"), "is not valid TOML"),
        ("config.toml", lambda path: path.unlink(), "cannot be read"),
        ("split.json", lambda path: path.write_bytes(b"{"), "split.json"),
        ("split.json", lambda path: path.write_text('{"schema": 1, "examples": 3}'), "split.json"),
    ],
)
def test_damaged_files_of_a_run_are_named(stopped, tmp_path, name, damage, reason):
    run, examples = stopped
    shutil.copytree(run, tmp_path / "run")
    damage(tmp_path / "run" / name)
    with pytest.raises(MaskforgeError, match=reason) as caught:
        resume_training(tmp_path / "run", examples)
    assert name in str(caught.value)
