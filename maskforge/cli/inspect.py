"""``maskforge inspect``."""

from __future__ import annotations

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import (
    EXIT_WRONG_USE,
    print_json,
    print_shown,
    progress,
    reported_errors,
)
from maskforge.formats.limits import LARGEST_FILE, MOST_SHAPES


def inspect(
    source: shared.Sources,
    format_: shared.Format = "auto",
    images: shared.Images = None,
    classes: shared.Classes = None,
    class_: shared.ClassAssignments = None,
    class_from: shared.ClassFrom = None,
    fold_case: shared.FoldCase = False,
    size_mismatch: shared.SizeMismatch = "error",
    text_encoding: shared.TextEncoding = None,
    largest_file: shared.LargestFile = LARGEST_FILE,
    most_shapes: shared.MostShapes = MOST_SHAPES,
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
            size_mismatch=size_mismatch,
            text_encoding=text_encoding,
            largest_file=largest_file,
            most_shapes=most_shapes,
            classes=choose_class_map(classes, class_ or (), fold_case=fold_case),
            class_from=class_from or "",
            fold_case=fold_case,
        )
        with progress() as update:
            inspection = run(source, options, progress=update)
        if json:
            print_json(inspection)
        else:
            print_shown(shown(inspection))
        if not inspection.images["found"]:
            raise typer.Exit(EXIT_WRONG_USE)
        raise typer.Exit(int(any(one.level in ("refused", "void") for one in inspection.problems)))
