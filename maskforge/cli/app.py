"""The ``maskforge`` command. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

import maskforge
from maskforge.cli.convert import convert
from maskforge.cli.formats import formats
from maskforge.cli.inspect import inspect
from maskforge.cli.preview import preview

app = typer.Typer(
    name="maskforge",
    help="Exact segmentation masks from hand-drawn annotations.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (convert, inspect, preview, formats):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"maskforge {maskforge.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Exact segmentation masks from hand-drawn annotations."""


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that it cannot show must not end a run
            stream.reconfigure(errors="backslashreplace")
    app()
