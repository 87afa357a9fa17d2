"""``maskforge compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import EXIT_REFUSED, print_json, print_table, reported_errors, say


def compare(
    run: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN", help="Folders of runs, or folders that hold some.", show_default=False
        ),
    ],
    json: shared.Json = False,
) -> None:
    """Print the table of runs, the best validation Dice first.

    Exit codes: 0 done; 1 some folders hold no run or a broken one, the others are shown; 2 there is
    no run at all.

    Example: maskforge compare runs/*
    """
    with reported_errors():
        from maskforge.errors import TrainingError
        from maskforge.training.compare import compare_runs
        from maskforge.training.run_folder import runs_table

        problems: list[TrainingError] = []
        records = compare_runs(run, problem=problems.append)
        if not records:
            raise problems[0]
        for problem in problems:
            say("skipped: ", fg="yellow", err=True, nl=False)
            say(str(problem), err=True)
        if json:
            print_json(records)
        else:
            print_table(runs_table(records))
        if problems:
            raise typer.Exit(EXIT_REFUSED)
