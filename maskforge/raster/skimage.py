"""scikit-image's draw.polygon, which polygon2mask calls, too."""

from __future__ import annotations

from typing import Any

import numpy as np

from maskforge.raster.library import LibraryRasterizer, Mask, holes_cleared
from maskforge.shapes import Points, Size


def _fill(ring: Points, size: Size) -> Mask:
    from skimage import draw

    polygon: Any = draw.polygon  # has no type hints
    canvas = np.zeros((size.height, size.width), dtype=np.bool_)
    # scikit-image's whole numbers are pixel centers.
    canvas[polygon(ring[:, 1] - 0.5, ring[:, 0] - 0.5, canvas.shape)] = True
    return canvas


RASTERIZER = LibraryRasterizer(
    name="skimage",
    rule=(
        "skimage.draw.polygon: pixels whose center is inside or on the outline, then holes "
        "cleared in the same way"
    ),
    library="skimage.draw",
    install="pip install scikit-image",
    fill=holes_cleared(_fill),
)
