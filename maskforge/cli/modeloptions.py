"""Options of commands that run a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from maskforge.cli.flags import Flag, Flags, Given
from maskforge.errors import OptionError, shorten
from maskforge.prediction.model_options import ModelOptions, Thresholds, Tile

_PANEL = "Model"
_MOST_DIGITS = 20  # Python refuses to read numbers of thousands


def parse_tile(text: str) -> Tile:
    """Return the value of ``--tile``.

    Raises:
        OptionError: If it is neither a word that is known nor a side.
    """
    if text == "auto":
        return "auto"
    if text == "whole":
        return "whole"
    if not (text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS):
        raise OptionError(
            f"--tile cannot be {shorten(text)}",
            hint="use auto, whole, or a side in pixels such as 512",
        )
    return int(text)


def parse_thresholds(texts: Sequence[str]) -> Thresholds:
    """Return the values of repeated ``--threshold [CLASS=]VALUE``.

    Raises:
        OptionError: If one is not a number, or they contradict each other.
    """
    values: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise OptionError(
                f"--threshold cannot be {shorten(text)}",
                hint="write 0.4, or NAME=0.4 for one class",
            ) from None
        if not equals:
            if len(texts) > 1:
                raise OptionError("one --threshold for all classes leaves no room for others")
            return value
        values[name] = value
    return values


Model: TypeAlias = Annotated[
    Given,
    Flags(
        ModelOptions,
        Flag(
            key="runtime",
            panel=_PANEL,
            help="What the network runs in; auto takes the fastest that is installed.",
        ),
        Flag(
            key="precision",
            panel=_PANEL,
            help="auto takes bfloat16 where that is faster and keeps the masks, else float32.",
        ),
        Flag(
            key="fold_weights",
            panel=_PANEL,
            help="How much each fold of a cross-validation counts in the mean.",
        ),
        Flag(
            key="tile",
            panel=_PANEL,
            metavar="[auto|whole|SIZE]",
            help="Side of the tiles in pixels; auto tiles images of more than 1.5 megapixels.",
            read=parse_tile,
        ),
        Flag(
            key="overlap",
            panel=_PANEL,
            help="Smallest share of a tile that its neighbor covers too, 0 to 0.9.",
        ),
        Flag(
            key="tta",
            panel=_PANEL,
            help="Average over the flips and turns of the training: 2 to 8 times the work.",
        ),
        Flag(
            key="thresholds",
            name="threshold",
            panel=_PANEL,
            metavar="[CLASS=]VALUE",
            help="Probability from which on a pixel has the class; may be repeated.",
            default="as tuned in training",
            many=True,
            read=parse_thresholds,
        ),
        Flag(
            key="post_processing",
            panel=_PANEL,
            help="Remove regions and fill holes as chosen in training, or not.",
        ),
        Flag(key="batch_size", panel=_PANEL, help="Tiles that the network sees at once."),
    ),
]
"""How a trained model is run, as far as it was said."""
