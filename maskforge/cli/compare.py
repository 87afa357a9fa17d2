"""``maskforge compare``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import EXIT_REFUSED, print_json, print_table, reported_errors

if TYPE_CHECKING:
    from maskforge.training.run_folder import RunRecord


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

        problems: list[TrainingError] = []
        records = compare_runs(run, problem=problems.append)
        if not records:
            raise problems[0]
        for problem in problems:
            typer.secho("skipped: ", fg="yellow", err=True, nl=False)
            typer.echo(str(problem), err=True)
        if json:
            print_json(records)
        else:
            _print_runs(records)
        if problems:
            raise typer.Exit(EXIT_REFUSED)


def _print_runs(records: Sequence[RunRecord]) -> None:
    print_table(
        "Runs (scores of the best epoch: training / validation)",
        ("run", "network", "augmentation", "loss", "Dice", "IoU", "accuracy", "epoch", "time"),
        (
            (
                _name(one),
                one.network,
                one.augmentation,
                one.loss,
                *(
                    f"{_score(getattr(one.train, name))} / {_score(getattr(one.validation, name))}"
                    for name in ("dice", "iou", "accuracy")
                ),
                f"{one.best_epoch or '-'} of {one.epochs}",
                f"{one.seconds / 60:.1f} min",
            )
            for one in records
        ),
    )


def _name(record: RunRecord) -> str:
    notes = [f"mean of {len(record.folds)} folds"] if record.folds else []
    notes += [] if record.state == "finished" else [record.state]
    return f"{record.name} ({', '.join(notes)})" if notes else record.name


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
