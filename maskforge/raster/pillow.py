"""Pillow's ImageDraw.polygon, as LabelMe uses it."""

from __future__ import annotations

import numpy as np

from maskforge.raster.library import LibraryRasterizer, Mask, holes_cleared
from maskforge.shapes import Points, Size


def _fill(ring: Points, size: Size) -> Mask:
    from PIL import Image, ImageDraw

    canvas = Image.new("L", size)
    # Pillow cuts off fractions, so a vertex goes to the center of the pixel that it lies in. To
    # the left of the image and above it, cutting off would go the other way than rounding down.
    ImageDraw.Draw(canvas).polygon(np.floor(ring).ravel().tolist(), fill=1)
    return np.array(canvas).view(np.bool_)


RASTERIZER = LibraryRasterizer(
    name="pillow",
    rule=(
        "PIL.ImageDraw.polygon: vertices moved to the center of their pixel, pixels inside and on "
        "the outline, then holes cleared with their outlines; grows regions by about half a pixel"
    ),
    library="PIL.ImageDraw",
    install="pip install pillow",
    fill=holes_cleared(_fill),
)
