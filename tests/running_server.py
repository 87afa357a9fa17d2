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

import numpy as np
import pytest


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
        uvicorn: What runs it.
    """

    port: int
    service: Any
    uvicorn: Any
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

    def has_lost_all(self, seconds=15.0) -> bool:
        """Wait until no connection is left."""
        until = time.monotonic() + seconds
        while self.uvicorn.server_state.connections and time.monotonic() < until:
            time.sleep(0.02)
        return not self.uvicorn.server_state.connections


@contextlib.contextmanager
def running(service) -> Iterator[Running]:
    """Run a server until the end of the block."""
    import socket

    from maskforge.server.serve import make_server

    host = service.options.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family, backlog=512)
    server = make_server(service)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Running(listener.getsockname()[1], service, server)
    finally:
        server.should_exit = True
        thread.join(20)


def serving(model: Path, **options: Any) -> Any:
    """Return what a server has that knows one model and no data set."""
    import maskforge as mf
    from maskforge.server.models import Models
    from maskforge.server.serve_options import ServeOptions
    from maskforge.server.service import Service

    chosen = ServeOptions(model=mf.ModelOptions(runtime="keras"), **options)
    return Service(Models([model], chosen.model), None, chosen)


def light_predictor(folder: Path, infer=None):
    """Return the network of ``model_folder`` without Keras; its folder only looks like one."""
    import model_folders as models

    from maskforge.nn.modelfile import WEIGHTS, write_description
    from maskforge.prediction.predictor import Predictor
    from maskforge.prediction.runtimes.base import Runtime

    def bright(batch):
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-100 * (batch - np.float32([0.5, 0.8]))))

    description = models.describe("sigmoid")
    folder.mkdir(parents=True, exist_ok=True)
    write_description(folder, description)
    (folder / WEIGHTS).write_bytes(b"none")
    runtime = Runtime("numpy", "float32", infer or bright)
    return Predictor(folder, description, description.classes, runtime)


def light(folder: Path, *, infer=None, **options):
    """What a server of ``light_predictor`` serves."""
    import maskforge as mf
    from maskforge.prediction.predictor import Predictor
    from maskforge.server.models import Models
    from maskforge.server.serve_options import ServeOptions
    from maskforge.server.service import Service

    predictor = light_predictor(folder, infer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Predictor, "load", lambda *_, **__: predictor)
        return Service(Models([folder], mf.ModelOptions()), None, ServeOptions(**options))
