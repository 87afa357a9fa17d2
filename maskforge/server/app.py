"""Everything that is served, as one ASGI application."""

from __future__ import annotations

import contextlib
import functools
import mimetypes
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from maskforge.server import anylabeling, api, label_studio
from maskforge.server.guard import App, Guard
from maskforge.server.openapi import openapi
from maskforge.server.operation import (
    Call,
    HttpError,
    Operation,
    Reply,
    answer,
    as_failure,
)
from maskforge.server.service import Service

OPERATIONS = (*api.OPERATIONS, *anylabeling.OPERATIONS, *label_studio.OPERATIONS)

_PAGE = Path(__file__).parent / "page"
_SECONDS_BETWEEN_LOOKS = 2.0
_SECONDS_TO_END = 5.0

mimetypes.add_type("text/javascript", ".js")  # Windows may say otherwise, and browsers refuse it


def make_app(service: Service) -> App:
    """Return the application: routes, page and guard.

    While it runs, newer models are taken up, and the models are compared with the truth.

    Args:
        service: What is served.
    """
    described = msgspec.json.encode(openapi(OPERATIONS))
    count = (os.cpu_count() or 1) + 2
    threads = anyio.CapacityLimiter(count)
    predicting = anyio.CapacityLimiter(count)  # what is sent does not hold up what is looked at
    starlette = Starlette(
        routes=[
            *(
                Route(
                    one.path,
                    _endpoint(service, one, predicting if one.takes_body else threads),
                    methods=[one.method],
                )
                for one in OPERATIONS
            ),
            Route("/openapi.json", lambda _: Response(described, media_type="application/json")),
            Route(
                "/", lambda _: Response((_PAGE / "index.html").read_bytes(), media_type="text/html")
            ),
            Mount("/page", _PageFiles(directory=_PAGE)),
        ],
        exception_handlers={HTTPException: _unknown},
        lifespan=functools.partial(_running, service),
    )
    starlette.router.redirect_slashes = False
    return Guard(starlette, service.options)


class _PageFiles(StaticFiles):
    """The files of the page: browsers ask each time whether there is a newer one."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _endpoint(
    service: Service, operation: Operation, threads: anyio.CapacityLimiter
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        fail = operation.fail or as_failure
        try:
            query = operation.read_query(request.query_params.multi_items())
            call = Call(
                request.path_params,
                query,
                await request.body() if operation.takes_body else b"",
                request.headers.get("content-type", ""),
            )
        except HttpError as error:
            return _response(fail(error.status, error))
        except ClientDisconnect:
            return Response(status_code=400)
        known = request.headers.get("if-none-match", "")
        work = functools.partial(answer, service, operation, call, known)
        return _response(await anyio.to_thread.run_sync(work, limiter=threads))

    return endpoint


def _response(reply: Reply) -> Response:
    return Response(reply.content, reply.status, dict(reply.headers), reply.media_type or None)


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = "there is nothing here" if error.status_code == 404 else error.detail
    known = HttpError(
        error.status_code,
        text,
        hint="/openapi.json describes all routes",
        headers=error.headers,
    )
    return _response(as_failure(error.status_code, known))


@contextlib.asynccontextmanager
async def _running(service: Service, _: Starlette) -> AsyncIterator[None]:
    """Look for newer models, and measure, while the server runs."""
    ends = threading.Event()

    def look() -> None:
        while not ends.wait(_SECONDS_BETWEEN_LOOKS):
            for model in service.models.values():
                model.refresh()

    threads = [threading.Thread(target=look, name="models", daemon=True)]
    if service.images is not None:
        models = [*service.models.values()]
        threads.append(
            threading.Thread(
                target=service.images.measure, args=(models,), name="evaluation", daemon=True
            )
        )
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ends.set()
        if service.images is not None:
            service.images.end()
        for thread in threads:  # which must not compute while the process ends
            await anyio.to_thread.run_sync(thread.join, _SECONDS_TO_END)
