"""Options of commands that run a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from maskforge.choices import Precision as PrecisionName
from maskforge.choices import Runtime as RuntimeName
from maskforge.errors import OptionError, shorten

if TYPE_CHECKING:
    from maskforge.prediction.predictor import Thresholds
    from maskforge.prediction.predictor import Tile as TileChoice

_PANEL = "Model"

Runtime: TypeAlias = Annotated[
    RuntimeName,
    typer.Option(
        help="What the network runs in; auto takes the fastest that is installed.",
        rich_help_panel=_PANEL,
    ),
]
Precision: TypeAlias = Annotated[
    PrecisionName,
    typer.Option(
        help="auto is float32; bfloat16 is faster where the CPU has it, and less exact.",
        rich_help_panel=_PANEL,
    ),
]
Tile: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="[auto|whole|SIZE]",
        help="Side of the tiles in pixels; auto tiles images of more than 1.5 megapixels.",
        rich_help_panel=_PANEL,
    ),
]
Overlap: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0.0,
        max=0.9,
        help="Smallest share of a tile that its neighbor covers too.",
        rich_help_panel=_PANEL,
    ),
]
Tta: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--tta",
        help="Average over the flips and turns of the training: 2 to 8 times the work.",
        rich_help_panel=_PANEL,
    ),
]
Threshold: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[CLASS=]VALUE",
        help="Probability from which on a pixel has the class; may be repeated.",
        show_default="as tuned in training",
        rich_help_panel=_PANEL,
    ),
]
BatchSize: TypeAlias = Annotated[
    int,
    typer.Option(min=1, help="Tiles that the network sees at once.", rich_help_panel=_PANEL),
]


def parse_tile(text: str) -> TileChoice:
    """Return the value of ``--tile``.

    Raises:
        OptionError: If it is neither a word that is known nor a side.
    """
    if text == "auto":
        return "auto"
    if text == "whole":
        return "whole"
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**20):
        raise OptionError(
            f"--tile cannot be {shorten(text)}",
            hint="use auto, whole, or a side in pixels such as 512",
        )
    return int(text)


def parse_thresholds(texts: Sequence[str] | None) -> Thresholds | None:
    """Return the values of repeated ``--threshold [CLASS=]VALUE``; None if there is none.

    Raises:
        OptionError: If one is no number, or they contradict each other.
    """
    values: dict[str, float] = {}
    for text in texts or ():
        name, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise OptionError(
                f"--threshold cannot be {shorten(text)}",
                hint="write 0.4, or NAME=0.4 for one class",
            ) from None
        if not equals:
            if len(texts or ()) > 1:
                raise OptionError("one --threshold for all classes leaves no room for others")
            return value
        values[name] = value
    return values or None
