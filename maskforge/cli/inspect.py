"""``maskforge inspect``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import (
    EXIT_WRONG_USE,
    print_json,
    print_table,
    progress,
    reported_errors,
)

if TYPE_CHECKING:
    from maskforge.dataset.inspection import Inspection

_SIZES_SHOWN = 8


def inspect(
    source: shared.Sources,
    format_: shared.Format = "auto",
    images: shared.Images = None,
    classes: shared.Classes = None,
    class_: shared.ClassAssignments = None,
    fold_case: shared.FoldCase = False,
    size_mismatch: shared.SizeMismatch = "error",
    json: shared.Json = False,
) -> None:
    """Show what is in annotation files or in a folder of masks, without writing anything.

    Exit codes: 0 nothing was refused; 1 something was; 2 wrong use, or nothing to read.

    Example: maskforge inspect annotations/
    """
    with reported_errors():
        from maskforge.dataset.convert_options import ConvertOptions
        from maskforge.dataset.inspection import inspect as run
        from maskforge.masks.classfile import choose_class_map

        options = ConvertOptions(
            format=format_,
            images=images,
            size_mismatch=size_mismatch,
            classes=choose_class_map(classes, class_ or (), fold_case=fold_case),
            fold_case=fold_case,
        )
        with progress() as update:
            inspection = run(source, options, progress=update)
        if json:
            print_json(inspection)
        else:
            _print(inspection)
        if not inspection.images["found"]:
            raise typer.Exit(EXIT_WRONG_USE)
        raise typer.Exit(int(any(one.level == "refused" for one in inspection.problems)))


def _print(inspection: Inspection) -> None:
    images = inspection.images
    print_table("Images", tuple(images), [tuple(images.values())])
    print_table("Formats", ("format", "images"), inspection.formats.items())
    print_table(
        "Shapes",
        ("kind", "label", "shapes"),
        (
            (kind, label or "(none)", count)
            for kind, labels in inspection.kinds.items()
            for label, count in sorted(labels.items())
        ),
    )
    total = sum(one.pixels for one in inspection.classes) or 1
    print_table(
        "Classes",
        ("id", "class", "shapes", "images", "pixels", "share"),
        (
            (str(one.id), one.name, one.shapes, one.images, one.pixels, f"{one.pixels / total:.3%}")
            for one in inspection.classes
        ),
    )
    if inspection.overlapped_pixels:
        typer.echo(f"{inspection.overlapped_pixels:,} pixels are claimed by more than one class.")
    rows = [(f"{one.width} x {one.height}", one.images) for one in inspection.sizes]
    if len(rows) > _SIZES_SHOWN:
        others = sum(count for _, count in rows[_SIZES_SHOWN:])
        rows = [*rows[:_SIZES_SHOWN], (f"{len(rows) - _SIZES_SHOWN} other sizes", others)]
    print_table("Sizes in pixels", ("size", "images"), rows)
    print_table(
        "Findings",
        ("level", "code", "count", "meaning", "first place"),
        (
            (one.level, one.code, one.count, one.meaning, one.examples[0])
            for one in inspection.problems
        ),
    )
