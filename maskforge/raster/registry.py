"""The rasterizers by name, each loaded when used. A new one is a module, and a line here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from maskforge.choices import check_choice

if TYPE_CHECKING:
    from maskforge.raster.base import Rasterizer

RasterizerName: TypeAlias = Literal[
    "exact",
    "opencv",
    "pillow",
    "skimage",
    "matplotlib",
]
"""Names of the rasterizers; each is the name of a module here that defines ``RASTERIZER``."""

RASTERIZERS: tuple[str, ...] = get_args(RasterizerName)


def get_rasterizer(name: str) -> Rasterizer:
    """Return the rasterizer called ``name``.

    Raises:
        OptionError: If there is no such rasterizer.
    """
    check_choice("rasterizer", name, RasterizerName)
    rasterizer: Rasterizer = importlib.import_module(f"maskforge.raster.{name}").RASTERIZER
    return rasterizer
