"""Options of commands that turn masks into shapes."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from maskforge.cli.flags import Flag, Flags, Given
from maskforge.vector.vectorize_options import VectorizeOptions

_PANEL = "Outlines of masks"

Outlines: TypeAlias = Annotated[
    Given,
    Flags(
        VectorizeOptions,
        Flag(
            key="tolerance",
            panel=_PANEL,
            metavar="PX",
            help="By how much outlines may move to have fewer vertices; up to 0.5 the mask stays "
            "the same to the last pixel.",
        ),
        Flag(
            key="smoothing",
            panel=_PANEL,
            metavar="N",
            help="How often corners are cut, which rounds outlines and changes the mask.",
        ),
        Flag(
            key="connectivity",
            panel=_PANEL,
            help="Pixels that touch at a corner belong to one shape (8) or not (4).",
        ),
        Flag(
            key="min_area",
            panel=_PANEL,
            metavar="PIXELS",
            help="Leave smaller shapes out.",
        ),
    ),
]
