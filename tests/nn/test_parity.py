"""The same weights give the same output, and learn the same, on every backend."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("parity_program.py")
REFERENCE, *OTHERS = ("tensorflow", "jax", "torch")


@cache
def results(backend: str) -> dict[str, np.ndarray]:
    """Run the program on a backend, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    # JAX compiles for seconds otherwise
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        command = [sys.executable, str(PROGRAM), backend, file.name]
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        with np.load(file.name) as arrays:
            return dict(arrays)


@pytest.fixture(params=OTHERS)
def pairs(request):
    """What a backend and the reference give, by name; nothing is run if one of them is missing."""
    for module in ("keras", REFERENCE, request.param):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"NO PARITY: {module} is not installed, so {request.param} is not compared")
    found, expected = results(request.param), results(REFERENCE)
    assert found.keys() == expected.keys()
    return {name: (found[name], expected[name]) for name in found}


def test_outputs_are_those_of_the_reference(pairs):
    for name, (found, expected) in pairs.items():
        if name.startswith("output"):
            assert expected.std() > 1e-4, f"{name} says nothing"
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=name)


def test_a_step_of_training_is_that_of_the_reference(pairs):
    for name, (found, expected) in pairs.items():
        if name.startswith("gradient"):
            assert np.abs(expected).max() > 1e-4, f"{name} says nothing"
        if not name.startswith("output"):
            # the difference of two weights of about 1 is exact to 1e-7 of them, over the rate
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6, err_msg=name)
