"""``maskforge agree``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskforge.choices import Consensus, VoidWhere
from maskforge.cli import options as shared
from maskforge.cli.console import print_compared, print_json, progress, reported_errors, say
from maskforge.cli.dataoptions import CLASSES, GROUPS, MASK_VALUES, STATES
from maskforge.cli.flags import Flag, Flags, Given, with_flags
from maskforge.cli.unitoptions import LesionClass, UnitClass, UnitPixels, Units
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.training.train_options import DataOptions

_MEASURES, _CONSENSUS = "Measures", "Consensus"


@with_flags
def agree(
    annotators: Annotated[
        list[Path],
        typer.Argument(
            metavar="MASKS...",
            help="Two or more folders of masks, one for each annotator: what convert or predict "
            "wrote, or any masks.",
            show_default=False,
        ),
    ],
    *,
    data: Annotated[Given, Flags(DataOptions, CLASSES, MASK_VALUES, *GROUPS, *STATES)],
    measure: Annotated[
        Given,
        Flags(
            MeasureOptions,
            Flag(
                key="spacing",
                metavar="HEIGHTxWIDTH",
                default="pixels",
                help="Size of a pixel, such as 0.04x0.04 mm; distances and areas are then in that "
                "unit.",
                read=shared.pixel_spacing,
                panel=_MEASURES,
            ),
            Flag(
                key="connectivity",
                metavar="N",
                help="Whether pixels that touch at a corner belong to one lesion (8) or not (4).",
                read=int,
                panel=_MEASURES,
            ),
            Flag(
                key="match_iou",
                metavar="NUMBER",
                help="Smallest IoU with which two lesions are the same; 0 for any common pixel.",
                panel=_MEASURES,
            ),
            Flag(
                key="min_size",
                metavar="PIXELS",
                help="Smaller lesions do not count.",
                panel=_MEASURES,
            ),
        ),
    ],
    bootstrap: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Resampled data sets for the 95 % intervals; 0 for none.",
            rich_help_panel=_MEASURES,
        ),
    ] = 1000,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Of the resampling.", rich_help_panel=_MEASURES)
    ] = 0,
    consensus: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Make a data set of what they marked together.",
            show_default=False,
            rich_help_panel=_CONSENSUS,
        ),
    ] = None,
    unit_class: UnitClass = None,
    units: Units = None,
    lesion_class: LesionClass = None,
    unit_pixels: UnitPixels = 10,
    method: Annotated[
        Consensus,
        typer.Option(
            help="The class that most have marked, or STAPLE, which weights people by how "
            "reliable they are.",
            rich_help_panel=_CONSENSUS,
        ),
    ] = "majority",
    void_where: Annotated[
        VoidWhere,
        typer.Option(
            help="Which pixels are void: those without a decision, or all on which two differ.",
            rich_help_panel=_CONSENSUS,
        ),
    ] = "tie",
    worst: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Images that are drawn, those first on which they differ most.",
        ),
    ] = 12,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for report.json, per-pair.csv, per-image.csv and images.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="One page for people to read, print or mail, with all of this inside.",
            show_default=False,
        ),
    ] = None,
    workers: shared.Workers = None,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Say how far annotators agree, and make one data set of what they marked.

    All numbers rest on the images that all have. Exit codes: 0 all was compared; 1 some images
    could not be, or somebody lacks them; 2 wrong use, or nothing to compare.

    Examples: maskforge agree masks-anna/ masks-ben/ --html agreement.html

    maskforge agree anna/ ben/ carl/ --consensus together/
    """
    with reported_errors():
        from maskforge.evaluation.agreement.agree import agree as run
        from maskforge.evaluation.agreement.agree_options import AgreeOptions
        from maskforge.evaluation.agreement.agreement_tables import shown
        from maskforge.evaluation.units.unit_options import UnitOptions
        from maskforge.masks.classfile import load_class_map

        if "classes" in data:
            data["classes"] = load_class_map(data["classes"])
        options = AgreeOptions(
            measure=MeasureOptions(**measure),
            per_unit=UnitOptions(
                unit_class=tuple(unit_class or ()),
                units=units,
                lesion_class=tuple(lesion_class or ()),
                unit_pixels=unit_pixels,
            ),
            bootstrap=bootstrap,
            seed=seed,
            method=method,
            void_where=void_where,
            worst=worst,
            workers=workers,
            **data,
        )
        with progress() as update:
            report = run(
                annotators,
                out,
                options,
                html=html,
                consensus=consensus,
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
