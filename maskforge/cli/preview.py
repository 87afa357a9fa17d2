"""``maskforge preview``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskforge.choices import AugmentPreset
from maskforge.cli import options as shared
from maskforge.cli.console import EXIT_REFUSED, EXIT_WRONG_USE, progress, reported_errors, say
from maskforge.errors import OptionError

if TYPE_CHECKING:
    from maskforge.dataset.previews import PreviewOptions


def preview(
    dataset: Annotated[
        Path, typer.Argument(help="A folder that convert wrote.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder.", show_default=False)],
    opacity: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Of the colors inside the outlines.")
    ] = 0.35,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Largest number of images.", show_default="all")
    ] = None,
    augmented: Annotated[
        bool,
        typer.Option("--augmented", help="Show what a network would see in training instead."),
    ] = False,
    augment: Annotated[
        AugmentPreset | None,
        typer.Option(help="With --augmented: how far images are changed.", show_default="light"),
    ] = None,
    crop: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="PX",
            help="With --augmented: side of the random crops.",
            show_default="whole images",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="With --augmented: of crops and augmentation.", show_default="0"),
    ] = None,
    workers: shared.Workers = None,
    overwrite: shared.Overwrite = False,
) -> None:
    """Lay every mask over its image, and make a contact sheet.

    With --augmented, each row of the contact sheet shows an image, and four versions of it as
    training makes them from it.

    Exit codes: 0 all done; 1 some images or masks could not be read; 2 wrong use.

    Example: maskforge preview masks/ --out masks/preview
    """
    with reported_errors():
        from maskforge.dataset.previews import PreviewOptions

        options = PreviewOptions(opacity, limit, workers)
        if not augmented:
            _refuse({"--augment": augment, "--crop": crop, "--seed": seed})
            _plain(dataset, out, options, overwrite=overwrite)
        elif workers is not None:
            raise OptionError(
                "--workers has no effect with --augmented", hint="leave one of them out"
            )
        else:
            from maskforge.augmentation.augment_options import AugmentOptions, resolve
            from maskforge.batches.sheet import preview_augmented
            from maskforge.examples.sources import open_examples

            changes = resolve(AugmentOptions(preset=augment or "light"))
            with progress() as update:
                examples = open_examples(dataset, unfinished="use", progress=update)
                report = preview_augmented(
                    examples,
                    out,
                    changes,
                    options,
                    crop=crop or 0,
                    seed=seed or 0,
                    overwrite=overwrite,
                    progress=update,
                )
            for note in examples.notes:
                say(note)
            _end(report.sheets, report.problems, f"{report.images} images shown in {out}")


def _refuse(given: Mapping[str, object]) -> None:
    for name, value in given.items():
        if value is not None:
            raise OptionError(f"{name} has no effect here", hint="add --augmented")


def _plain(dataset: Path, out: Path, options: PreviewOptions, *, overwrite: bool) -> None:
    from maskforge.dataset.previews import preview as run

    with progress() as update:
        report = run(dataset, out, options, overwrite=overwrite, progress=update)
    if report.unfinished:
        say(f"{dataset} is unfinished: these are the images that its run came to.")
    if report.without_image:
        say(f"{report.without_image} masks are shown on black: image not found.")
    if report.partial:
        say(f"{report.partial} masks are partial: not all that was drawn could be read.")
    _end(report.sheets, report.problems, f"{len(report.overlays)} overlays in {out}")
    if not report.overlays:
        raise typer.Exit(EXIT_WRONG_USE)


def _end(sheets: Sequence[Path], problems: Sequence[str], summary: str) -> None:
    for problem in problems:
        say(f"refused: {problem}", err=True)
    for path in sheets:
        say(f"contact sheet: {path}")
    say(summary)
    if problems:
        raise typer.Exit(EXIT_REFUSED)
