"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from maskforge.choices import SizeMismatch as SizeMismatchName
from maskforge.formats.registry import FormatName

Sources: TypeAlias = Annotated[
    list[Path],
    typer.Argument(
        metavar="SOURCE",
        help="Annotation files, or folders that are searched with all sub-folders.",
        show_default=False,
    ),
]
Format: TypeAlias = Annotated[
    Literal["auto", FormatName],
    typer.Option(
        "--format",
        help="Annotation format; auto tells it by the keys of each file.",
    ),
]
Images: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR",
        help="Where to look for images that are not where the annotation file says; may be "
        "repeated.",
        show_default=False,
    ),
]
AllowOutsideImages: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--allow-outside-images",
        help="Follow paths in annotation files that lead out of SOURCE and --images.",
    ),
]
ImageSize: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="WIDTHxHEIGHT",
        help="Size in pixels of images of which nothing tells the size.",
        show_default=False,
    ),
]
Classes: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Class map: TOML, JSON, the classes.json of an earlier run, or the class file of "
        "another tool; or cityscapes, cityscapes-train, cityscapes-labels.",
        show_default=False,
    ),
]
ClassAssignments: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--class",
        metavar="NAME=ID",
        help="Value of a label, or of all that fit a pattern such as 'cell*'; may be repeated. "
        "NAME=ignore leaves its shapes out, NAME=void draws them as 255.",
        show_default=False,
    ),
]
ClassFrom: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Key of the shapes that holds the label instead: group_id, flags, attributes.NAME ...",
        show_default="label",
    ),
]
FoldCase: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--fold-case",
        help="Labels that differ only in case, spaces or invisible characters are one.",
    ),
]
SizeMismatch: TypeAlias = Annotated[
    SizeMismatchName,
    typer.Option(
        help="If file and image disagree on the size: refuse, or scale equal ratios.",
    ),
]
TextEncoding: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Code page of annotation files that are not UTF-8, such as gb18030.",
        show_default="only if a single one fits",
    ),
]
MaskTolerance: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="LEVELS",
        min=0,
        max=255,
        help="Read masks that are JPEG: a pixel may differ this much from the nearest class.",
        show_default="refused",
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Overwrite: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Replace the results of an earlier run.")
]

Workers: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Processes that share the work.",
        show_default="one for each core, if there are many images",
    ),
]
Shard: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Do one of N parts, for example 2/8; gather joins them.",
        show_default="all",
    ),
]
Dask: TypeAlias = Annotated[
    str,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Have the workers of this Dask scheduler do it, such as tcp://10.0.0.1:8786.",
        show_default="this machine",
    ),
]


def image_size(text: str | None) -> tuple[int, int] | None:
    """Return the value of ``--size``.

    Raises:
        OptionError: If it is not a size.
    """
    from maskforge.errors import OptionError, shorten

    if text is None:
        return None
    try:
        width, height = map(int, text.lower().split("x"))
    except ValueError:
        raise OptionError(
            f"{shorten(text)} is not a size in pixels", hint="for example --size 640x480"
        ) from None
    return width, height


def shard(text: str | None) -> tuple[int, int] | None:
    """Return the value of ``--shard``.

    Raises:
        OptionError: If it is not a number of parts and one of them.
    """
    from maskforge.errors import OptionError, shorten

    if text is None:
        return None
    number, _, of = text.partition("/")
    if not all(one.isascii() and one.isdigit() and len(one) < 10 for one in (number, of)):
        raise OptionError(
            f"{shorten(text)} is not a shard", hint="for example --shard 2/8: the second of eight"
        )
    return int(number), int(of)


def pixel_spacing(text: str) -> tuple[float, float]:
    """Return the value of ``--spacing``.

    Raises:
        OptionError: If it is not a size of a pixel.
    """
    from maskforge.errors import OptionError, shorten

    try:
        height, width = map(float, text.lower().split("x"))
    except ValueError:
        raise OptionError(
            f"{shorten(text)} is not a size of a pixel", hint="for example --spacing 0.04x0.04"
        ) from None
    return height, width
