"""Draw the images of the page on the pixel rule, by means of maskforge itself.

Run with ``python docs/images/draw_pixel_rule.py``; it writes pixel-rule.png beside itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from maskforge.geometry import ellipse
from maskforge.issues import Origin
from maskforge.raster.arrays import rasterize
from maskforge.raster.runs import areas
from maskforge.raster.scan import scan
from maskforge.shapes import Area, Points, Polygon, Size

HERE = Path(__file__)
CELL = 80
"""Pixels of the image per pixel of the mask, before the image is reduced to half its size."""

GRID = Size(9, 8)
INK, GRAY, LINE = "#1f2937", "#9ca3af", "#d1d5db"
FILLS = ("#ffffff", "#93c5fd", "#fcd34d", "#fca5a5")
OUTLINES = ("#1d4ed8", "#92400e")


@dataclass(frozen=True)
class Panel:
    """One part of the image.

    Attributes:
        title: Text above it.
        caption: Text below it.
        rings: Outlines to show.
        mask: (H, W) indices of ``FILLS``.
    """

    title: str
    caption: str
    rings: tuple[Points, ...]
    mask: np.ndarray


def area(ring: Points) -> Area:
    """Return the inside of a ring."""
    return Area((Polygon(ring),))


def mask_of(rings: Sequence[Points], rasterizer: str = "exact") -> np.ndarray:
    """Return a mask with 1, 2, ... for the rings, one over the other."""
    return rasterize(rings, GRID, rasterizer=rasterizer)


def inside() -> Panel:
    """Return the panel that shows the rule."""
    ring = np.array([(1.2, 2.3), (4.1, 0.7), (7.8, 2.9), (6.3, 6.9), (3.4, 5.2), (1.7, 6.6)])
    mask = mask_of([ring])
    caption = f"{mask.sum()} pixels have their center inside"
    return Panel("The center decides", caption, (ring,), mask)


def ties() -> Panel:
    """Return the panel that shows a shared edge through pixel centers."""
    left = np.array([(0.5, 1.0), (4.5, 1.0), (4.5, 3.5), (7.5, 6.5), (0.5, 6.5)])
    right = np.array([(4.5, 1.0), (8.5, 1.0), (8.5, 6.5), (7.5, 6.5), (4.5, 3.5)])
    counts = areas(scan([area(left), area(right)], GRID), 2)
    mask = mask_of([left, right])
    assert counts.sum() == (mask > 0).sum(), "no pixel is claimed twice"
    caption = "on an edge: to the right or below"
    return Panel("Shared edge: no overlap, no gap", caption, (left, right), mask)


def lesion() -> Panel:
    """Return the panel that compares the rule with a fill that includes the outline."""
    circle = ellipse(4.3, 3.8, 3, 3, 0, Origin(HERE)).exterior
    exact, grown = mask_of([circle]), mask_of([circle], "pillow")
    mask = np.where(exact, 1, 3 * grown)
    caption = f"area {9 * np.pi:.1f}: {exact.sum()} pixels; with outline: {grown.sum()}"
    return Panel("A lesion of 3 px radius", caption, (circle,), mask)


def draw(panel: Panel) -> Image.Image:
    """Return the image of a panel."""
    title_font, font = ImageFont.load_default(44), ImageFont.load_default(38)
    left, top = CELL // 2, CELL
    image = Image.new("RGB", (GRID.width * CELL + 2 * left, GRID.height * CELL + 2 * top), "white")
    pen = ImageDraw.Draw(image)
    for row, column in np.ndindex(panel.mask.shape):
        x, y = left + column * CELL, top + row * CELL
        value = panel.mask[row, column]
        pen.rectangle((x, y, x + CELL, y + CELL), fill=FILLS[value], outline=LINE, width=2)
        dot = (x + CELL // 2 - 6, y + CELL // 2 - 6, x + CELL // 2 + 6, y + CELL // 2 + 6)
        pen.ellipse(dot, fill=INK if value else GRAY)
    for ring, color in zip(panel.rings, OUTLINES, strict=False):
        points = [(left + x * CELL, top + y * CELL) for x, y in (*ring, ring[0])]
        pen.line(points, fill=color, width=6, joint="curve")
    middle = image.width // 2
    pen.text((middle, top // 2), panel.title, fill=INK, font=title_font, anchor="mm")
    pen.text((middle, image.height - top // 2), panel.caption, fill=INK, font=font, anchor="mm")
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def main() -> None:
    """Write the image."""
    parts = [draw(panel) for panel in (inside(), ties(), lesion())]
    whole = Image.new("RGB", (sum(part.width for part in parts), parts[0].height), "white")
    x = 0
    for part in parts:
        whole.paste(part, (x, 0))
        x += part.width
    whole.quantize(128).save(HERE.with_name("pixel-rule.png"), optimize=True)


if __name__ == "__main__":
    main()
