"""A running server, and a client that can send whatever it likes."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import model_folders as models
import numpy as np
import pytest

import maskforge as mf
from maskforge.errors import MissingDependencyError
from maskforge.nn import backend

pytest.importorskip("uvicorn", reason="NO SERVER: maskforge[serve] is not installed")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def values(self) -> np.ndarray:
        """An image as its file holds it, without palette."""
        from maskforge.images.decoder import read_values

        return read_values(self.content)


@dataclass(frozen=True)
class Running:
    """A server that runs in a thread.

    Attributes:
        port: Where it listens.
        service: What it serves.
    """

    port: int
    service: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: bytes | None = None, method: str = "", **headers: str) -> Answer:
        """Send a request; underscores in the names of headers stand for hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in (self.headers | headers).items()}
        with contextlib.closing(connection):
            connection.request(method or ("GET" if body is None else "POST"), path, body, sent)
            reply = connection.getresponse()
            content = reply.read()
            return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, content)


@contextlib.contextmanager
def running(service) -> Iterator[Running]:
    """Run a server until the end of the block."""
    import socket

    import uvicorn

    from maskforge.server.app import make_app

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(make_app(service), access_log=False, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Running(listener.getsockname()[1], service)
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    """A network that calls bright pixels caries, and brighter ones crown, too."""
    try:
        backend.start()
    except MissingDependencyError as error:
        pytest.skip(f"NO NETWORKS: {error.message}, so nothing is served")
    folder = tmp_path_factory.mktemp("served") / "bright"
    return models.save(folder, models.brightness((0.5, 0.8)), head="sigmoid")


SQUARES = {"a": (10, 10, 20), "b/c d": (10, 10, 24), "missed": (30, 5, 10)}
SEEN = {"a": 180, "b/c d": 180, "missed": 100, "invented": 180, "empty": None}


def data_set(root: Path, seen: dict[str, int | None] = SEEN) -> Path:
    """Write images of 60 x 40 px, each with a square as bright as that.

    What was drawn on them is in ``SQUARES``.
    """
    for name, gray in seen.items():
        pixels = np.tile(np.arange(60, dtype=np.uint8), (40, 1))  # two values would be a mask
        x, y, side = SQUARES.get(name, (10, 10, 20))
        if gray is not None:
            pixels[y : y + min(side, 20), x : x + min(side, 20)] = gray
        shapes = []
        if name in SQUARES:
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
def server(service) -> Iterator[Running]:
    """A server with one model and a data set."""
    with running(service) as found:
        yield found
