"""The same weights give the same output on every backend."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("parity_program.py")
REFERENCE, *OTHERS = ("tensorflow", "jax", "torch")


def outputs(backend: str, folder: Path) -> dict[str, np.ndarray]:
    """Run the program on a backend, in a process of its own."""
    for module in ("keras", backend):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"NO PARITY: {module} is not installed, so {backend} is not compared")
    file = folder / f"{backend}.npz"
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    # JAX compiles for seconds otherwise
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
    result = subprocess.run(
        [sys.executable, str(PROGRAM), backend, str(file)],
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
    return outputs(REFERENCE, tmp_path_factory.mktemp("parity"))


@pytest.mark.parametrize("backend", OTHERS)
def test_outputs_are_those_of_the_reference(backend, reference, tmp_path):
    found = outputs(backend, tmp_path)
    assert found.keys() == reference.keys()
    for name, expected in reference.items():
        assert expected.std() > 1e-4, f"{name} says nothing"
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-5, err_msg=name)
