"""``maskforge export-model``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskforge.choices import ExportFormat, ExportPrecision
from maskforge.cli import options as shared
from maskforge.cli.console import print_json, print_table, progress, reported_errors, say
from maskforge.display.table import Table

if TYPE_CHECKING:
    from maskforge.nn.export import Int8Scores


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
    precision: Annotated[
        ExportPrecision,
        typer.Option(help="int8 is faster and less exact; for openvino only."),
    ] = "float32",
    dataset: Annotated[
        Path | None,
        typer.Option(
            metavar="DATASET",
            help="Images with masks, for int8.",
            show_default="those of the training",
        ),
    ] = None,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Write a model for another runtime, and make sure that it says the same there.

    The outputs are compared on inputs of several sizes; if any probability differs by more than
    0.0001, nothing is written. Height, width (multiples of the network's stride) and batch stay
    open. ONNX and OpenVINO files in the model's folder are used by predict. A model in int8 does
    say something else: how far that changes the masks, is printed.

    Exit codes: 0 done; 2 wrong use, or the model cannot be written in this format.

    Example: maskforge export-model runs/caries --to onnx --out caries.onnx
    """
    with reported_errors():
        from maskforge.training.model_export import export_model as run

        with progress() as update:
            report = run(
                model,
                out,
                format=to,
                precision=precision,
                dataset=dataset,
                overwrite=overwrite,
                progress=update,
            )
        if json:
            print_json({**asdict(report), "path": str(report.path)})
            return
        writer = "NNCF" if report.int8 else f"Keras on {report.backend}"
        say(
            f"{report.path} (written by {writer}; "
            f"probabilities differ by {report.difference:.1e} at most)"
        )
        if report.int8:
            print_table(_table(report.int8))


def _table(scores: Int8Scores) -> Table:
    columns = (scores.float32_dice, scores.int8_dice, scores.agreement)
    return Table(
        f"INT8 on {scores.images} images ({scores.part}), calibrated on {scores.calibrated} others",
        ("class", "Dice in float32", "Dice in INT8", "Dice of the two masks"),
        [
            (name, *("undefined" if one[name] is None else f"{one[name]:.4f}" for one in columns))
            for name in scores.agreement
        ],
    )
