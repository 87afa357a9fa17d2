"""``maskforge merge``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskforge.choices import Untouched
from maskforge.cli import options as shared
from maskforge.cli.console import (
    print_findings,
    print_json,
    print_shown,
    progress,
    reported_errors,
    say,
)

if TYPE_CHECKING:
    from maskforge.corrections.merge_report import MergeReport


def merge(
    corrected: shared.Sources,
    predictions: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder that predict wrote: what people saw.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The new data set.", show_default=False)],
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Data set whose images are taken over; where both have an image, the correction "
            "counts.",
            show_default="only the corrections",
        ),
    ] = None,
    untouched: Annotated[
        Untouched,
        typer.Option(
            help="Images that came back as predicted, and not marked as checked: left out, taken "
            "as confirmed, or kept as predictions.",
        ),
    ] = "skip",
    format_: shared.Format = "auto",
    images: shared.Images = None,
    allow_outside_images: shared.AllowOutsideImages = False,
    classes: shared.Classes = None,
    size_mismatch: shared.SizeMismatch = "error",
    text_encoding: shared.TextEncoding = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but writing.")] = False,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Make the next data set of predictions that people have corrected, and say what they changed.

    Exit codes: 0 all done; 1 done, but something was refused; 2 wrong use, or nothing was taken.

    Example: maskforge merge corrected/ --predictions predicted/ --into masks/ --out masks-2/
    """
    with reported_errors():
        from maskforge.corrections.merge import merge as run
        from maskforge.dataset.convert_options import ConvertOptions
        from maskforge.masks.classfile import choose_class_map

        reading = ConvertOptions(
            format=format_,
            images=images,
            allow_outside_images=allow_outside_images,
            size_mismatch=size_mismatch,
            text_encoding=text_encoding,
            classes=choose_class_map(classes, (), fold_case=False),
            dry_run=dry_run,
        )
        with progress() as update:
            report = run(
                corrected,
                predictions,
                out,
                into=into,
                untouched=untouched,
                convert=reading,
                overwrite=overwrite,
                progress=update,
            )
        if json:
            print_json(report)
        else:
            _print_report(report, dry_run=dry_run)
        raise typer.Exit(report.exit_code)


def _print_report(report: MergeReport, *, dry_run: bool) -> None:
    from maskforge.corrections.merge_report import shown

    print_shown(shown(report))
    print_findings(report.conversion.findings)
    for note in report.notes:
        say(f"note: {note}")
    if dry_run:
        say("Nothing was written (--dry-run).")
    else:
        say(f"Masks, classes.json, manifest.jsonl and corrections.csv are in {report.out}")
