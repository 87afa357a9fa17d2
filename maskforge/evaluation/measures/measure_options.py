"""How images are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from maskforge.choices import Connectivity, Range

Spacing: TypeAlias = tuple[float, float]
"""Height and width of a pixel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureOptions:
    """How images are measured.

    Attributes:
        tolerance: Largest distance between outlines that is not an error, in pixels, or in the
            unit of ``spacing``.
        spacing: Height and width of a pixel, for instance in millimeters.
        connectivity: 8 if pixels that touch at a corner belong to one lesion, else 4.
        match_iou: Smallest intersection over union with which a predicted lesion finds a true one;
            0 for any common pixel.
        min_size: Smaller lesions, in pixels, are not counted, and do not make an image positive.
        top_pixels: Number of pixels whose mean probability is the score of an image.
    """

    tolerance: Annotated[float, Range(0, 1e6)] = 2.0
    spacing: Annotated[Spacing, Range(0, 1e6, above=True)] = (1.0, 1.0)
    connectivity: Connectivity = 8
    match_iou: Annotated[float, Range(0, 1)] = 0.0
    min_size: Annotated[int, Range(1, 2**31)] = 1
    top_pixels: Annotated[int, Range(1, 2**31)] = 1
