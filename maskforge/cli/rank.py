"""``maskforge rank``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import print_compared, print_json, progress, say
from maskforge.cli.flags import Flag, Flags, Given, with_flags
from maskforge.cli.modeloptions import Model
from maskforge.review.rank_options import RankOptions

_HOW = Flags(
    RankOptions,
    Flag(
        key="by",
        help="What is compared: folds of a cross-validation, flips, or thresholds.",
    ),
    Flag(key="diversity", help="How much an image loses that looks like one before it, 0 to 1."),
    Flag(key="connectivity", help="Whether pixels that touch at a corner are connected (8)."),
    Flag(key="min_size", metavar="PIXELS", help="Smaller regions are left out."),
    Flag(key="most", help="Images that the page shows."),
)


@with_flags
def rank(
    model: Annotated[Path, typer.Argument(help="A folder that train wrote.", show_default=False)],
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES...",
            help="Images, folders of images, or data sets that convert wrote.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for a page, a table, the report, and files that labeling tools sort by.",
            show_default=False,
        ),
    ] = None,
    *,
    how: Annotated[Given, _HOW],
    chosen: Model,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Rank images by how much a model doubts them: label the first ones first.

    Exit codes: 0 all images were ranked; 1 some could not be; 2 wrong use, or nothing to rank.

    Example: maskforge rank runs/cv radiographs/ --out ranked/
    """
    from maskforge.review.rank import rank as run
    from maskforge.review.rank_report import shown

    with progress() as update:
        report = run(model, images, out, overwrite=overwrite, progress=update, **chosen, **how)
    if json:
        print_json(report)
    else:
        print_compared(shown(report), report.problems, report.notes)
        if out is not None:
            say(f"Look at them: {out}/rank.html")
    raise typer.Exit(report.exit_code)
