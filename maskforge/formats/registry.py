"""The annotation formats by name, loaded when used. A new one is a package, and a line here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from maskforge.errors import OptionError, shorten

if TYPE_CHECKING:
    from maskforge.formats.base import Format

FormatName: TypeAlias = Literal[
    "vott",
    "superannotate",
    "labelme",
]
"""Names of the formats; each is a module or a package in this folder that defines ``FORMAT``."""

FORMATS: tuple[str, ...] = get_args(FormatName)


def get_format(name: str) -> Format:
    """Return the format called ``name``.

    Raises:
        OptionError: If there is no such format.
    """
    if name not in FORMATS:
        raise OptionError(
            f"unknown format {shorten(name)}", hint=f"choose one of {', '.join(FORMATS)}"
        )
    format_: Format = importlib.import_module(f"maskforge.formats.{name}").FORMAT
    return format_
