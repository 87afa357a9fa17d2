"""``maskforge serve``."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from maskforge.cli.console import progress, say
from maskforge.cli.flags import Flag, Flags, Given, with_flags
from maskforge.cli.modeloptions import Model
from maskforge.server.serve_options import ServeOptions

_SERVED = Flags(
    ServeOptions,
    Flag(key="host", help="Address to listen at.", metavar="ADDRESS"),
    Flag(key="port", help="Port to listen at; 0 takes a free one."),
    Flag(key="body_megabytes", help="Largest request, in MiB."),
    Flag(key="megapixels", help="Largest image, in millions of pixels."),
    Flag(key="seconds", help="How long a client may take to send a request or read an answer."),
    Flag(
        key="label_studio",
        help="Fetch images from this Label Studio, with the key in LABEL_STUDIO_API_KEY.",
        metavar="URL",
    ),
)


@with_flags
def serve(
    models: Annotated[
        list[Path],
        typer.Argument(metavar="MODEL...", help="Folders that train wrote.", show_default=False),
    ],
    dataset: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A data set: its images and truth are shown beside the predictions.",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="What every client has to send; needed if other machines can connect.",
            envvar="MASKFORGE_TOKEN",
            show_default=False,
        ),
    ] = None,
    *,
    served: Annotated[Given, _SERVED],
    how: Model,
) -> None:
    """Serve models to labeling tools, to programs, and to a page in the browser.

    Ends with Ctrl-C or SIGTERM, after the answers that are being made. Exit codes: 0 ended; 2
    wrong use; 130 or 143 interrupted or terminated before it could serve.

    Example: maskforge serve runs/caries --dataset masks/
    """
    from maskforge.prediction.model_options import ModelOptions
    from maskforge.server.serve import serve as run

    def ready(address: str) -> None:
        say(f"The page is at {address}/")
        say(f"X-AnyLabeling and Label Studio find the models at {address}; end with Ctrl-C")

    log = _Log()
    for name, level in (("maskforge.server", logging.INFO), ("uvicorn.error", logging.ERROR)):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.addHandler(log)
    with progress() as update:
        run(
            models,
            dataset,
            ready=ready,
            progress=update,
            model=ModelOptions(**how),
            token=token or "",
            label_studio_key=os.environ.get("LABEL_STUDIO_API_KEY", ""),
            **served,
        )


class _Log(logging.Handler):
    """Prints what happens while nobody asks, with whatever would steer a terminal made visible."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record), err=True)
