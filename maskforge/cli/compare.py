"""``maskforge compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import print_json, print_table, reported_errors


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

    Exit codes: 0 done; 2 a folder holds no run.

    Example: maskforge compare runs/*
    """
    with reported_errors():
        from maskforge.training.journal import compare_runs

        records = compare_runs(run)
        if json:
            print_json(records)
            return
        print_table(
            "Runs (scores of the best epoch: training / validation)",
            ("run", "network", "augmentation", "loss", "Dice", "IoU", "accuracy", "epoch", "time"),
            (
                (
                    one.name if one.state == "finished" else f"{one.name} ({one.state})",
                    one.network,
                    one.augmentation,
                    one.loss,
                    *(
                        f"{_score(getattr(one.train, name))} / "
                        f"{_score(getattr(one.validation, name))}"
                        for name in ("dice", "iou", "accuracy")
                    ),
                    f"{one.best_epoch} of {one.epochs}",
                    f"{one.seconds / 60:.1f} min",
                )
                for one in records
            ),
        )


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
