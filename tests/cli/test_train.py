"""``maskforge train``: options, files and exit codes."""

import contextlib
import importlib.util
import json
import re
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from builders import run
from PIL import Image
from training_runs import disc

from maskforge.training.configfile import build_options
from maskforge.training.train_options import TrainOptions

needs_keras = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None, reason="NO NETWORKS: Keras is not installed"
)
TINY = ("--crop", "0", "--filters", "2", "--depth", "1", "--batch-size", "2", "--devices", "1")
QUICK = (*TINY, "--epochs", "1", "--precision", "float32", "--augment", "none", "--workers", "1")


@pytest.fixture
def data(tmp_path):
    """Four images of discs, with masks of 0 and 255."""
    for number in range(4):
        image, mask = disc(number)
        for folder, values in (("images", image), ("masks", mask * np.uint8(255))):
            (tmp_path / "data" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(
                tmp_path / "data" / folder / f"p{number // 2}_{number}.png"
            )
    return tmp_path / "data"


@needs_keras
def test_binary_masks_in_two_folders(data, tmp_path):
    """In a process of its own, to see all that a terminal would show."""
    command = (sys.executable, "-m", "maskforge", "train", "--out", tmp_path / "run")
    folders = ("--images", data / "images", "--masks", data / "masks")
    result = subprocess.run(
        [*map(str, (*command, *folders, *QUICK)), "--track", "tensorboard"]
        if importlib.util.find_spec("tensorboard") and importlib.util.find_spec("tensorflow")
        else [*map(str, (*command, *folders, *QUICK))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    for word in ("warning", "oneDNN", "absl", "Keras model", "Traceback", "WARNING"):
        assert word not in result.stderr
    said = result.stderr.splitlines()
    assert "masks are binary" in said[0]
    assert re.search(r"^Keras .*float32; [0-9.]+ GB of memory available$", result.stderr, re.M)
    assert re.search(r"^epoch 1/1: loss [0-9.]+, validation Dice ", result.stderr, re.M)
    assert "Best epoch 1 on the validation examples\n" in result.stdout
    assert re.search(r"^ *foreground +[0-9.]+ +[0-9.]+", result.stdout, re.M)
    assert f"model, history and images: {tmp_path / 'run'}" in result.stdout


def test_tensorboard_that_is_missing_is_named(data, tmp_path, monkeypatch):
    monkeypatch.setattr("maskforge.errors.is_installed", lambda name: name != "tensorboard")
    folders = ("--images", data / "images", "--masks", data / "masks")
    result = run("train", *folders, "--out", tmp_path / "run", *QUICK, "--track", "tensorboard")
    assert result.exit_code == 2
    assert "need tensorboard, which is not installed" in result.stderr
    assert "pip install 'tensorboard'" in result.stderr
    assert not (tmp_path / "run").exists()


@needs_keras
@pytest.mark.usefixtures("eager")
def test_a_table_whose_masks_say_what_they_mean(data, tmp_path):
    rows = [f"images/{path.name},masks/{path.name}" for path in (data / "images").iterdir()]
    (data / "t.csv").write_text("\n".join(["image,truth", *sorted(rows)]))
    config = tmp_path / "config.toml"
    config.write_text('epochs = 9\n[data]\nimage_column = "image"\nmask_column = "truth"\n')
    values = ("--mask-value", "0=membrane", "--mask-value", "255=background")
    result = run("train", data / "t.csv", "--out", tmp_path / "run", "--config", config, *values,
                 *QUICK, "--set", "input.scaling=z-score", "--group-pattern", "p[0-9]",
                 "--validation", "0.5", "--json")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    record = json.loads(result.stdout)
    assert (record["state"], record["classes"]) == ("finished", ["background", "membrane"])
    assert record["examples"] == {"train": 2, "validation": 2, "test": 0}
    written = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert (written["epochs"], written["input"]["scaling"]) == (1, "z-score")
    model = json.loads((tmp_path / "run" / "maskforge.json").read_bytes())
    assert model["scaling"]["kind"] == "z-score"

    again = run("train", data / "t.csv", "--out", tmp_path / "run", *QUICK)
    assert again.exit_code == 2
    assert "already holds a run" in again.stderr
    resumed = run("train", "--resume", "--out", tmp_path / "run")
    assert resumed.exit_code == 2
    assert "has finished" in resumed.stderr
    # The split of a run is a split file.
    planned = run("train", data / "t.csv", "--print-config", "--split", tmp_path / "run/split.json")
    assert planned.exit_code == 0, planned.stderr


@needs_keras
@pytest.mark.usefixtures("eager")
def test_ctrl_c_is_told_by_the_exit_code(data, tmp_path):
    from maskforge.cli import train as command

    @contextlib.contextmanager
    def progress():
        def update(phase, done, total):
            if phase == "epoch 2/2":
                raise KeyboardInterrupt

        yield update

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "progress", progress)
        result = run("train", data, "--out", tmp_path / "run", *QUICK, "--epochs", "2")
    assert result.exit_code == 130
    assert "interrupted" in result.stderr
    assert "Best epoch 1" in result.stdout
    assert (tmp_path / "run" / "model.keras").is_file()
    resumed = run("train", "--resume", "--out", tmp_path / "run")
    assert resumed.exit_code == 0, resumed.stderr
    assert "going on after epoch 1" in resumed.stderr


def test_the_printed_configuration_can_be_used(tmp_path):
    arguments = ("--only", "caries", "--only", "crown", "--mask-value", "7=crown", "--folds", "3",
                 "--encoder", "mobilenetv2", "--encoder-weights", "none", "--class-weights",
                 "caries=5,crown=2", "--set", "augment.rotate=5", "--set", "loss=dice+bce",
                 "--crop", "128", "--no-deep-supervision", "--track", "wandb")  # fmt: skip
    first = run("train", "some/folder", *arguments, "--print-config")
    assert first.exit_code == 0, first.stderr
    options = build_options(tomllib.loads(first.stdout))
    assert options.data.only == ("caries", "crown")
    assert options.data.mask_values == {"7": "crown"}
    assert options.class_weights == {"caries": 5, "crown": 2}
    assert options.input.crop == 128
    assert options.track == "wandb"
    (tmp_path / "c.toml").write_text(first.stdout)
    second = run("train", "--config", tmp_path / "c.toml", "--print-config")
    assert second.stdout == first.stdout
    changed = run("train", "--config", tmp_path / "c.toml", "--seed", "4", "--print-config")
    assert build_options(tomllib.loads(changed.stdout)).seed == 4


def test_without_options_the_defaults_are_printed():
    assert build_options(tomllib.loads(run("train", "--print-config").stdout)) == TrainOptions()


@pytest.mark.parametrize("switch", ["network.deep_supervision", "split.stratify"])
@pytest.mark.parametrize("wanted", [True, False])
def test_switches_overrule_the_file_in_both_directions(tmp_path, switch, wanted):
    *table, key = switch.split(".")
    config = tmp_path / "c.toml"
    text = "".join(f"[{name}]\n" for name in table) + f"{key} = {str(not wanted).lower()}\n"
    config.write_text(text, encoding="utf-8")
    name = key.replace("_", "-")
    option = f"--{name}" if wanted else f"--no-{name}"
    arguments = ("--config", config, "--arch", "unetpp", option)  # which takes them all
    document = tomllib.loads(run("train", *arguments, "--print-config").stdout)
    for one in table:
        document = document[one]
    assert document[key] is wanted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{data}",), "--out is missing"),
        (("--out", "{tmp}/run"), "there is nothing to train on"),
        (("{tmp}/none", "--out", "{tmp}/run"), "{tmp}/none"),
        (("{data}", "--out", "{data}/images/p0_0.png"), "is a file, not a folder"),
        (("{data}", "--out", "{data}"), "exists, and is not a run"),
        (("{data}", "--out", "{data}", "--overwrite"), "exists, and is not a run"),
        (("{data}", "--out", "{tmp}/run", "--only", "foregrund"), "did you mean 'foreground'"),
        (("{data}", "--out", "{tmp}/run", "--epochs", "0"), "epochs cannot be 0, expected 1 to"),
        (("--epochs", "0", "--print-config"), "epochs cannot be 0, expected 1 to"),
        (("{data}", "--out", "{tmp}/run", "--crop", "all"), "input.crop"),
        (("{data}", "--out", "{tmp}/run", "--crop", "-3"), "input.crop"),
        (("{data}", "--out", "{tmp}/run", "--loss", "dise"), "did you mean 'dice'"),
        (("{data}", "--out", "{tmp}/run", "--head", "softmax", "--loss", "bce"), "softmax"),
        (("{data}", "--out", "{tmp}/run", "--class-weights", "x=1"), "not a class of the network"),
        (("{data}", "--out", "{tmp}/run", "--class-weights", "x=y"), "is not NAME=WEIGHT"),
        (("{data}", "--out", "{tmp}/run", "--class-weights", "balance"), "class_weights"),
        (("{data}", "--out", "{tmp}/run", "--set", "network.filter=3"), "network.filters?"),
        (("{data}", "--out", "{tmp}/run", "--set", "epochs"), "is not KEY=VALUE"),
        (("{data}", "--out", "{tmp}/run", "--set", "epochs.x=1"), "epochs"),
        (("{data}", "--out", "{tmp}/run", "--resize", "64"), "64"),
        (("{data}", "--out", "{tmp}/run", "--folds", "9"), "9 folds"),
        (("{data}", "--out", "{tmp}/run", "--split", "{tmp}/none.json"), "none.json"),
        (("{data}", "--out", "{tmp}/run", "--config", "{tmp}/none.toml"), "none.toml"),
        (("{data}", "--out", "{tmp}/run", "--config", "{data}/images/p0_0.png"), "not valid TOML"),
        (("{data}", "--out", "{tmp}/run", "--mask-value", "255"), "is not VALUE=NAME"),
        (("{data}", "--out", "{tmp}/run", "--mask-value", "1=a"), "255"),
        (("{data}", "--out", "{tmp}/run", "--group-pattern", "("), "("),
        (("{data}", "--out", "{tmp}/run", "--encoder", "vgg16", "--arch", "cnn"), "encoder"),
        (("{data}", "--resume", "--out", "{tmp}/run"), "--resume takes the options of the run"),
        (("--resume", "--out", "{tmp}/run"), "name a folder that `maskforge train` wrote"),
        (("--images", "{data}/images", "--out", "{tmp}/run"), "only one is given"),
    ],
)
def test_wrong_use_is_explained_without_a_traceback(data, tmp_path, arguments, message):
    places = {"data": data, "tmp": tmp_path}
    result = run("train", *(one.format(**places) for one in arguments))
    assert result.exit_code == 2, (result.output, result.exception)
    assert "error: " in result.stderr
    assert message.format(**places) in result.stderr
    assert not (tmp_path / "run").exists()


@needs_keras
def test_a_folder_that_cannot_be_made(data, tmp_path):
    (tmp_path / "file").write_text("")
    result = run("train", data, "--out", tmp_path / "file" / "run", *QUICK)
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
