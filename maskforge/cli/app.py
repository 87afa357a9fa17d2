"""The ``maskforge`` command. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

import maskforge
from maskforge.cli.console import EXIT_WRONG_USE, say
from maskforge.cli.streams import Ended, fill_closed_descriptors, limit_width, listen, steady
from maskforge.display.visible import visible
from maskforge.remote import announcement

COMMANDS = (
    "convert",
    "gather",
    "inspect",
    "preview",
    "check",
    "split",
    "doctor",
    "train",
    "tune",
    "compare",
    "predict",
    "serve",
    "merge",
    "evaluate",
    "agree",
    "suspects",
    "rank",
    "export",
    "export-model",
    "formats",
)
"""Names of the commands; each is a function in a module of its name, with ``_`` for ``-``."""

_UsageError: Any = typer.BadParameter.__mro__[1]  # of click, which newer versions of typer hold
_EMPTY = re.compile(r"(--[a-z-]+=)?")


class _Commands(Mapping[str, Any]):
    """The commands by name, each loaded when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - of click, which typer may hold
        if name in COMMANDS and name not in self._loaded:
            function = name.replace("-", "_")
            single = typer.Typer(add_completion=False)
            single.command(name)(
                getattr(importlib.import_module(f"maskforge.cli.{function}"), function)
            )
            self._loaded[name] = get_command(single)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Group(TyperGroup):
    """The command line; what it says about wrong use is as safe to look at as everything else."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - whatever Typer gives
        super().__init__(**settings)
        self.commands: Any = _Commands()

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
    cls=_Group,
    help="From hand-drawn annotations to exact masks, a trained network, and back.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    announcement.listen(lambda sentence: say(sentence, err=True))


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
