"""From geometry to runs of pixels, whatever the geometry is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maskforge.limits.allowance import Allowance, Limit
from maskforge.raster.registry import get_rasterizer
from maskforge.raster.runs import Runs, concatenate, from_bitmap
from maskforge.shapes import Area, Bitmap, Size


def scan(geometries: Sequence[Area | Bitmap], size: Size, rasterizer: str = "exact") -> Runs:
    """Return the pixels of every geometry as horizontal runs, clipped to the image.

    Args:
        geometries: Areas are rasterized; bitmaps are taken as they are.
        size: Size of the image.
        rasterizer: Name of a rasterizer.

    Returns:
        Runs whose ``region`` is the index into ``geometries``. A geometry without any pixel in the
        image has none.

    Raises:
        OptionError: If there is no such rasterizer.
        MissingDependencyError: If the rasterizer needs a library that is not installed.
        LimitError: If the geometries need more time or memory than an image may take.
    """
    places = [index for index, one in enumerate(geometries) if isinstance(one, Area)]
    areas = [one for one in geometries if isinstance(one, Area)]
    drawn = get_rasterizer(rasterizer).scan(areas, size)
    crossings = Allowance(Limit.CROSSINGS)
    bitmaps = [
        from_bitmap(one, size, region, crossings)
        for region, one in enumerate(geometries)
        if isinstance(one, Bitmap)
    ]
    region = np.array(places, dtype=np.int64)[drawn.region]
    runs = Runs(region, drawn.row, drawn.start, drawn.stop)
    return concatenate([runs, *bitmaps]) if bitmaps else runs
