"""``maskforge export-model``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from maskforge.choices import ExportFormat
from maskforge.cli import options as shared
from maskforge.cli.console import print_json, reported_errors, say


def export_model(
    model: Annotated[Path, typer.Argument(help="A folder that train wrote.", show_default=False)],
    to: Annotated[ExportFormat, typer.Option("--to", help="The format.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="File to write; a folder for saved-model.",
            show_default="the usual name in the model's folder",
        ),
    ] = None,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Write a model for another runtime, and make sure that it says the same there.

    The outputs are compared on inputs of several sizes; if any probability differs by more than
    0.0001, nothing is written. Height, width (multiples of the network's stride) and batch stay
    open. ONNX and OpenVINO files in the model's folder are used by predict.

    Exit codes: 0 done; 2 wrong use, or the model cannot be written in this format.

    Example: maskforge export-model runs/caries --to onnx --out caries.onnx
    """
    with reported_errors():
        from maskforge.training.model_export import export_model as run

        report = run(model, out, format=to, overwrite=overwrite)
        if json:
            print_json({**asdict(report), "path": str(report.path)})
            return
        say(
            f"{report.path} (written by Keras on {report.backend}; "
            f"probabilities differ by {report.difference:.1e} at most)"
        )
