"""Running servers, their models and their data set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import model_folders as models
import numpy as np
import pytest
from running_server import Running, running

import maskforge as mf
from maskforge.errors import MissingDependencyError
from maskforge.nn import backend

pytest.importorskip("uvicorn", reason="NO SERVER: maskforge[serve] is not installed")


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    """A network that calls bright pixels caries, and brighter ones crown, too."""
    try:
        backend.start()
    except MissingDependencyError as error:
        pytest.skip(f"NO NETWORKS: {error.message}, so nothing is served")
    folder = tmp_path_factory.mktemp("served") / "bright"
    return models.save(folder, models.brightness((0.5, 0.8)), head="sigmoid")


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory) -> Path:
    """Five images of 60 x 40 px with a bright square each.

    In ``a`` the square was drawn as it is, in ``b/c d`` too large, in ``empty`` there is nothing,
    in ``missed`` it is too dark to be found, and ``invented`` has a square that nobody drew.
    """
    root = tmp_path_factory.mktemp("data")
    drawn = {"a": (10, 10, 20), "b/c d": (10, 10, 24), "missed": (30, 5, 10)}
    seen = {"a": 180, "b/c d": 180, "missed": 100, "invented": 180}
    for name in ("a", "b/c d", "empty", "missed", "invented"):
        pixels = np.tile(np.arange(60, dtype=np.uint8), (40, 1))  # two values would be a mask
        x, y, side = drawn.get(name, (10, 10, 20))
        if name in seen:
            pixels[y : y + min(side, 20), x : x + min(side, 20)] = seen[name]
        shapes = []
        if name in drawn:
            corners = [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]
            shapes = [{"label": "caries", "shape_type": "polygon", "points": corners, "flags": {}}]
        path = root / "annotations" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
        document = {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": path.name,
            "imageData": None,
            "imageHeight": 40,
            "imageWidth": 60,
        }
        path.with_suffix(".json").write_text(json.dumps(document))
    mf.convert(root / "annotations", root / "masks", classes=models.CLASSES)
    return root / "masks"


@pytest.fixture(scope="session")
def service(model_folder, data_folder):
    """What most tests are served."""
    from maskforge.server.models import Models
    from maskforge.server.serve_options import ServeOptions
    from maskforge.server.service import Service
    from maskforge.server.shown_set import ShownSet

    options = ServeOptions(model=mf.ModelOptions(runtime="keras"))
    return Service(Models([model_folder], options.model), ShownSet(data_folder), options)


@pytest.fixture(scope="session")
def two_classes(tmp_path_factory, model_folder) -> Path:
    """A network that calls bright pixels caries, and brighter ones crown instead."""
    folder = tmp_path_factory.mktemp("served") / "two"
    network = models.brightness((0.5, 0.8), gains=(10.0, 40.0))
    return models.save(folder, network, head="sigmoid")


@pytest.fixture(scope="session")
def tools_service(two_classes, data_folder):
    """What labeling tools are served."""
    from maskforge.server.models import Models
    from maskforge.server.serve_options import ServeOptions
    from maskforge.server.service import Service
    from maskforge.server.shown_set import ShownSet

    options = ServeOptions(model=mf.ModelOptions(runtime="keras"))
    return Service(Models([two_classes], options.model), ShownSet(data_folder), options)


@pytest.fixture(scope="session")
def tools(tools_service) -> Iterator[Running]:
    """A server for labeling tools."""
    with running(tools_service) as found:
        yield found


@pytest.fixture(scope="session")
def server(service) -> Iterator[Running]:
    """A server with one model and a data set."""
    with running(service) as found:
        yield found
