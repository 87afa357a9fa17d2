"""Colors of classes."""

from __future__ import annotations

import colorsys
from typing import TypeAlias

Color: TypeAlias = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


def default_color(index: int) -> Color:
    """Return a bright color; neighboring indices differ as much as hues can."""
    golden_ratio = 0.618033988749895
    red, green, blue = colorsys.hsv_to_rgb((index * golden_ratio) % 1.0, 0.75, 0.96)
    return round(red * 255), round(green * 255), round(blue * 255)
