"""``maskforge gather``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import print_json, progress, reported_errors


def gather(
    shards: Annotated[
        list[Path],
        typer.Argument(
            metavar="SHARDS...",
            help="Folders that convert or predict wrote with --shard: all of one run.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder.", show_default=False)],
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Join the shards of a run into the folder that one run would have written, byte for byte.

    Exit codes and report are those of that run: convert or predict.

    Example: maskforge gather shard-*/ --out masks/
    """
    with reported_errors():
        from maskforge.dataset.conversion_report import ConversionReport
        from maskforge.shards.gather import gather as run

        with progress() as update:
            report = run(shards, out, overwrite=overwrite, progress=update)
        if json:
            print_json(report)
        elif isinstance(report, ConversionReport):
            from maskforge.cli.convert import print_report as print_conversion

            print_conversion(report)
        else:
            from maskforge.cli.predict import print_report as print_prediction

            print_prediction(report)
        raise typer.Exit(report.exit_code)
