"""The ``maskforge`` command. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import re
import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import maskforge
from maskforge.cli.check import check
from maskforge.cli.compare import compare
from maskforge.cli.console import EXIT_WRONG_USE, say
from maskforge.cli.convert import convert
from maskforge.cli.evaluate import evaluate
from maskforge.cli.export import export
from maskforge.cli.export_model import export_model
from maskforge.cli.formats import formats
from maskforge.cli.inspect import inspect
from maskforge.cli.merge import merge
from maskforge.cli.predict import predict
from maskforge.cli.preview import preview
from maskforge.cli.serve import serve
from maskforge.cli.split import split
from maskforge.cli.streams import Ended, fill_closed_descriptors, limit_width, listen, steady
from maskforge.cli.train import train
from maskforge.display.visible import visible

_UsageError: Any = typer.BadParameter.__mro__[1]  # of click, which newer versions of typer hold
_EMPTY = re.compile(r"(--[a-z-]+=)?")


class _Commands(TyperGroup):
    """The commands; what is said about wrong use is as safe to look at as everything else."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        Ended.has_results = args[:1] == ["split"] or any(one.startswith("--out") for one in args)
        if any(map(_EMPTY.fullmatch, args)):  # as a path it would be the working folder
            raise typer.BadParameter("an argument is empty", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 - as above
        try:
            return super().invoke(ctx)
        except _UsageError as error:
            error.message = visible(error.message)
            raise


app = typer.Typer(
    name="maskforge",
    cls=_Commands,
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
    serve,
    merge,
    evaluate,
    export,
    export_model,
    formats,
):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"maskforge {maskforge.__version__}")
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
    # Of damaged metadata, without the name of the file; nothing that maskforge reads is among it.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    fill_closed_descriptors()
    limit_width()
    listen()
    sys.stdout, output = steady(sys.stdout)
    sys.stderr, _ = steady(sys.stderr)
    code: str | int | None = 0
    try:
        app()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    if output is not None and output.is_full:
        assert output.failure is not None
        say(f"standard output cannot be written: {output.failure.strerror}", err=True)
        code = code if code or Ended.has_results else EXIT_WRONG_USE
    sys.exit(code)
