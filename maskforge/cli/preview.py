"""``maskforge preview``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import EXIT_REFUSED, EXIT_WRONG_USE, progress, reported_errors


def preview(
    dataset: Annotated[
        Path, typer.Argument(help="A folder that convert wrote.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder.", show_default=False)],
    opacity: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Of the colours inside the outlines.")
    ] = 0.35,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Largest number of images.", show_default="all")
    ] = None,
    overwrite: shared.Overwrite = False,
) -> None:
    """Lay every mask over its picture, and make a contact sheet.

    Exit codes: 0 all done; 1 some pictures or masks could not be read; 2 wrong use.

    Example: maskforge preview masks/ --out masks/preview
    """
    with reported_errors():
        from maskforge.previews import preview as run

        with progress() as update:
            report = run(
                dataset, out, opacity=opacity, limit=limit, overwrite=overwrite, progress=update
            )
        for problem in report.problems:
            typer.echo(f"refused: {problem}", err=True)
        if report.without_picture:
            typer.echo(f"{report.without_picture} masks are shown on black: picture not found.")
        for path in report.sheets:
            typer.echo(f"contact sheet: {path}")
        typer.echo(f"{len(report.overlays)} overlays in {out}")
        if report.problems:
            raise typer.Exit(EXIT_REFUSED)
        if not report.overlays:
            raise typer.Exit(EXIT_WRONG_USE)
