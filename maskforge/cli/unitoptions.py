"""Options of commands that tell units, such as teeth, apart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

UNITS = "Units, such as teeth"

UnitClass: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CLASS",
        help="Class whose instances, or else regions, are units that have a lesion or not; "
        "may be repeated.",
        show_default=False,
        rich_help_panel=UNITS,
    ),
]
Units: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Masks or instance maps of the units, if the truth does not hold them.",
        show_default=False,
        rich_help_panel=UNITS,
    ),
]
LesionClass: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CLASS",
        help="Class that makes a unit positive; may be repeated.",
        show_default="all but those of units and depths",
        rich_help_panel=UNITS,
    ),
]
UnitPixels: TypeAlias = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="A lesion makes a unit positive if it has at least so many pixels in it.",
        rich_help_panel=UNITS,
    ),
]
