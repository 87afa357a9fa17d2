"""``maskforge inspect``."""

from __future__ import annotations

from typing import Annotated

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import (
    EXIT_WRONG_USE,
    print_json,
    print_shown,
    progress,
    reported_errors,
)


def inspect(
    source: shared.Sources,
    format_: shared.Format = "auto",
    images: shared.Images = None,
    allow_outside_images: shared.AllowOutsideImages = False,
    size: shared.ImageSize = None,
    classes: shared.Classes = None,
    class_: shared.ClassAssignments = None,
    class_from: shared.ClassFrom = None,
    fold_case: shared.FoldCase = False,
    size_mismatch: shared.SizeMismatch = "error",
    mask_tolerance: shared.MaskTolerance = None,
    text_encoding: shared.TextEncoding = None,
    pairs: Annotated[
        bool,
        typer.Option("--pairs", help="List every annotation with its image, and the evidence."),
    ] = False,
    json: shared.Json = False,
) -> None:
    """Show what is in annotation files or in a folder of masks, without writing anything.

    Exit codes: 0 nothing was refused; 1 something was; 2 wrong use, or nothing to read.

    Example: maskforge inspect annotations/
    """
    with reported_errors():
        from maskforge.dataset.convert_options import ConvertOptions
        from maskforge.dataset.inspection import inspect as run
        from maskforge.dataset.inspection import shown
        from maskforge.masks.classfile import choose_class_map

        options = ConvertOptions(
            format=format_,
            images=images,
            allow_outside_images=allow_outside_images,
            size=shared.image_size(size),
            size_mismatch=size_mismatch,
            mask_tolerance=mask_tolerance,
            text_encoding=text_encoding,
            classes=choose_class_map(classes, class_ or (), fold_case=fold_case),
            class_from=class_from or "",
            fold_case=fold_case,
        )
        with progress() as update:
            inspection = run(source, options, pairs=pairs, progress=update)
        if json:
            print_json(inspection)
        else:
            print_shown(shown(inspection))
        if not inspection.images["found"]:
            raise typer.Exit(EXIT_WRONG_USE)
        raise typer.Exit(int(any(one.level in ("refused", "void") for one in inspection.problems)))
