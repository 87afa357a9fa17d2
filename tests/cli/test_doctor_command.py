"""``maskforge doctor``: options, files and exit codes."""

import json
import tomllib

import numpy as np
import pytest
from builders import run
from PIL import Image
from training_runs import disc

from maskforge.training.doctor import doctor as module
from maskforge.training.doctor.machine import Machine, Package

RUNTIME = Package(name="openvino", version="1", purpose="predictions", install="")
GONE = Package(name="jax", version="", purpose="networks", install="pip install 'maskforge[jax]'")
TINY = ("--batch-size", "2", "--crop", "0", "--workers", "1")


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine on which nothing is missing; nothing starts Keras."""
    found = Machine(packages=(RUNTIME, GONE), device="Keras 3 on tensorflow 2, CPU")
    monkeypatch.setattr(module, "look_at_machine", lambda _: found)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Images of discs, with masks of 0 and 255."""
    root = tmp_path_factory.mktemp("data")
    for number in range(25):
        image, mask = disc(number)
        for folder, values in (("images", image), ("masks", mask * np.uint8(255))):
            (root / folder).mkdir(exist_ok=True)
            Image.fromarray(values).save(root / folder / f"x{number}.png")
    return root


def test_a_healthy_training_is_told_in_a_few_lines(data):
    result = run("doctor", data, *TINY)
    assert result.exit_code == 0
    said = result.stdout.splitlines()
    assert said[0].startswith("masks are binary")
    assert "steps: 50 epochs of 10" in said
    assert said[-3:] == [
        "installed: openvino 1",
        "not installed: jax",
        f"a training on {data / 'images'} and {data / 'masks'}: nothing looks wrong",
    ]


def test_findings_are_told_with_what_to_do(data, tmp_path):
    arguments = ("doctor", data, *TINY, "--epochs", "9", "--out", tmp_path / "out")
    result = run(*arguments)
    assert result.exit_code == 1
    said = result.stdout.splitlines()
    assert said[-4:] == [
        "warning: few-steps (1)  The training ends after few steps.",
        "  9 epochs of 10 steps change the weights 90 times",
        "  what to do: Use more --epochs, a smaller --batch-size, or more of "
        "input.crops_per_image.",
        f"Look at it: {tmp_path / 'out'}/doctor.html",
    ]
    assert run(*arguments).exit_code == 2
    assert run(*arguments, "--overwrite", "--fail-on", "error").exit_code == 0


def test_the_options_are_those_of_train(data, tmp_path):
    """Its configuration is a file of options, and whatever is said overrules it."""
    printed = run("train", data, *TINY, "--epochs", "9", "--print-config")
    assert tomllib.loads(printed.stdout)["epochs"] == 9
    (tmp_path / "night.toml").write_text(printed.stdout)
    for more, epochs in (((), 9), (("--epochs", "11"), 11), (("--set", "epochs=12"), 12)):
        result = run("doctor", "--config", tmp_path / "night.toml", *more, "--json")
        report = json.loads(result.stdout)
        assert f"steps: {epochs} epochs of 10" in report["plan"]
        assert [one["code"] for one in report["findings"]] == ["few-steps"] * (epochs < 10)
        assert result.exit_code == (epochs < 10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "there is nothing to train on"),
        (("gone",), "gone"),
        (("DATA", "gone"), "run.json"),
        (("DATA", "gone", "--epochs", "3"), "which has its own"),
        (("DATA", "--fail-on", "note"), "note"),
        (("DATA", "--split", "gone.json"), "gone.json"),
    ],
)
def test_wrong_use(data, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = run("doctor", *(data if one == "DATA" else one for one in arguments))
    is_finding = "gone.json" in arguments  # the training would stop
    assert result.exit_code == (1 if is_finding else 2)
    assert message in " ".join((result.stdout + result.stderr).replace("│", " ").split())
