"""``maskforge suspects``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import print_compared, print_json, progress, say
from maskforge.cli.flags import Flag, Flags, Given, with_flags
from maskforge.cli.modeloptions import Model
from maskforge.review.suspect_options import SuspectOptions

_HOW = Flags(
    SuspectOptions,
    Flag(key="part", help="Part of the split; auto takes test, or else validation."),
    Flag(key="split", metavar="FILE", help="Split file.", default="that of the model"),
    Flag(key="connectivity", help="Whether pixels that touch at a corner are connected (8)."),
    Flag(key="min_size", metavar="PIXELS", help="Smaller regions are left out."),
    Flag(key="tolerance", metavar="PX", help="Distance between outlines that is no error."),
    Flag(key="most", help="Regions that the page shows."),
)


@with_flags
def suspects(
    model: Annotated[
        Path,
        typer.Argument(
            help="Folder of the model, such as that of a cross-validation; or what predict wrote "
            "with --probabilities.",
            show_default=False,
        ),
    ],
    truth: Annotated[
        Path,
        typer.Argument(help="Data set, or a folder of images and masks.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for a page, a table and the report.", show_default=False
        ),
    ] = None,
    *,
    how: Annotated[Given, _HOW],
    chosen: Model,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Find drawn regions that a model contradicts which has not learned from them.

    Exit codes: 0 all images were compared; 1 some could not be; 2 wrong use, or nothing to compare.

    Example: maskforge suspects runs/cv masks/ --out suspects/
    """
    from maskforge.review.suspect_report import shown
    from maskforge.review.suspects import suspects as run

    with progress() as update:
        report = run(model, truth, out, overwrite=overwrite, progress=update, **chosen, **how)
    if json:
        print_json(report)
    else:
        print_compared(shown(report), report.problems, report.notes)
        if out is not None:
            say(f"Look at them: {out}/suspects.html")
    raise typer.Exit(report.exit_code)
