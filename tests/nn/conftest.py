"""Keras runs on one backend per test run: KERAS_BACKEND, else the first that is installed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import model_folders as models
import pytest

from maskforge.errors import MissingDependencyError
from maskforge.nn import backend

# JAX compiles tiny networks far longer than it runs them.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)
os.environ.setdefault("JAX_ENABLE_COMPILATION_CACHE", "false")  # tests leave the user's alone
try:
    with pytest.MonkeyPatch.context() as patch:
        if "sklearn" not in sys.modules:  # which Keras would load whole, for wrappers of its own
            patch.setitem(sys.modules, "sklearn", None)
        BACKEND = backend.start()
except MissingDependencyError as error:
    BACKEND = ""
    REASON = f"NO NETWORKS: {error.message}, so networks are not tested"


def pytest_collection_modifyitems(items):
    if not BACKEND:
        for item in items:
            if "tests/nn/" in item.path.as_posix():
                item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture(autouse=True)
def _no_extras(monkeypatch):
    """Some extras take longer than tiny trainings; only those of module fixtures have them."""
    if BACKEND:
        monkeypatch.setattr("maskforge.training.loop.finish._try_bfloat16", lambda *_: None)
        monkeypatch.setattr("maskforge.training.loop.finish.draw_extremes", lambda *_: None)
        monkeypatch.setattr("maskforge.training.loop.epochs.draw_curves", lambda *_: None)


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory):
    return models.save(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture
def folder(saved_model, tmp_path):
    """A model folder of the test's own."""
    return Path(shutil.copytree(saved_model, tmp_path / "model"))


@pytest.fixture
def zero_weights(monkeypatch):
    """Draw no random numbers: large networks are built for their shapes alone."""
    import keras

    def zeros(_, shape, dtype=None):
        return keras.ops.zeros(shape, dtype)

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", zeros)


@pytest.fixture(scope="session")
def running_backend() -> str:
    """Name of the backend on which Keras runs."""
    return BACKEND
