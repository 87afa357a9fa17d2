"""A connection to a server that counts what is asked, and breaks when it is told to."""

from __future__ import annotations

import contextlib
import re
import socket
import threading

_REQUEST = re.compile(rb"(?:^|\r\n\r\n)(GET|PUT|HEAD|POST|DELETE) (\S+) HTTP/1")


class CountingProxy:
    """Listens on loopback and passes everything on.

    Attributes:
        requests: Method and path of every request.
        cuts: How many connections will yet be cut.
        method: Only connections on which this is asked are cut.
        after: Bytes of an answer, or of what is sent, that come through before.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.requests: list[tuple[str, str]] = []
        self.cuts = 0
        self.method = "GET"
        self.after = 2000
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def keys(self, method: str) -> list[str]:
        """The objects for which there was such a request, not the bucket's listings."""
        paths = (path.partition("?")[0] for one, path in self.requests if one == method)
        return [path.split("/", 2)[2] for path in paths if path.count("/") > 1 and path[-1] != "/"]

    def close(self) -> None:
        self._listener.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                state = {"cut": False, "passed": 0}
                for pair in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pass, args=(*pair, state), daemon=True).start()

    def _pass(self, source, target, is_asking, state) -> None:
        with contextlib.suppress(OSError), source, target:
            while data := source.recv(1 << 16):
                if is_asking:
                    for found in _REQUEST.finditer(data):
                        method, path = found[1].decode(), found[2].decode()
                        self.requests.append((method, path))
                        is_object = path.partition("?")[0].strip("/").count("/") > 0
                        state["cut"] = self.cuts > 0 and method == self.method and is_object
                        state["passed"] = 0
                if state["cut"] and is_asking == (self.method == "PUT"):
                    state["passed"] += len(data)
                    if state["passed"] > self.after:
                        self.cuts -= 1
                        target.sendall(data[: self.after])
                        for one in (source, target):
                            one.shutdown(socket.SHUT_RDWR)
                        return
                target.sendall(data)
