"""Options of commands that need images with masks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from maskforge.cli.flags import Flag, Flags, Given
from maskforge.errors import OptionError, shorten
from maskforge.training.train_options import DataOptions


def parse_mask_values(assignments: Iterable[str]) -> dict[str, str]:
    """Return the values of repeated ``VALUE=NAME`` options.

    Raises:
        OptionError: If one cannot be understood, or a value is given twice.
    """
    values: dict[str, str] = {}
    for text in assignments:
        value, separator, name = (one.strip() for one in text.partition("="))
        if not separator or not value or not name:
            raise OptionError(
                f"{shorten(text)} is not VALUE=NAME", hint="for example --mask-value 255=caries"
            )
        if value in values:
            raise OptionError(f"the mask value {value} is given twice")
        values[value] = name
    return values


COLUMNS = (
    Flag(key="image_column", metavar="NAME", help="Column of a table that holds the image."),
    Flag(key="mask_column", metavar="NAME", help="Column of a table that holds the mask."),
)
MASK_NAME = Flag(
    key="mask_name",
    metavar="PATTERN",
    help="How masks in folders are called, such as {name}_truth or masks/{name}.png.",
)
MASK_VALUES = Flag(
    key="mask_values",
    name="mask_value",
    metavar="VALUE=NAME",
    help="What a value of the masks means: a class, background or void; may be repeated.",
    many=True,
    read=parse_mask_values,
)
CLASSES = Flag(
    key="classes",
    metavar="FILE",
    help="Class map of the masks: TOML, JSON, or the classes.json of convert.",
)
GROUPS = (
    Flag(
        key="group_column",
        metavar="NAME",
        help="Column of the manifest or table that names the group, such as the patient.",
    ),
    Flag(
        key="group_pattern",
        metavar="REGEX",
        help="Regular expression over the name; its first group, or the match, is the group.",
    ),
)
STATES = (
    Flag(
        key="partial",
        help="Images whose mask lacks a shape that could not be read: left out, used, or refused.",
    ),
    Flag(
        key="unfinished",
        help="A data set whose run has not finished: refuse it, or use what is there.",
    ),
)

Dataset: TypeAlias = Annotated[
    Path | None,
    typer.Argument(
        metavar="DATASET",
        help="A folder that convert wrote, a folder with images/ and masks/ in it or in its "
        "sub-folders, or a CSV table.",
        show_default=False,
    ),
]
Data: TypeAlias = Annotated[
    Given,
    Flags(
        DataOptions,
        Flag(
            key="images",
            metavar="PATH",
            help="Folder of images, or one stack, together with --masks instead of DATASET.",
        ),
        Flag(
            key="masks",
            metavar="PATH",
            help="Folder of masks, paired with the images by name; or the mask of the one file.",
        ),
        *COLUMNS,
        MASK_NAME,
        CLASSES,
        MASK_VALUES,
        Flag(
            key="only",
            metavar="CLASS",
            help="Class that counts, all others are background; may be repeated.",
            many=True,
        ),
        *GROUPS,
        *STATES,
    ),
]
"""What ``maskforge.open_examples`` is told, as far as it was said."""
