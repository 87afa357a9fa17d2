"""The ``maskforge`` command. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

import maskforge
from maskforge.cli.check import check
from maskforge.cli.compare import compare
from maskforge.cli.convert import convert
from maskforge.cli.evaluate import evaluate
from maskforge.cli.export_model import export_model
from maskforge.cli.formats import formats
from maskforge.cli.inspect import inspect
from maskforge.cli.predict import predict
from maskforge.cli.preview import preview
from maskforge.cli.split import split
from maskforge.cli.train import train

app = typer.Typer(
    name="maskforge",
    help="From hand-drawn annotations to exact masks, a trained network, and back.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    convert,
    inspect,
    preview,
    check,
    split,
    train,
    compare,
    predict,
    evaluate,
    export_model,
    formats,
):
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
    """From hand-drawn annotations to exact masks, a trained network, and back."""


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that it cannot show must not end a run
            stream.reconfigure(errors="backslashreplace")
    app()
