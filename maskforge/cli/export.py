"""``maskforge export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from maskforge.choices import ChosenHoles, ImageFiles, Unvisited
from maskforge.cli import options as shared
from maskforge.cli.console import (
    print_findings,
    print_json,
    print_shown,
    progress,
    say,
)
from maskforge.cli.flags import with_flags
from maskforge.cli.outlineoptions import Outlines
from maskforge.formats.registry import FormatName, WriterName

if TYPE_CHECKING:
    from maskforge.exports.export_report import ExportReport


@with_flags
def export(
    source: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE",
            help="Annotation files, folders of them, or data sets that convert or predict wrote.",
            show_default=False,
        ),
    ],
    format_: Annotated[
        WriterName,
        typer.Option("--format", help="Format that is written.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder.", show_default=False)],
    *,
    source_format: Annotated[
        Literal["auto", FormatName],
        typer.Option("--from", help="Format of annotations; auto tells it by their keys."),
    ] = "auto",
    images: shared.Images = None,
    allow_outside_images: shared.AllowOutsideImages = False,
    size: shared.ImageSize = None,
    image_files: Annotated[
        ImageFiles,
        typer.Option(help="Images: refer to them, copy them, or put them into the files."),
    ] = "reference",
    holes: Annotated[
        ChosenHoles,
        typer.Option(help="How holes are written; auto is the best way of the format."),
    ] = "auto",
    classes: shared.Classes = None,
    class_: shared.ClassAssignments = None,
    fold_case: shared.FoldCase = False,
    unvisited: Annotated[
        Unvisited,
        typer.Option(help="Images that nobody has looked at, if the format cannot say so."),
    ] = "skip",
    size_mismatch: shared.SizeMismatch = "error",
    mask_tolerance: shared.MaskTolerance = None,
    text_encoding: shared.TextEncoding = None,
    outlines: Outlines,
    workers: shared.Workers = None,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Write annotations, masks or predictions as files of a labeling tool.

    Shapes become what the format can hold, without a change of one pixel; what it cannot hold is
    counted. Exit codes: 0 all done; 1 done, but something was refused; 2 wrong use, or nothing to
    write.

    Example: maskforge export predicted/ --format labelme --out to-correct/
    """
    from maskforge.exports.export import export as run
    from maskforge.exports.export_options import ExportOptions
    from maskforge.masks.classfile import choose_class_map

    options = ExportOptions(
        format=format_,
        source_format=source_format,
        images=images,
        allow_outside_images=allow_outside_images,
        size=shared.image_size(size),
        size_mismatch=size_mismatch,
        mask_tolerance=mask_tolerance,
        text_encoding=text_encoding,
        classes=choose_class_map(classes, class_ or (), fold_case=fold_case),
        fold_case=fold_case,
        holes=holes,
        image_files=image_files,
        unvisited=unvisited,
        workers=workers,
    )
    with progress() as update:
        report = run(source, out, options, overwrite=overwrite, progress=update, vectorize=outlines)
    if json:
        print_json(report)
    else:
        _print_report(report)
    raise typer.Exit(report.exit_code)


def _print_report(report: ExportReport) -> None:
    from maskforge.exports.export_report import shown

    print_shown(shown(report))
    print_findings(report.findings)
    if report.images["written"]:
        say(f"The files are in {report.out}")
    else:
        say("Nothing was written: there is no image that could be.")
