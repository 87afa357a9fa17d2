"""Shapes as they were drawn, over their image."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from maskforge.display.colors import Color, default_color
from maskforge.shapes import Area, Bitmap, Points, PointSet, Polyline, Shape, Size

_LONGEST_SIDE = 900
_LINE_WIDTH = 2
_RADIUS = 3


def draw_outlines(
    shapes: Iterable[Shape], size: Size, image: NDArray[np.uint8] | None
) -> NDArray[np.uint8]:
    """Draw every shape in the color of its first label, as large as a screen shows well.

    Args:
        shapes: The shapes.
        size: Size of the frame that their coordinates refer to.
        image: (H, W, 3) in that frame; None is black.

    Returns:
        (H, W, 3), the longer side 900 pixels.
    """
    from PIL import Image, ImageDraw

    shapes = tuple(shapes)
    scale = _LONGEST_SIDE / max(size)
    shown = Size(*(max(1, round(side * scale)) for side in size))
    page = Image.new("RGB", size) if image is None else Image.fromarray(image)
    page = page.resize(shown, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)
    pen = ImageDraw.Draw(page)
    names = sorted({label for shape in shapes for label in shape.labels[:1]})
    colors = {name: default_color(index) for index, name in enumerate(names)}

    def line(points: Points, color: Color) -> None:
        pen.line([(x * scale, y * scale) for x, y in points.tolist()], color, _LINE_WIDTH)

    for shape in shapes:
        color = colors[shape.labels[0]] if shape.labels else (255, 255, 255)
        match shape.geometry:
            case Area(parts):
                for ring in (ring for part in parts for ring in part.rings):
                    line(np.vstack([ring, ring[:1]]), color)
            case Polyline(points):
                line(points, color)
            case PointSet(points):
                for x, y in (points * scale).tolist():
                    box = (x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS)
                    pen.ellipse(box, outline=color, width=_LINE_WIDTH)
            case Bitmap(row, column, pixels):
                inside = np.pad(pixels, 1)
                edge = inside[1:-1, 1:-1] & ~(
                    inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
                )
                for y, x in (np.argwhere(edge) + np.array((row, column))).tolist():
                    pen.rectangle((x * scale, y * scale, (x + 1) * scale, (y + 1) * scale), color)
    return np.asarray(page)
