"""Matplotlib's Path.contains_points."""

from __future__ import annotations

import numpy as np

from maskforge.raster.library import LibraryRasterizer, Mask, holes_cleared
from maskforge.shapes import Points, Size

_BATCH = 2**20
"""Pixels that are asked about at a time; each takes 16 bytes meanwhile."""


def _fill(ring: Points, size: Size) -> Mask:
    from matplotlib.path import Path

    path = Path(ring)
    canvas = np.zeros((size.height, size.width), dtype=np.bool_)
    left, right = np.clip(
        (np.floor(ring[:, 0].min()), np.ceil(ring[:, 0].max())), 0, size.width
    ).astype(np.int64)
    step = max(1, _BATCH // max(1, right - left))
    for top in range(0, size.height, step):
        part = canvas[top : top + step, left:right]
        x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, top + len(part)) + 0.5)
        part[:] = path.contains_points(np.column_stack((x.ravel(), y.ravel()))).reshape(part.shape)
    return canvas


RASTERIZER = LibraryRasterizer(
    name="matplotlib",
    rule=(
        "matplotlib.path.Path.contains_points: pixels whose center is inside; centers on the "
        "outline as rounding has it; then holes cleared in the same way"
    ),
    library="matplotlib.path",
    install="pip install 'maskforge[matplotlib]'",
    fill=holes_cleared(_fill),
)
