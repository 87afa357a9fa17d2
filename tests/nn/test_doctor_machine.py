"""What ``doctor`` says of the machine that it runs on, and of a run that was."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from training_runs import discs, options, step_by_step

import maskforge as mf
from maskforge.errors import OptionError
from maskforge.nn import backend
from maskforge.training.doctor import machine
from maskforge.training.doctor.machine import EXTRAS, look_at_machine

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))


def test_every_extra_is_known():
    """But for those that bring what another one brings."""
    same = {"train-cpu", "train-gpu"}
    assert {extra for extra, _ in EXTRAS.values()} | same == set(
        PROJECT["project"]["optional-dependencies"]
    )


def test_packages_have_their_versions(running_backend):
    found = look_at_machine(options())
    by_name = {one.name: one for one in found.packages}
    assert list(by_name) == list(EXTRAS)
    assert by_name["keras"].version == backend.versions()["keras"]
    assert (
        by_name[running_backend].version.partition("+")[0][:3]
        == (backend.versions()[running_backend][:3])
    )
    assert by_name["openvino"].install == "pip install 'maskforge[openvino]'"
    assert found.device == backend.device_report()
    assert (found.missing, found.problems) == ((), ())


@pytest.mark.parametrize(
    ("gone", "changed", "missing"),
    [
        ({"keras"}, {}, ["keras"]),
        ({"tensorflow", "jax", "torch"}, {}, ["tensorflow"]),
        ({"tensorflow", "jax", "torch"}, {"backend": "jax"}, ["jax"]),
        ({"matplotlib"}, {}, ["matplotlib"]),
        ({"openvino", "onnxruntime", "pydicom"}, {}, []),
        ({"wandb"}, {"track": "wandb"}, ["wandb"]),
    ],
)
def test_what_the_training_needs_is_missing(monkeypatch, gone, changed, missing):
    real = machine.is_installed
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(machine, "is_installed", lambda name: name not in gone and real(name))
    found = look_at_machine(options(**changed))
    assert [one.name for one in found.missing] == missing
    assert {one.name for one in found.packages if not one.version} >= gone & set(EXTRAS)
    assert bool(found.device) != bool({"keras", "tensorflow", "jax"} & set(missing))
    assert all(one.install.startswith("pip install ") for one in found.missing)


def test_a_backend_that_cannot_be_used_is_a_problem(monkeypatch):
    def refuse(_):
        raise OptionError("Keras already runs on torch", hint="start again")

    monkeypatch.setattr(backend, "start", refuse)
    (error,) = look_at_machine(options()).problems
    assert error.message == "Keras already runs on torch"


def test_devices_that_do_not_exist_are_a_problem():
    assert look_at_machine(options(devices=64, batch_size=64)).problems


@pytest.mark.parametrize(
    ("there", "on_cpu", "idle"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_gpu_that_is_not_found(monkeypatch, there, on_cpu, idle):
    monkeypatch.setattr(backend, "has_gpu", lambda: there)
    monkeypatch.setattr(backend, "on_cpu", lambda: on_cpu)
    assert look_at_machine(options()).has_idle_gpu is idle


@pytest.mark.parametrize(
    ("precision", "multiplies", "on_cpu", "slow"),
    [
        ("float16", True, True, True),
        ("bfloat16", False, True, True),
        ("bfloat16", True, True, False),
        ("bfloat16", False, False, False),
        ("float32", False, True, False),
        ("auto", False, True, False),
    ],
)
def test_a_precision_that_is_emulated(monkeypatch, precision, multiplies, on_cpu, slow):
    monkeypatch.setattr(backend, "multiplies_bfloat16", lambda: multiplies)
    monkeypatch.setattr(backend, "on_cpu", lambda: on_cpu)
    assert look_at_machine(options(precision=precision)).is_slow is slow


def test_a_run_is_looked_at_with_its_own_options_and_split(tmp_path):
    examples = discs(tmp_path / "data", 4)
    with step_by_step():
        record = mf.train(examples, tmp_path / "run", options(split={"validation": 0.25}))
    report = mf.doctor(examples, tmp_path / "run")
    assert report.plan[0] == "examples: 3 training, 1 validation, 0 test"
    assert report.run == str(tmp_path / "run")
    codes = [one.code for one in report.findings]
    assert codes[:3] == ["few-groups", "small-validation", "few-steps"]
    assert "changed-data" not in codes
    assert ("missed-class" in codes) is (record.validation.class_dice["disc"] < 0.05)
