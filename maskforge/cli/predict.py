"""``maskforge predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskforge.choices import Encoding, Precision, Runtime
from maskforge.cli import options as shared
from maskforge.cli.console import print_json, print_table, progress, reported_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskforge.prediction.predictor import Thresholds, Tile
    from maskforge.prediction.report import PredictionReport

_SHOWN = 50


def predict(
    model: Annotated[Path, typer.Argument(help="A folder that train wrote.", show_default=False)],
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES...",
            help="Pictures, folders of pictures, or data sets that convert wrote.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder.", show_default=False)],
    tile: Annotated[
        str,
        typer.Option(
            metavar="[auto|whole|SIZE]",
            help="Side of the tiles in pixels; auto tiles pictures of more than 1.5 megapixels.",
        ),
    ] = "auto",
    overlap: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of a tile that its neighbour covers too.")
    ] = 0.5,
    tta: Annotated[
        bool,
        typer.Option("--tta", help="Average over flips and quarter turns: 4 to 8 times the work."),
    ] = False,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[CLASS=]VALUE",
            help="Probability from which on a pixel has the class; may be repeated.",
            show_default="as tuned in training",
        ),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Write them, too: (H, W, classes) float16 NPY.")
    ] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Write every picture with its mask laid over it, too.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Tiles that the network sees at once.")
    ] = 4,
    runtime: Annotated[
        Runtime,
        typer.Option(help="What the network runs in; auto takes the fastest that is installed."),
    ] = "auto",
    precision: Annotated[
        Precision,
        typer.Option(
            help="auto is float32; bfloat16 is faster where the CPU has it, and less exact."
        ),
    ] = "auto",
    encoding: Annotated[
        Encoding,
        typer.Option(help="Class ids (H, W); or one channel per class, exclusive or overlapping."),
    ] = "integer",
    file_type: Annotated[
        str, typer.Option(metavar="[png|tiff|npy]", help="Type of the mask files.")
    ] = "png",
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Predict masks for pictures; the result is a data set as convert writes it.

    Exit codes: 0 all done; 1 done, but some pictures were refused; 2 wrong use.

    Example: maskforge predict runs/caries radiographs/ --out predicted/ --overlay
    """
    with reported_errors():
        from maskforge.prediction.predicting import predict as run
        from maskforge.prediction.report import PredictOptions

        options = PredictOptions(
            runtime=runtime,
            precision=precision,
            tile=_tile(tile),
            overlap=overlap,
            tta=tta,
            thresholds=_thresholds(threshold or ()),
            batch_size=batch_size,
            encoding=encoding,
            file_type=file_type,  # type: ignore[arg-type]  # checked there, with the reason
            probabilities=probabilities,
            overlay=overlay,
            overwrite=overwrite,
        )
        with progress() as update:
            report = run(model, images, out, options, progress=update)
        if json:
            print_json(report)
        else:
            _print_report(report)
        raise typer.Exit(report.exit_code)


def _tile(text: str) -> Tile:
    from maskforge.errors import OptionError

    if text in ("auto", "whole"):
        return text  # type: ignore[return-value]
    if not text.isdecimal() or int(text) < 1:
        raise OptionError(
            f"--tile cannot be {text!r}", hint="use auto, whole, or a side in pixels such as 512"
        )
    return int(text)


def _thresholds(texts: Sequence[str]) -> Thresholds | None:
    from maskforge.errors import OptionError

    values: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise OptionError(
                f"--threshold cannot be {text!r}", hint="write 0.4, or NAME=0.4 for one class"
            ) from None
        if not equals:
            if len(texts) > 1:
                raise OptionError("one --threshold for all classes leaves no room for others")
            return value
        values[name] = value
    return values or None


def _print_report(report: PredictionReport) -> None:
    print_table(
        "Pixels found",
        ("id", "class", "threshold", "images", "pixels"),
        (
            (
                str(one.id),
                one.name,
                f"{report.thresholds[one.name]:.3g}" if one.name in report.thresholds else "",
                one.images,
                one.pixels,
            )
            for one in report.classes
        ),
    )
    for problem in report.problems[:_SHOWN]:
        typer.echo(f"refused: {problem.file}: {problem.message}", err=True)
    if len(report.problems) > _SHOWN:
        typer.echo(f"... and {len(report.problems) - _SHOWN} more; --json names them", err=True)
    for note in report.notes:
        typer.echo(f"note: {note}")
    if report.overlapped_pixels:
        typer.echo(f"{report.overlapped_pixels:,} pixels are of more than one class.")
    predicted, found = report.images["predicted"], report.images["found"]
    rate = f", {predicted / report.seconds:.1f} images/s" if report.seconds else ""
    typer.echo(
        f"{predicted} of {found} pictures predicted in {report.runtime}, {report.precision}{rate}"
    )
    typer.echo(f"Masks, classes.json and manifest.jsonl are in {report.out}")
    typer.echo(f"Look at them: maskforge preview {report.out} --out {report.out}/preview")
