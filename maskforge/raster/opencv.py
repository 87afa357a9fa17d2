"""OpenCV's fillPoly."""

from __future__ import annotations

import numpy as np

from maskforge.raster.library import LibraryRasterizer, Mask
from maskforge.shapes import Polygon, Size

_FRACTION_BITS = 8
"""Vertices are given to OpenCV in 1/256 px; 24 bits remain for whole pixels."""


def _fill(polygon: Polygon, size: Size) -> Mask:
    import cv2

    canvas = np.zeros((size.height, size.width), dtype=np.uint8)
    # OpenCV's whole numbers are pixel centers.
    rings = [
        np.rint((ring - 0.5) * (1 << _FRACTION_BITS)).astype(np.int32) for ring in polygon.rings
    ]
    cv2.fillPoly(canvas, rings, 1, shift=_FRACTION_BITS)
    return canvas.view(np.bool_)


RASTERIZER = LibraryRasterizer(
    name="opencv",
    rule=(
        "cv2.fillPoly: pixels inside by the even-odd rule, and all pixels that an outline runs "
        "through, those of holes included; grows regions by about half a pixel"
    ),
    library="cv2",
    install="pip install opencv-python-headless",
    fill=_fill,
)
