"""Running servers, their models and their data set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import model_folders as models
import pytest
from running_server import Running, running
from served_images import data_set

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
    return data_set(tmp_path_factory.mktemp("data"))


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
