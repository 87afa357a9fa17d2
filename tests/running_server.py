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


def serving(model: Path, **options: Any) -> Any:
    """Return what a server has that knows one model and no data set."""
    import maskforge as mf
    from maskforge.server.models import Models
    from maskforge.server.serve_options import ServeOptions
    from maskforge.server.service import Service

    chosen = ServeOptions(model=mf.ModelOptions(runtime="keras"), **options)
    return Service(Models([model], chosen.model), None, chosen)
