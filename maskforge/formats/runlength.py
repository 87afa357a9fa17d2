"""Pixels as run lengths: the plain numbers, before any format packs them.

Runs count along the rows of a box. Only the rows and columns that hold something become a bitmap,
so that a few numbers about a large image take little memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskforge.limits.allowance import Allowance
from maskforge.shapes import MOST_PIXELS, Bitmap, Size


def from_spans(
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    width: int,
    pixels: Allowance,
    corner: tuple[int, int] = (0, 0),
) -> Bitmap | None:
    """Return a bitmap of stretches of pixels, cut to what they cover; None if that is nothing.

    Args:
        starts: Index of the first pixel of each stretch, (N,), growing, counted along the rows.
        stops: Index after the last one of each, (N,), none beyond the next start.
        width: Of the box in pixels.
        pixels: Counts the pixels that are made.
        corner: Row and column of the box in the image.

    Raises:
        LimitError: If there are more pixels than are left.
    """
    solid = stops > starts
    starts, stops = starts[solid], stops[solid]
    if not len(starts):
        return None
    first, last = starts // width, (stops - 1) // width
    top, bottom = int(first[0]), int(last[-1]) + 1
    left, right = 0, width
    if (first == last).all():
        left, right = int((starts % width).min()), int(((stops - 1) % width).max()) + 1
    pixels.take((bottom - top) * width)
    edges = np.column_stack((starts, stops)).ravel()
    lengths = np.diff(edges, prepend=top * width, append=bottom * width)
    values = np.zeros(len(lengths), bool)
    values[1::2] = True
    found = np.repeat(values, lengths).reshape(bottom - top, width)
    inside = found[:, left:right].copy()
    inside.flags.writeable = False
    row, column = corner
    return Bitmap(row + top, column + left, inside)


def spans(pixels: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where stretches of set pixels start and stop, counted along the rows of (H, W)."""
    flat = np.concatenate(((False,), pixels.ravel(), (False,)))
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return edges[0::2], edges[1::2]


def alternating(pixels: NDArray[np.bool_]) -> list[int]:
    """Return the lengths of runs along the rows of (H, W), the first one of background."""
    starts, stops = spans(pixels)
    edges = np.column_stack((starts, stops)).ravel()
    lengths: list[int] = np.diff(edges, prepend=0, append=pixels.size).tolist()
    return lengths if lengths[-1] else lengths[:-1]


def within(bitmap: Bitmap, size: Size) -> Bitmap:
    """Return the part of a bitmap that is inside an image, perhaps without rows or columns."""
    top, left = max(0, -bitmap.row), max(0, -bitmap.column)
    bottom, right = max(0, size.height - bitmap.row), max(0, size.width - bitmap.column)
    return Bitmap(bitmap.row + top, bitmap.column + left, bitmap.pixels[top:bottom, left:right])


def cropped(bitmap: Bitmap, size: Size) -> Bitmap:
    """Return a bitmap without rows and columns that are empty or hang over the edges of the image.

    If nothing is left, its pixels have the shape (0, 0).
    """
    part = within(bitmap, size)
    rows = np.flatnonzero(part.pixels.any(axis=1))
    columns = np.flatnonzero(part.pixels.any(axis=0))
    if not len(rows):
        return Bitmap(0, 0, np.zeros((0, 0), np.bool_))
    row, column = int(rows[0]), int(columns[0])
    inside = part.pixels[row : rows[-1] + 1, column : columns[-1] + 1]
    return Bitmap(part.row + row, part.column + column, inside)


def on_image(bitmap: Bitmap, size: Size) -> NDArray[np.bool_]:
    """Return a bitmap as pixels of the whole image, (H, W); what lies outside of it is lost."""
    whole = np.zeros((size.height, size.width), np.bool_)
    part = within(bitmap, size)
    height, width = part.pixels.shape
    if part.pixels.size:
        whole[part.row : part.row + height, part.column : part.column + width] = part.pixels
    return whole


def is_too_large(width: int, height: int) -> bool:
    """Tell whether no image that can be read has so many pixels."""
    return width * height > MOST_PIXELS
