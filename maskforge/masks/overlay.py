"""Masks laid over their images, to be looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from maskforge.display.colors import Color
from maskforge.images.png import png_bytes
from maskforge.masks.classes import BACKGROUND, ClassMap
from maskforge.shapes import Size

_SHOWN_SIDE = 900
_LONGEST_SIDE = 4096
_LONGEST_TEXT = 200
_COUNTED = 2**22
_LINE = 22
_MARGIN = 8
_INK = (240, 240, 240)
_PAPER = (24, 24, 24)


def overlay(
    image: NDArray[np.uint8],
    mask: NDArray[Any],
    colors: Mapping[int, Color],
    *,
    opacity: float = 0.35,
) -> NDArray[np.uint8]:
    """Return an image with its mask laid over it, and the outline of every class.

    Small images are enlarged by a whole factor, so that single pixels of the mask can be seen; of
    very large ones, every second pixel is shown, or every third, and so on.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) class ids.
        colors: Color of every id.
        opacity: Of the colors inside the outlines, 0 to 1.
    """
    factor = max(1, _SHOWN_SIDE // max(mask.shape))
    step = step_to_show(mask.shape)
    image, mask = image[::step, ::step], mask[::step, ::step]
    return blend(image, mask, colors, opacity=opacity, factor=factor)


def step_to_show(shape: tuple[int, ...]) -> int:
    """Return how many rows and columns of a mask (H, W) become one in ``overlay``."""
    return -(-max(shape) // _LONGEST_SIDE)


def blend(
    image: NDArray[np.uint8],
    mask: NDArray[Any],
    colors: Mapping[int, Color],
    *,
    opacity: float,
    factor: int = 1,
) -> NDArray[np.uint8]:
    """Return what ``overlay`` does, in the size of the image or enlarged by a factor."""
    table = np.zeros((int(max(mask.max(initial=0), *colors)) + 1, 3), dtype=np.float32)
    for value, color in colors.items():
        table[value] = color
    mixed = image.astype(np.uint8)
    box = _foreground(mask)  # the rest stays as it is
    image, inside = image[box], mask[box]
    strength = (inside != BACKGROUND).astype(np.float32)[..., None] * np.float32(opacity)
    mixed[box] = image * (1 - strength) + table[inside] * strength
    # Only outlines are of single pixels of what is shown: all else is mixed while it is small.
    mixed, mask = _enlarged(mixed, factor), _enlarged(mask, factor)
    rows, columns = (slice(side.start * factor, side.stop * factor) for side in box)
    inside = mask[rows, columns]
    edges = np.nonzero(_edges(mask)[rows, columns] & (inside != BACKGROUND))
    mixed[rows, columns][edges] = table[inside[edges]]
    return mixed


def _enlarged(pixels: NDArray[Any], factor: int) -> NDArray[Any]:
    return pixels.repeat(factor, axis=1).repeat(factor, axis=0) if factor > 1 else pixels


def overlay_png(
    image: NDArray[np.uint8] | None, mask: NDArray[Any], colors: Mapping[int, Color]
) -> bytes:
    """Return an image with its mask laid over it as PNG; on black if there is no image."""
    if image is None or image.shape[:2] != mask.shape:
        image = np.zeros((*mask.shape, 3), np.uint8)
    return png_bytes(overlay(image, mask, colors), longest=_SHOWN_SIDE)


def _foreground(mask: NDArray[Any]) -> tuple[slice, slice]:
    """Return the smallest box around all that is not background."""
    marked = mask != BACKGROUND
    rows, columns = (np.flatnonzero(marked.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _edges(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the pixels of which a neighbor has another value."""
    edges = np.zeros(mask.shape, dtype=np.bool_)
    across = mask[:, 1:] != mask[:, :-1]
    down = mask[1:] != mask[:-1]
    edges[:, 1:] |= across
    edges[:, :-1] |= across
    edges[1:] |= down
    edges[:-1] |= down
    return edges


def with_legend(
    image: NDArray[np.uint8], title: str, entries: Sequence[tuple[str, Color]]
) -> Image.Image:
    """Return an image with a title above and a line for every class below."""
    font = ImageFont.load_default(14)
    height, width = image.shape[:2]
    columns = max(1, width // 220)
    rows = math.ceil(len(entries) / columns)
    page = Image.new("RGB", (width, height + _LINE * (rows + 1) + _MARGIN), _PAPER)
    page.paste(Image.fromarray(image), (0, _LINE))
    draw = ImageDraw.Draw(page)
    draw.text((_MARGIN, 2), title[:_LONGEST_TEXT], _INK, font)
    for index, (name, color) in enumerate(entries):
        row, column = divmod(index, columns)
        x, y = _MARGIN + column * (width // columns), height + _LINE * (row + 1) + _MARGIN // 2
        draw.rectangle((x, y + 2, x + 14, y + 15), color)
        draw.text((x + 20, y), name[:_LONGEST_TEXT], _INK, font)
    return page


def class_entries(mask: NDArray[Any], classes: ClassMap) -> list[tuple[str, Color]]:
    """Return the lines of a legend: every class that a mask shows, with its pixels."""
    most = int(mask.max(initial=0)) + 1
    # A part at a time, because counting takes eight bytes for each pixel.
    parts = np.array_split(mask.ravel(), -(-mask.size // _COUNTED) or 1)
    counts = np.sum([np.bincount(part, minlength=most) for part in parts], axis=0)
    return [
        (f"{classes.names.get(id_, id_)}  {counts[id_]} px", classes.colors.get(id_, (0, 0, 0)))
        for id_ in np.flatnonzero(counts).tolist()
        if id_ != BACKGROUND
    ]


def titled_overlay(
    image: NDArray[np.uint8], mask: NDArray[Any], classes: ClassMap, title: str
) -> Image.Image:
    """Return an overlay with a title above and its classes below."""
    shown = overlay(image, mask, classes.colors)
    return with_legend(shown, title, class_entries(mask, classes))


def contact_sheet(
    tiles: Sequence[tuple[str, Image.Image]], tile: Size, *, columns: int = 4
) -> Image.Image:
    """Return a sheet with a small version of every image and its name."""
    font = ImageFont.load_default(12)
    rows = math.ceil(len(tiles) / columns)
    cell = Size(tile.width + _MARGIN, tile.height + _LINE)
    sheet = Image.new("RGB", (columns * cell.width + _MARGIN, rows * cell.height + _MARGIN), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, (name, image) in enumerate(tiles):
        row, column = divmod(index, columns)
        scale = min(tile.width / image.width, tile.height / image.height)
        small = image.resize([max(1, round(side * scale)) for side in image.size])
        x, y = _MARGIN + column * cell.width, _MARGIN + row * cell.height
        sheet.paste(small, (x + (tile.width - small.width) // 2, y))
        draw.text((x, y + tile.height + 2), name[-46:], _INK, font)
    return sheet
