"""A connection of HTTP/1.1 on which no client can let others wait.

The server that is used bounds nothing before a request begins, and nothing after its answer is
written: a client that sends half a request line, or never reads, would stay forever.
"""

from __future__ import annotations

import asyncio
from typing import TypeGuard, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from maskforge.server.guard import SECURITY_HEADERS
from maskforge.server.operation import HttpError, as_failure

_MOST = 500
"""Connections at once; beyond, the one that waits longest without a request is closed."""


class Connection(H11Protocol):
    """A connection; it may be idle, or wait for its client, for ``timeout_keep_alive`` seconds."""

    _idle_since = 0.0
    _idle: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > _MOST:
            idle = [one for one in self.connections if _is_idle(one) and one is not self]
            longest = min(idle, key=lambda one: one._idle_since, default=self)
            self.connections.discard(longest)  # it is lost only later
            longest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        for timer in (self._idle, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request, or for the end."""
        self._wait()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.timeout_keep_alive, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on, since the client reads."""
        if self._unread is not None:
            self._unread.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP, in the form of all other errors."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # its answer has no place any more
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            reply = as_failure(400, HttpError(400, "this is not a valid request of HTTP/1.1"))
            headers = [
                (b"content-type", reply.media_type.encode()),
                (b"content-length", str(len(reply.content)).encode()),
                (b"connection", b"close"),
                *SECURITY_HEADERS,
            ]
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=reply.content),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._wait()

    def _wait(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle_since = self.loop.time()
        self._idle = self.loop.call_later(self.timeout_keep_alive, self._end)

    def _end(self) -> None:
        if _is_idle(self):
            self.transport.abort()  # closing would wait for the client to read


def _is_idle(connection: object) -> TypeGuard[Connection]:
    """Tell whether no request is being received or answered."""
    cycle = cast(Connection, connection).cycle
    return cycle is None or cycle.response_complete
