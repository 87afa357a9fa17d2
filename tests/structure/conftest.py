"""What the code in pages and docstrings finds in its folder."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from pathlib import Path

import pytest
from training_runs import step_by_step
from typer.testing import CliRunner

import maskforge
from maskforge.cli.app import app
from maskforge.errors import MissingDependencyError, is_installed
from maskforge.formats.registry import FORMATS
from maskforge.nn import backend


@pytest.fixture(scope="session")
def copied(tmp_path_factory, samples):
    """A folder with ``samples/`` in it."""
    folder = tmp_path_factory.mktemp("copied")
    annotated = [samples / name for name in FORMATS]
    for one in annotated:
        if not one.is_dir():
            pytest.skip(f"NO SAMPLES: {one} is not there, so the documentation is not run")
        shutil.copytree(one, folder / "samples" / one.name)
    shutil.copy(samples / "classes.toml", folder / "samples")
    return folder


@pytest.fixture(scope="session")
def converted(tmp_path_factory, copied):
    """A folder with ``masks/``, made once for all."""
    folder = Path(shutil.copytree(copied, tmp_path_factory.mktemp("converted") / "folder"))
    with contextlib.chdir(folder):
        classes = maskforge.load_class_map("samples/classes.toml")
        options = maskforge.ConvertOptions(classes=classes)
        maskforge.convert(["samples/labelme", "samples/vott"], "masks", options)
    return folder


@pytest.fixture(scope="session")
def trained(converted):
    """That folder with a tiny network in ``runs/caries``, made once for all."""
    try:
        running = backend.start()
    except MissingDependencyError as error:
        pytest.skip(f"NO NETWORKS: {error.message}, so nothing that needs one is run")
    with contextlib.chdir(converted), step_by_step():
        # In small images it marks few regions, though it has learned nothing.
        network = "--filters 4 --depth 2 --crop 0 --resize 96x72 --epochs 1"
        lines = [f"train masks --out runs/caries --only caries --test 0.2 --augment none {network}"]
        if running == "tensorflow" and is_installed("openvino"):
            # so that not every page converts it once more, in a process of its own
            lines.append("export-model runs/caries --to openvino")
        for line in lines:
            result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
            assert result.exit_code == 0, result.output
    return converted


@pytest.fixture
def workplace(tmp_path, copied, samples, monkeypatch):
    """An empty folder with the samples in it, which is the current one."""
    # Linked, because nothing here writes into a sample, and there are many pages.
    shutil.copytree(copied, tmp_path, copy_function=os.link, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    # Pages show no progress, which only slow machines tell of.
    monkeypatch.setattr("maskforge.cli.console._SECONDS_BETWEEN_LINES", math.inf)
    monkeypatch.syspath_prepend(samples)  # for the page about the scripts that make them
    return tmp_path
