"""Who is let in, how much may be sent, and how long that may take."""

from __future__ import annotations

import base64
import contextlib
import hmac
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import anyio

from maskforge.server.operation import HttpError, Reply, as_failure
from maskforge.server.serve_options import ServeOptions

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_log = logging.getLogger("maskforge.server")

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::[0-9]{1,5})?")
_OPEN = ("/health",)
_ONCE = (
    "authorization",
    "content-length",
    "content-type",
    "host",
    "origin",
    "sec-fetch-site",
    "token",
    "transfer-encoding",
)
_BODIES = 8
"""How many of the largest bodies are held at once, by all clients together."""

SECURITY_HEADERS = [
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
"""What browsers are told with every answer."""


class Guard:
    """Stands before the routes.

    A page of another site cannot reach the server through somebody's browser: neither by a name
    that leads here (Host) nor by a request of its own (Origin, Sec-Fetch-Site).
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
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        body = _Body(self, headers, receive)
        answer = _Answer(body, send)
        try:
            self._check_form(scope["headers"], headers)
            self._check_sender(scope["path"], headers)
            await self._app(scope, body.receive, answer.send)
        except HttpError as error:
            await respond(as_failure(error.status, error), answer.send)
        except anyio.get_cancelled_exc_class():
            body.is_left = False
            ended = HttpError(503, "the server ends")
            await respond(as_failure(503, ended), answer.send)
        except Exception:
            if answer.has_begun:
                raise
            _log.exception("a request failed")
            failure = HttpError(500, "this is a fault of the server; its log has more")
            await respond(as_failure(500, failure), answer.send)
        finally:
            body.release()

    @property
    def _most(self) -> int:
        return self._options.body_megabytes * 2**20

    def _too_large(self) -> HttpError:
        return HttpError(
            413,
            f"the request is larger than {self._options.body_megabytes} MiB",
            hint="send less, or start the server with a larger --body-megabytes",
        )

    def _check_form(self, pairs: list[tuple[bytes, bytes]], headers: dict[str, str]) -> None:
        """Refuse what two readers would understand in two ways."""
        counts = Counter(name.decode("latin-1").lower() for name, _ in pairs)
        for name in _ONCE:
            if counts[name] > 1:
                raise HttpError(400, f"the header {name} is there twice")
        length = headers.get("content-length", "")
        if length and "transfer-encoding" in headers:
            raise HttpError(400, "the length of the body is told in two ways")
        if length.isdigit() and int(length) > self._most:
            raise self._too_large()

    def _check_sender(self, path: str, headers: dict[str, str]) -> None:
        host = headers.get("host", "").lower()
        names = (*_LOOPBACK, self._options.host.lower())
        if self._options.is_loopback and _host_name(host) not in names:
            raise HttpError(
                403,
                "the Host header names another machine",
                hint="this server is for its own machine only: use http://127.0.0.1",
            )
        own = [f"http://{host}"]
        if not self._options.is_loopback:
            own.append(f"https://{host}")  # before it, another server may encrypt
        is_foreign = headers.get("origin", own[0]).lower() not in own
        site = headers.get("sec-fetch-site", "none")
        if is_foreign or (site not in ("none", "same-origin") and not _is_page(path)):
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
            with contextlib.suppress(ValueError):
                given += base64.b64decode(value, validate=True).decode("latin-1").split(":", 1)
        wanted = self._options.token.encode()
        return any(hmac.compare_digest(one.encode(), wanted) for one in given)


class _Body:
    """Receives the body of a request, within its limits.

    Attributes:
        is_left: Whether the client may still be sending it.
    """

    def __init__(self, guard: Guard, headers: dict[str, str], receive: Receive) -> None:
        self._guard = guard
        self._receive = receive
        self._until = anyio.current_time() + guard._options.seconds
        self._size = 0
        self.is_left = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers

    async def receive(self) -> Message:
        if not self.is_left:  # from here on, only the end of the connection can come
            return await self._receive()
        guard = self._guard
        with anyio.move_on_after(self._until - anyio.current_time()) as scope:
            message = await self._receive()
        if scope.cancelled_caught:
            raise HttpError(408, "the request takes too long to arrive")
        size = len(message.get("body", b""))
        self._size += size
        guard._held += size
        if self._size > guard._most:
            raise guard._too_large()
        if guard._held > guard._most * _BODIES:
            raise HttpError(503, "too much is being sent at once", headers={"Retry-After": "2"})
        self.is_left = message.get("more_body", False)
        return message

    async def discard(self) -> None:
        """Receive the rest, for clients that read no answer before they have sent everything."""
        self.release()
        with anyio.move_on_after(self._until - anyio.current_time()):
            while self.is_left:
                self.is_left = (await self._receive()).get("more_body", False)

    def release(self) -> None:
        """Do not count it any more."""
        self._guard._held -= self._size
        self._size = 0


class _Answer:
    """Sends the answer to a request.

    Attributes:
        has_begun: Whether a part of it was sent.
    """

    def __init__(self, body: _Body, send: Send) -> None:
        self._body = body
        self._send = send
        self.has_begun = False

    async def send(self, message: Message) -> None:
        self.has_begun = True
        if message["type"] == "http.response.start":
            headers = [*message["headers"], *SECURITY_HEADERS]
            if self._body.is_left:
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        elif self._body.is_left and not message.get("more_body", False):
            # Closed now, the client would be told of a broken connection instead of the answer.
            await self._send({**message, "more_body": True})
            await self._body.discard()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)


async def respond(reply: Reply, send: Send) -> None:
    """Send an answer."""
    headers = {"content-type": reply.media_type, "content-length": str(len(reply.content))}
    headers |= {name.lower(): value for name, value in reply.headers.items()}
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": reply.content})


def _host_name(host: str) -> str:
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]) if found else ""


def _is_page(path: str) -> bool:
    """Tell whether a path is of the page, which has no data in it."""
    return path == "/" or path.startswith("/page/")
