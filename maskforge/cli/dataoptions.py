"""Options of commands that need images with masks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from maskforge.errors import OptionError, shorten

Dataset: TypeAlias = Annotated[
    Path | None,
    typer.Argument(
        metavar="DATASET",
        help="A folder that convert wrote, a folder with images/ and masks/, or a CSV table.",
        show_default=False,
    ),
]
Images: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Folder of images, or one stack, together with --masks instead of DATASET.",
        show_default=False,
    ),
]
Masks: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Folder of masks, paired with the images by name; or the mask of the one file.",
        show_default=False,
    ),
]
ImageColumn: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Column of a table that holds the image.", show_default="image"
    ),
]
MaskColumn: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Column of a table that holds the mask.", show_default="mask"
    ),
]
Classes: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Class map of the masks: TOML, JSON, or the classes.json of convert.",
        show_default=False,
    ),
]
MaskValue: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--mask-value",
        metavar="VALUE=NAME",
        help="What a value of the masks means: a class, background or void; may be repeated.",
        show_default=False,
    ),
]
Only: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="CLASS",
        help="Class that counts, all others are background; may be repeated.",
        show_default=False,
    ),
]
GroupColumn: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Column of the manifest or table that names the group, such as the patient.",
        show_default=False,
    ),
]
GroupPattern: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="Regular expression over the name; its first group, or the match, is the group.",
        show_default=False,
    ),
]


def parse_mask_values(assignments: Iterable[str] | None) -> dict[str, str]:
    """Return the values of repeated ``VALUE=NAME`` options.

    Raises:
        OptionError: If one cannot be understood, or a value is given twice.
    """
    values: dict[str, str] = {}
    for text in assignments or ():
        value, separator, name = (one.strip() for one in text.partition("="))
        if not separator or not value or not name:
            raise OptionError(
                f"{shorten(text)} is not VALUE=NAME", hint="for example --mask-value 255=caries"
            )
        if value in values:
            raise OptionError(f"the mask value {value} is given twice")
        values[value] = name
    return values
