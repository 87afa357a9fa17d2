"""The annotation formats by name, loaded when used. A new one is a package, and a line here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from maskforge.choices import check_choice

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
    check_choice("format", name, FormatName)
    format_: Format = importlib.import_module(f"maskforge.formats.{name}").FORMAT
    return format_
