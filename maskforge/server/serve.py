"""Serving until somebody ends it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from maskforge.choices import Progress, with_keywords
from maskforge.errors import OptionError, require
from maskforge.files import PathLike, as_paths
from maskforge.server.serve_options import ServeOptions

if TYPE_CHECKING:
    import uvicorn

    from maskforge.server.service import Service

_SECONDS_TO_END = 10
"""How long requests that are being answered may hold up the end."""


def serve(
    models: PathLike | Sequence[PathLike],
    dataset: PathLike | None = None,
    options: ServeOptions | None = None,
    *,
    ready: Callable[[str], None] | None = None,
    progress: Progress | None = None,
    **keywords: object,
) -> None:
    """Serve models to labeling tools, to programs and to a page in the browser, until Ctrl-C.

    Args:
        models: Folders that a training wrote; each model has the name of its folder.
        dataset: A data set whose images and truth are shown beside the predictions.
        options: How; see ``ServeOptions``.
        ready: Called with the address as soon as clients can connect.
        progress: Called after every image of the data set that was looked at.
        keywords: Single options by name, such as ``port=8001``.

    Raises:
        DatasetError: If the data set cannot be read.
        MissingDependencyError: If a package of ``maskforge[serve]`` or a runtime is not installed.
        ModelError: If a model cannot be used.
        OptionError: If an option cannot be used, or the address is not free.

    Examples:
        >>> mf.serve("runs/caries", "masks", ready=print)  # doctest: +SKIP
        http://127.0.0.1:8000
    """
    options = with_keywords(ServeOptions, options, keywords)
    for package in ("starlette", "uvicorn", "python_multipart"):
        require(package, "maskforge[serve]")
    from maskforge.server.models import Models
    from maskforge.server.service import Service
    from maskforge.server.shown_set import ShownSet

    with _listening(options) as listener:
        service = Service(
            Models(as_paths(models), options.model),
            None if dataset is None else ShownSet(dataset, progress),
            options,
        )
        server = make_server(service)
        if ready is not None:
            host, port = listener.getsockname()[:2]
            ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        with contextlib.suppress(KeyboardInterrupt):  # has ended it, and is raised again then
            server.run(sockets=[listener])


def make_server(service: Service) -> uvicorn.Server:
    """Return a server that can be run.

    Args:
        service: What is served.
    """
    import uvicorn

    from maskforge.server.app import make_app
    from maskforge.server.connection import Connection

    return uvicorn.Server(
        uvicorn.Config(
            make_app(service),
            http=Connection,
            ws="none",
            timeout_keep_alive=service.options.seconds,
            timeout_graceful_shutdown=_SECONDS_TO_END,
            access_log=False,
            log_config=None,
            log_level="error",
            proxy_headers=False,
            server_header=False,
        )
    )


def _listening(options: ServeOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        return socket.create_server((options.host, options.port), family=family, backlog=512)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(
            f"cannot listen at {options.host}, port {options.port}: {reason}",
            hint="choose another --port, or 0 for one that is free",
        ) from None
