"""``maskforge convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskforge.choices import (
    ClosedLines,
    Encoding,
    InnerRings,
    MultiTag,
    Overlap,
    Refused,
    Unvisited,
)
from maskforge.cli import options as shared
from maskforge.cli.console import (
    print_findings,
    print_json,
    print_shown,
    progress,
    reported_errors,
    say,
)
from maskforge.raster.registry import RasterizerName

if TYPE_CHECKING:
    from maskforge.dataset.conversion_report import ConversionReport


def convert(
    source: shared.Sources,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder.", show_default=False)],
    format_: shared.Format = "auto",
    images: shared.Images = None,
    allow_outside_images: shared.AllowOutsideImages = False,
    size: shared.ImageSize = None,
    extract_images: Annotated[
        bool,
        typer.Option(
            "--extract-images",
            help="Write images that exist only inside annotation files beside the masks.",
        ),
    ] = False,
    encoding: Annotated[
        Encoding,
        typer.Option(
            help="Class ids (H, W); or one channel per class (H, W, C), exclusive or overlapping.",
        ),
    ] = "integer",
    file_type: Annotated[
        str, typer.Option(metavar="[png|tiff|npy]", help="Type of the mask files.")
    ] = "png",
    tiled_above: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS",
            help="Draw masks of more pixels in bands of rows, and write them as tiled TIFF.",
            show_default="2^30",
        ),
    ] = None,
    pyramid: Annotated[
        bool, typer.Option("--pyramid", help="Add smaller versions to masks that are tiled.")
    ] = False,
    rasterizer: Annotated[
        RasterizerName,
        typer.Option(
            help="exact: a pixel counts if its center is inside; the others fill as that library.",
        ),
    ] = "exact",
    classes: shared.Classes = None,
    class_: shared.ClassAssignments = None,
    class_from: shared.ClassFrom = None,
    fold_case: shared.FoldCase = False,
    overlap: Annotated[
        Overlap,
        typer.Option(
            help="On top: the later shape, the smaller one, the later class; or refuse the image.",
        ),
    ] = "order",
    instances: Annotated[
        bool, typer.Option("--instances", help="Write an instance map beside each mask.")
    ] = False,
    instances_from: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Write an instance map; shapes of a class with one value of this key, such as "
            "attributes.tooth, are one.",
            show_default="the group of the shape",
        ),
    ] = None,
    line_width: Annotated[
        float | None,
        typer.Option(metavar="PX", min=0.0, help="Draw lines this wide.", show_default="not drawn"),
    ] = None,
    point_radius: Annotated[
        float | None,
        typer.Option(metavar="PX", min=0.0, help="Draw points as discs.", show_default="not drawn"),
    ] = None,
    closed_lines: Annotated[
        ClosedLines,
        typer.Option(help="A line that ends where it begins: a line, or the outline of an area."),
    ] = "line",
    inner_rings: Annotated[
        InnerRings,
        typer.Option(
            help="A shape wholly inside another one of its class: an area, or a hole in it."
        ),
    ] = "area",
    multi_tag: Annotated[
        MultiTag,
        typer.Option(
            help="Which labels of a shape with several count.",
        ),
    ] = "first",
    unlabeled: Annotated[
        str | None,
        typer.Option(
            metavar="[skip|error|NAME]",
            help="A shape without label is left out, refused, or gets this label.",
            show_default="skip; refuse if its class cannot be resolved",
        ),
    ] = None,
    refused: Annotated[
        Refused,
        typer.Option(
            help="The place of a shape that cannot be drawn: as if there were none, or void (255).",
        ),
    ] = "leave-out",
    unvisited: Annotated[
        Unvisited,
        typer.Option(
            help="What becomes of images that nobody has looked at.",
        ),
    ] = "skip",
    size_mismatch: shared.SizeMismatch = "error",
    mask_tolerance: shared.MaskTolerance = None,
    text_encoding: shared.TextEncoding = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Write nothing if any record would be left out."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but writing.")] = False,
    workers: shared.Workers = None,
    shard: shared.Shard = None,
    dask: shared.Dask = "",
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Turn VoTT, SuperAnnotate or LabelMe annotations into masks.

    Exit codes: 0 all done; 1 done, but something was refused (or skipped, with --strict);
    2 wrong use, or nothing to read.

    Example: maskforge convert annotations/ --out masks/ --class caries=1 --class enamel=2
    """
    with reported_errors():
        from maskforge.dataset.conversion import convert as run
        from maskforge.dataset.convert_options import ConvertOptions
        from maskforge.masks.classfile import choose_class_map
        from maskforge.shapes import MOST_PIXELS

        options = ConvertOptions(
            encoding=encoding,
            rasterizer=rasterizer,
            overlap=overlap,
            line_width=line_width,
            point_radius=point_radius,
            closed_lines=closed_lines,
            inner_rings=inner_rings,
            multi_tag=multi_tag,
            unlabeled=unlabeled,
            refused=refused,
            instances=instances,
            instances_from=instances_from or "",
            format=format_,
            images=images,
            allow_outside_images=allow_outside_images,
            size=shared.image_size(size),
            extract_images=extract_images,
            size_mismatch=size_mismatch,
            mask_tolerance=mask_tolerance,
            text_encoding=text_encoding,
            tiled_above=MOST_PIXELS if tiled_above is None else tiled_above,
            pyramid=pyramid,
            file_type=file_type,  # type: ignore[arg-type]  # checked there, with the reason
            classes=choose_class_map(classes, class_ or (), fold_case=fold_case),
            class_from=class_from or "",
            fold_case=fold_case,
            unvisited=unvisited,
            strict=strict,
            dry_run=dry_run,
            workers=workers,
            shard=shared.shard(shard),
            dask=dask,
        )
        with progress() as update:
            report = run(source, out, options, overwrite=overwrite, progress=update)
        if json:
            print_json(report)
        else:
            print_report(report, dry_run=dry_run)
        raise typer.Exit(max(report.exit_code, int(strict and report.lost > 0)))


def print_report(report: ConversionReport, *, dry_run: bool = False) -> None:
    """Print what was converted."""
    from maskforge.dataset.conversion_report import shown

    print_shown(shown(report))
    print_findings(report.findings)
    if report.written and not report.images["drawn"] + report.images["partial"]:
        say(f"No mask could be made; manifest.jsonl in {report.out} says why.")
    elif report.written:
        say(f"Masks, classes.json and manifest.jsonl are in {report.out}")
        if not report.shard:
            say(f"Look at them: maskforge preview {report.out} --out {report.out}/preview")
    elif dry_run:
        say("Nothing was written (--dry-run).")
    elif not report.images["found"]:
        say("Nothing was written: no annotated image was found.")
    else:
        say("Nothing was written, because something would have been left out (--strict).")
