"""Who is let in, how much may be sent, and how long that may take."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import anyio

from maskforge.server.operation import HttpError, Reply, as_failure
from maskforge.server.serve_options import ServeOptions

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_OPEN = ("/health",)
_BODIES = 8
"""How many of the largest bodies are held at once, by all clients together."""

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
]


class Guard:
    """Stands before the routes.

    A page of another site cannot reach the server through somebody's browser: neither by a name
    that leads here (Host) nor by a request of its own (Origin).
    """

    def __init__(self, app: App, options: ServeOptions) -> None:
        """Guard an application."""
        self._app = app
        self._options = options
        self._held = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request in, or say why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        guarded = self._sending(send)
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        try:
            self._check(scope["path"], headers)
            length = headers.get("content-length", "0")
            if length.isdigit() and int(length) > self._most:
                raise self._too_large()
        except HttpError as error:
            await respond(as_failure(error.status, error), guarded)
            return
        body = _Body(self, receive)
        try:
            await self._app(scope, body.receive, guarded)
        finally:
            self._held -= body.size

    @property
    def _most(self) -> int:
        return self._options.body_megabytes * 2**20

    def _too_large(self) -> HttpError:
        return HttpError(
            413,
            f"the request is larger than {self._options.body_megabytes} MiB",
            hint="send less, or start the server with a larger --body-megabytes",
            headers={"Connection": "close"},
        )

    def _check(self, path: str, headers: dict[str, str]) -> None:
        host = headers.get("host", "")
        if self._options.is_loopback and _host_name(host) not in _LOOPBACK:
            raise HttpError(
                403,
                "the Host header names another machine",
                hint="this server is for its own machine only: use http://127.0.0.1",
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise HttpError(403, "pages of other sites may not use this server")
        needs_token = bool(self._options.token) and path not in _OPEN and not _is_page(path)
        if needs_token and not self._has_token(headers):
            raise HttpError(
                401,
                "the token is missing or wrong",
                hint="send it as Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _has_token(self, headers: dict[str, str]) -> bool:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        given = [headers.get("token", "")]
        if scheme.lower() == "bearer":
            given.append(value.strip())
        elif scheme.lower() == "basic":
            with contextlib.suppress(binascii.Error):
                given += base64.b64decode(value, validate=True).decode("latin-1").split(":", 1)
        wanted = self._options.token.encode()
        return any(hmac.compare_digest(one.encode(), wanted) for one in given)

    def _sending(self, send: Send) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            with anyio.fail_after(self._options.seconds):
                await send(message)

        return guarded


class _Body:
    """Receives the body of a request, within its limits."""

    def __init__(self, guard: Guard, receive: Receive) -> None:
        self._guard = guard
        self._receive = receive
        self._until = anyio.current_time() + guard._options.seconds
        self._is_whole = False
        self.size = 0

    async def receive(self) -> Message:
        if self._is_whole:  # from here on, only the end of the connection can come
            return await self._receive()
        guard = self._guard
        with anyio.move_on_after(self._until - anyio.current_time()) as scope:
            message = await self._receive()
        if scope.cancelled_caught:
            raise HttpError(
                408, "the request takes too long to arrive", headers={"Connection": "close"}
            )
        size = len(message.get("body", b""))
        self.size += size
        guard._held += size
        if self.size > guard._most:
            raise guard._too_large()
        if guard._held > guard._most * _BODIES:
            raise HttpError(503, "too much is being sent at once", headers={"Retry-After": "2"})
        self._is_whole = not message.get("more_body", False)
        return message


async def respond(reply: Reply, send: Send) -> None:
    """Send an answer."""
    headers = {"content-type": reply.media_type, "content-length": str(len(reply.content))}
    headers |= {name.lower(): value for name, value in reply.headers.items()}
    if reply.status == 304:
        del headers["content-type"], headers["content-length"]
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": reply.content})


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_page(path: str) -> bool:
    """Tell whether a path is of the page, which has no data in it."""
    return path == "/" or path.startswith("/page/")
