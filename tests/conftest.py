"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from random_examples import examples
from s3_server import *  # noqa: F403 - its fixtures
from training_runs import step_by_step

from maskforge.errors import MissingDependencyError
from maskforge.nn import backend

# Tests start many processes, and each would compile the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No test depends on how fast the machine is.
settings.register_profile(
    "any machine",
    max_examples=examples(50),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")

_ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of real annotation files of public projects; MASKFORGE_CORPUS overrides its place."""
    folder = Path(os.environ.get("MASKFORGE_CORPUS", _ROOT.parent / "shared" / "corpus")).resolve()
    if not folder.is_dir():
        pytest.skip(f"NO CORPUS: {folder} is not there, so real files of other tools are not read")
    return folder


@pytest.fixture
def eager():
    """Compile no graph of a step of training."""
    try:
        backend.start()
    except MissingDependencyError as error:
        pytest.skip(f"NO NETWORKS: {error.message}")
    with step_by_step():
        yield


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of the bundled samples."""
    return _ROOT / "samples"
