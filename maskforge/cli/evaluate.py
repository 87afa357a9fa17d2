"""``maskforge evaluate``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import print_compared, print_json, progress, reported_errors, say
from maskforge.cli.dataoptions import Data
from maskforge.cli.flags import with_flags
from maskforge.cli.modeloptions import Model
from maskforge.cli.unitoptions import UNITS, LesionClass, UnitClass, UnitPixels, Units

if TYPE_CHECKING:
    from maskforge.examples.example import ExampleSet

_MEASURES, _REPORT = "Measures", "Report"


@with_flags
def evaluate(
    predicted: Annotated[
        Path,
        typer.Argument(
            help="Folder of a model, or of masks: what predict or convert wrote, or any masks.",
            show_default=False,
        ),
    ],
    truth: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Data set or folder of masks to compare with; a model needs the images, too. "
            "Several, one for each annotator: does it differ from them more than they do?",
            show_default=False,
        ),
    ] = None,
    *,
    data: Data,
    split: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Split file.", show_default="that of the model, if it fits"
        ),
    ] = None,
    part: Annotated[
        Literal["auto", "test", "validation", "train", "all"],
        typer.Option(help="Part of the split; auto takes test, or else validation."),
    ] = "auto",
    tolerance: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="PX",
            help="Distance between outlines that is no error, for surface Dice.",
            rich_help_panel=_MEASURES,
        ),
    ] = 2.0,
    spacing: Annotated[
        str | None,
        typer.Option(
            metavar="HEIGHTxWIDTH",
            help="Size of a pixel, such as 0.04x0.04 mm; distances are then in that unit.",
            show_default="pixels",
            rich_help_panel=_MEASURES,
        ),
    ] = None,
    connectivity: Annotated[
        Literal["4", "8"],
        typer.Option(
            help="Whether pixels that touch at a corner belong to one lesion (8) or not (4).",
            rich_help_panel=_MEASURES,
        ),
    ] = "8",
    match_iou: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Smallest IoU with which a lesion counts as found; 0 for any common pixel.",
            rich_help_panel=_MEASURES,
        ),
    ] = 0.0,
    min_size: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="PIXELS",
            help="Smaller lesions do not count.",
            rich_help_panel=_MEASURES,
        ),
    ] = 1,
    top_pixels: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="The score of an image, for ROC AUC, is the mean of its N largest probabilities.",
            rich_help_panel=_MEASURES,
        ),
    ] = 1,
    bootstrap: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Resampled data sets for the 95 % intervals; 0 for none.",
            rich_help_panel=_MEASURES,
        ),
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Of the resampling.", rich_help_panel=_MEASURES)] = 0,
    unit_class: UnitClass = None,
    units: Units = None,
    lesion_class: LesionClass = None,
    unit_pixels: UnitPixels = 10,
    depth_from: Annotated[
        str | None,
        typer.Option(
            metavar="ENAMEL,DENTINE,PULP",
            help="Classes of the tissues, by which E1 to D3 are told.",
            show_default=False,
            rich_help_panel=UNITS,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of the truth by whose values there is a table; `group` for the groups.",
            show_default=False,
            rich_help_panel=_REPORT,
        ),
    ] = None,
    worst: Annotated[
        int,
        typer.Option(min=0, help="Worst images that are drawn.", rich_help_panel=_REPORT),
    ] = 12,
    charts: Annotated[
        bool,
        typer.Option(
            help="Draw confusion matrix, ROC curve and calibration.", rich_help_panel=_REPORT
        ),
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for report.json, per-class.csv, per-image.csv and images.",
            show_default=False,
            rich_help_panel=_REPORT,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="One page for people to read, print or mail, with all of this inside.",
            show_default=False,
            rich_help_panel=_REPORT,
        ),
    ] = None,
    workers: shared.Workers = None,
    dask: shared.Dask = "",
    overwrite: shared.Overwrite = False,
    model: Model,
    json: shared.Json = False,
) -> None:
    """Say how good a model or a folder of masks is: by class, lesion, image and group.

    Scores are exact over whole images and the whole set. Exit codes: 0 all was compared; 1 some
    images could not be, or have no prediction; 2 wrong use, or nothing to compare.

    Examples: maskforge evaluate runs/caries masks/ --out runs/caries/test

    maskforge evaluate predicted/ masks/ --html report.html

    maskforge evaluate predicted/ masks/ --units teeth/ --unit-class tooth
    """
    with reported_errors():
        from maskforge.errors import OptionError
        from maskforge.evaluation.evaluate import evaluate as run
        from maskforge.evaluation.evaluate_options import EvaluateOptions, check_options
        from maskforge.evaluation.measures.measure_options import MeasureOptions
        from maskforge.evaluation.report.report_tables import shown
        from maskforge.evaluation.units.unit_options import UnitOptions
        from maskforge.masks.classfile import load_class_map
        from maskforge.prediction.model_options import ModelOptions

        options = EvaluateOptions(
            measure=MeasureOptions(
                tolerance=tolerance,
                spacing=shared.pixel_spacing(spacing) if spacing else (1.0, 1.0),
                connectivity=4 if connectivity == "4" else 8,
                match_iou=match_iou,
                min_size=min_size,
                top_pixels=top_pixels,
            ),
            per_unit=UnitOptions(
                unit_class=tuple(unit_class or ()),
                units=units,
                lesion_class=tuple(lesion_class or ()),
                unit_pixels=unit_pixels,
                depth_from=()
                if depth_from is None
                else tuple(one.strip() for one in depth_from.split(",")),
            ),
            model=ModelOptions(**model),
            bootstrap=bootstrap,
            seed=seed,
            group_column=by,
            split=split,
            part=part,
            worst=worst,
            charts=charts,
            mask_values=data.get("mask_values", {}),
            partial=data.get("partial", "skip"),
            unfinished=data.get("unfinished", "error"),
            workers=workers,
            dask=dask,
        )
        check_options(options)
        if "classes" in data:
            data["classes"] = load_class_map(data["classes"])
            options = replace(options, classes=data["classes"])
        further = {
            "images",
            "masks",
            "mask_name",
            "only",
            "group_column",
            "group_pattern",
        } & data.keys()
        with progress() as update:
            first, others = (truth[0], truth[1:]) if truth else (None, [])
            compared_with: Path | ExampleSet
            if first is not None and not further and (others or first.is_dir()):
                compared_with = first
            elif first is None and "images" not in data:
                raise OptionError(
                    "there is no truth to compare with",
                    hint="name a data set or a folder of masks, or --images PATH and --masks PATH",
                )
            else:
                from maskforge.examples.sources import open_examples

                compared_with = open_examples(first, **data, progress=update)
            report = run(
                predicted,
                [compared_with, *others] if others else compared_with,
                out,
                options,
                html=html,
                overwrite=overwrite,
                progress=update,
            )
        if json:
            print_json(report)
        else:
            print_compared(shown(report), report.problems, report.notes)
            if out is not None:
                say(f"report, tables and images are in {out}")
            if html is not None:
                say(f"the page to read, print or mail is {html}")
        raise typer.Exit(report.exit_code)
