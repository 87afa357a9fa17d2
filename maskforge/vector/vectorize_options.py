"""How masks become shapes; light enough for every help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from maskforge.choices import Connectivity, Range

LOSSLESS = 0.5
"""Outlines that move by no more go over no center of a pixel."""


@dataclass(frozen=True, slots=True)
class VectorizeOptions:
    """How masks become shapes.

    Attributes:
        tolerance: By how many pixels outlines may move to have fewer vertices. 0 leaves them on
            the edges of pixels. 0.5 moves them over no pixel's center, so that they draw the same
            mask. More changes the mask.
        smoothing: How often corners are cut, which rounds outlines and changes the mask.
        connectivity: 8 if pixels that touch at a corner belong to one shape, else 4.
        min_area: Smaller shapes, in pixels, are left out.
        void: Whether void pixels become shapes, too. They have the label ``__ignore__``, which
            class maps draw as void again.
    """

    tolerance: Annotated[float, Range(0, 2**16)] = LOSSLESS
    smoothing: Annotated[int, Range(0, 5)] = 0
    connectivity: Connectivity = 8
    min_area: Annotated[int, Range(1, 2**31)] = 1
    void: bool = False
