"""``maskforge predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import print_json, print_shown, progress, say
from maskforge.cli.flags import Flag, Flags, Given, with_flags
from maskforge.cli.modeloptions import Model
from maskforge.cli.outlineoptions import Outlines
from maskforge.prediction.predict_options import PredictOptions

if TYPE_CHECKING:
    from maskforge.prediction.prediction_report import PredictionReport

_SHOWN = 50

_WRITTEN = Flags(
    PredictOptions,
    Flag(key="probabilities", help="Write them, too: (H, W, classes) float16 NPY."),
    Flag(key="overlay", help="Write every image with its mask laid over it, too."),
    Flag(
        key="encoding", help="Class ids (H, W); or one channel per class, exclusive or overlapping."
    ),
    Flag(
        key="formats",
        name="as_",
        metavar="FORMAT",
        help="Write the files of a labeling tool, too, into a folder of its name; may be repeated.",
        default="",
        many=True,
        read=tuple,
    ),
    Flag(key="image_files", help="Images, in these files: refer to them, copy or embed them."),
    Flag(key="file_type", metavar="[png|tiff|npy]", help="Type of the mask files."),
    Flag(
        key="shard",
        metavar="I/N",
        help="Do one of N parts, for example 2/8; gather joins them.",
        default="all",
        read=shared.shard,
    ),
    Flag(
        key="tiled_above",
        metavar="PIXELS",
        help="Predict larger images in parts, and write their masks as tiled TIFF.",
        default="2^30",
    ),
    Flag(key="pyramid", help="Add smaller versions to masks that are tiled."),
    Flag(
        key="dask",
        metavar="ADDRESS",
        help="Have the workers of this Dask scheduler do it, such as tcp://10.0.0.1:8786.",
        default="this machine",
    ),
)


@with_flags
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
    *,
    how: Model,
    written: Annotated[Given, _WRITTEN],
    outlines: Outlines,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Predict masks for images; the result is a data set as convert writes it.

    Exit codes: 0 all done; 1 done, but some images were refused; 2 wrong use.

    Example: maskforge predict runs/caries radiographs/ --out predicted/ --overlay
    """
    from maskforge.prediction.predict import predict as run

    with progress() as update:
        report = run(
            model,
            images,
            out,
            overwrite=overwrite,
            progress=update,
            vectorize=outlines,
            **how,
            **written,
        )
    if json:
        print_json(report)
    else:
        print_report(report)
    raise typer.Exit(report.exit_code)


def print_report(report: PredictionReport) -> None:
    """Print what was predicted."""
    from maskforge.prediction.prediction_report import shown

    print_shown(shown(report))
    for problem in report.problems[:_SHOWN]:
        say(f"refused: {problem.file}: {problem.message}", err=True)
    if len(report.problems) > _SHOWN:
        say(f"... and {len(report.problems) - _SHOWN} more; --json names them", err=True)
    say(f"Masks, classes.json and manifest.jsonl are in {report.out}")
    if not report.shard:
        say(f"Look at them: maskforge preview {report.out} --out {report.out}/preview")
