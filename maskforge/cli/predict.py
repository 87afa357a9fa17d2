"""``maskforge predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskforge.choices import Encoding
from maskforge.cli import modeloptions
from maskforge.cli import options as shared
from maskforge.cli.console import print_json, print_shown, progress, reported_errors

if TYPE_CHECKING:
    from maskforge.prediction.prediction_report import PredictionReport

_SHOWN = 50


def predict(
    model: Annotated[Path, typer.Argument(help="A folder that train wrote.", show_default=False)],
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES...",
            help="Images, folders of images, or data sets that convert wrote.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder.", show_default=False)],
    tile: modeloptions.Tile = "auto",
    overlap: modeloptions.Overlap = 0.5,
    tta: modeloptions.Tta = False,
    threshold: modeloptions.Threshold = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Write them, too: (H, W, classes) float16 NPY.")
    ] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Write every image with its mask laid over it, too.")
    ] = False,
    batch_size: modeloptions.BatchSize = 4,
    runtime: modeloptions.Runtime = "auto",
    precision: modeloptions.Precision = "auto",
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
    """Predict masks for images; the result is a data set as convert writes it.

    Exit codes: 0 all done; 1 done, but some images were refused; 2 wrong use.

    Example: maskforge predict runs/caries radiographs/ --out predicted/ --overlay
    """
    with reported_errors():
        from maskforge.prediction.predict import predict as run
        from maskforge.prediction.predict_options import PredictOptions

        options = PredictOptions(
            runtime=runtime,
            precision=precision,
            tile=modeloptions.parse_tile(tile),
            overlap=overlap,
            tta=tta,
            thresholds=modeloptions.parse_thresholds(threshold),
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


def _print_report(report: PredictionReport) -> None:
    from maskforge.prediction.prediction_report import shown

    print_shown(shown(report))
    for problem in report.problems[:_SHOWN]:
        typer.echo(f"refused: {problem.file}: {problem.message}", err=True)
    if len(report.problems) > _SHOWN:
        typer.echo(f"... and {len(report.problems) - _SHOWN} more; --json names them", err=True)
    typer.echo(f"Masks, classes.json and manifest.jsonl are in {report.out}")
    typer.echo(f"Look at them: maskforge preview {report.out} --out {report.out}/preview")
