"""Several devices train what one does: on two virtual CPUs, each in a process of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from maskforge.errors import OptionError
from maskforge.nn import devices

PROGRAM = Path(__file__).with_name("two_devices_program.py")

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")


@pytest.fixture
def there(monkeypatch, request):
    backend, count = request.param
    monkeypatch.setattr(keras.config, "backend", lambda: backend)
    monkeypatch.setattr(devices, "_devices", lambda: [f"gpu:{n}" for n in range(count)])


@pytest.mark.parametrize(
    ("there", "asked", "batch", "used"),
    [
        (("tensorflow", 1), 0, 8, 1),
        (("tensorflow", 4), 0, 8, 4),
        (("jax", 4), 0, 6, 3),
        (("jax", 4), 2, 8, 2),
        (("jax", 4), 1, 7, 1),
        (("torch", 4), 0, 8, 1),
        (("torch", 4), 1, 8, 1),
    ],
    indirect=["there"],
)
@pytest.mark.usefixtures("there")
def test_devices_that_share_a_batch(asked, batch, used):
    assert devices.devices_used(asked, batch) == used


@pytest.mark.parametrize(
    ("there", "asked", "batch", "message"),
    [
        (("torch", 2), 2, 8, "PyTorch uses one"),
        (("jax", 2), 3, 9, "3 devices are asked for, but there are 2"),
        (("jax", 2), -1, 8, "-1 devices are asked for"),
        (("tensorflow", 2), 2, 7, r"batch of 7 cannot be shared.*\n.*--batch-size 8"),
    ],
    indirect=["there"],
)
@pytest.mark.usefixtures("there")
def test_devices_that_cannot_share_a_batch(asked, batch, message):
    with pytest.raises(OptionError, match=message), devices.distribute(asked, batch):
        pass


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_training_on_two_devices_is_that_on_one(backend):
    """Validation runs on one of them, and sees every image once."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"NO DISTRIBUTION: {backend} is not installed")
    result = subprocess.run(
        [sys.executable, str(PROGRAM), backend], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
