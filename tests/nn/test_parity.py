"""The same weights give the same output, and learn the same, on every backend."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

OUTPUTS = Path(__file__).with_name("parity_program.py")
STEP = Path(__file__).with_name("parity_step_program.py")
REFERENCE, *OTHERS = ("tensorflow", "jax", "torch")


def results(program: Path, backend: str, folder: Path) -> dict[str, np.ndarray]:
    """Run a program on a backend, in a process of its own."""
    for module in ("keras", backend):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"NO PARITY: {module} is not installed, so {backend} is not compared")
    file = folder / f"{backend}.npz"
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    # JAX compiles for seconds otherwise
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
    result = subprocess.run(
        [sys.executable, str(program), backend, str(file)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    with np.load(file) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return results(OUTPUTS, REFERENCE, tmp_path_factory.mktemp("parity"))


@pytest.mark.parametrize("backend", OTHERS)
def test_outputs_are_those_of_the_reference(backend, reference, tmp_path):
    found = results(OUTPUTS, backend, tmp_path)
    assert found.keys() == reference.keys()
    for name, expected in reference.items():
        assert expected.std() > 1e-4, f"{name} says nothing"
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def reference_step(tmp_path_factory):
    return results(STEP, REFERENCE, tmp_path_factory.mktemp("step"))


@pytest.mark.parametrize("backend", OTHERS)
def test_a_step_of_training_is_that_of_the_reference(backend, reference_step, tmp_path):
    found = results(STEP, backend, tmp_path)
    assert found.keys() == reference_step.keys()
    gradients = [name for name in found if name.startswith("gradient")]
    assert all(np.abs(reference_step[name]).max() > 1e-4 for name in gradients)
    for name, expected in reference_step.items():
        # the difference of two weights of about 1 is exact to 1e-7 of them, over the rate
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-6, err_msg=name)
