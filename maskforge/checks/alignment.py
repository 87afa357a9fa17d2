"""How well the outlines of a mask fit the edges in its image: where it is, moved, and mirrored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskforge.masks.classes import VOID

_REACH = 8
_LONGEST_SIDE = 512
_FEWEST_OUTLINE = 60
_MOST_OUTLINE = 4000
_CLOSE = 2
_STRAIGHT = 13
_MOST_STRAIGHT = 0.5
_MIRRORS = {
    "left and right swapped": (False, True),
    "top and bottom swapped": (True, False),
    "a turn by 180 degrees": (True, True),
}
"""Ways of mirroring a mask: whether rows and columns change their order."""

NOTHING = 1.0
"""Fits that stand out less mean nothing; masks in their place stand out by 2 and more."""


class Mirrored(NamedTuple):
    """How well the outlines fit after mirroring.

    Attributes:
        stands: How far the fit stands out among all shifts, in standard deviations.
        gain: Fit over the fit as it is.
    """

    stands: float
    gain: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """How well the outlines of a mask fit the edges in its image.

    Attributes:
        step: Pixels of the image in a step of the search, more than one for a large image.
        steps: Rows and columns by which the mask fits best, in steps.
        between: The same with parts of a step, by the parabola through the best fit and those
            beside it; None if there is too little of an outline for that.
        inside: Whether it fits worse farther away, too, as at a true optimum.
        here: How far the fit without a shift stands out among all shifts, in standard deviations.
        best: How far the best one stands out.
        gain: Best fit over the fit without a shift.
        mirrored: Per way of mirroring the mask how that fits; empty if the fit as it is stands out.
    """

    step: int
    steps: tuple[int, int]
    between: tuple[float, float] | None
    inside: bool
    here: float
    best: float
    gain: float
    mirrored: dict[str, Mirrored]


def align(image: NDArray[Any], mask: NDArray[Any]) -> Alignment | None:
    """Move a mask by a few pixels, and mirror it, and tell how well its outlines fit the edges.

    Args:
        image: (H, W, 1) or (H, W, 3), uint8 or uint16.
        mask: (H, W) class ids.

    Returns:
        None if there is too little of an outline, or no edge in the image.
    """
    step = max(1, round(max(mask.shape) / _LONGEST_SIDE))
    height, width = (side // step for side in mask.shape)
    if min(height, width) < 4 * _REACH:
        return None
    strength = _strength(image[: height * step, : width * step], (width, height))
    edges = _edges(strength)
    middle = slice(step // 2, height * step, step), slice(step // 2, width * step, step)
    small = mask[middle]
    outline, turned = _outline(small), _outline(small[::-1, ::-1])
    if edges is None or outline is None:
        return None
    fits = _fits(edges, outline)
    deviation = float(fits.std())
    here = float(fits[_REACH, _REACH])
    if deviation <= 0 or here <= 0:
        return None
    row, column = (int(one) for one in np.unravel_index(fits.argmax(), fits.shape))
    best = float(fits[row, column])
    steps = (row - _REACH, column - _REACH)
    stands = (here - float(fits.mean())) / deviation
    return Alignment(
        step=step,
        steps=steps,
        between=None if turned is None else _between(np.sqrt(strength), outline, turned, step),
        inside=max(map(abs, steps)) < _REACH,
        here=stands,
        best=(best - float(fits.mean())) / deviation,
        gain=best / here,
        mirrored=_mirrored(edges, outline, _nearby(fits)) if stands < NOTHING else {},
    )


def _mirrored(
    edges: NDArray[np.float32], outline: NDArray[np.intp], fit: float
) -> dict[str, Mirrored]:
    found = {}
    for name, swapped in _MIRRORS.items():
        fits = _fits(edges, np.where(swapped, np.subtract(edges.shape, 1) - outline, outline))
        near, deviation = _nearby(fits), float(fits.std())
        if deviation > 0:
            found[name] = Mirrored((near - float(fits.mean())) / deviation, near / fit)
    return found


def _between(
    edges: NDArray[np.float32],
    outline: NDArray[np.intp],
    turned: NDArray[np.intp],
    step: int,
) -> tuple[float, float]:
    """Return rows and columns by which a mask fits best, as parts of a step.

    Pixels after an outline lie half a pixel to its lower right, and those after the outline of the
    mask that is turned by 180 degrees to its upper left.

    Args:
        edges: How strong they are; cut off, they would have no tops.
        outline: The pixels after the outline.
        turned: Those of the turned mask.
        step: Pixels of the image in a step.
    """
    fits = _fits(edges, outline) + _fits(edges[::-1, ::-1], turned)[::-1, ::-1]
    row, column = np.unravel_index(fits.argmax(), fits.shape)
    late = 0.0 if step % 2 else 0.5 / step  # the middle of an even number is between two pixels
    return (
        float(row) - _REACH + _vertex(fits[:, column], int(row)) - late,
        float(column) - _REACH + _vertex(fits[row], int(column)) - late,
    )


def _vertex(fits: NDArray[np.float64], best: int) -> float:
    """Return how far the top of a parabola through three fits is from the middle one."""
    if not 0 < best < len(fits) - 1:
        return 0.0
    before, top, after = fits[best - 1 : best + 2].tolist()
    bend = before - 2 * top + after
    return (before - after) / (2 * bend) if bend < 0 else 0.0


def _nearby(fits: NDArray[np.float64]) -> float:
    near = slice(_REACH - _CLOSE, _REACH + _CLOSE + 1)
    return float(fits[near, near].max())


def _strength(image: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return how strong the edges of an image are that is brought to a size."""
    gray = image.astype(np.float32).mean(axis=-1)
    gray = cv2.GaussianBlur(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    across, down = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    return np.asarray(np.hypot(across, down), dtype=np.float32)


def _edges(strength: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return how strong the edges are, with the few strongest cut off; None if there are none."""
    strength = np.minimum(strength, np.percentile(strength, 98))
    mean = float(strength.mean())
    return None if mean <= 0 else np.asarray(strength / mean, dtype=np.float32)


def _outline(mask: NDArray[Any]) -> NDArray[np.intp] | None:
    """Return rows and columns (N, 2) where a class begins or ends, away from the border.

    None if that is too little, or mostly made of long level and upright lines: boxes around
    things have no edges to lie on.
    """
    edges = np.zeros(mask.shape, dtype=np.bool_)
    edges[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    edges[1:] |= mask[1:] != mask[:-1]
    edges &= mask != VOID
    for side in (slice(None, _REACH), slice(-_REACH, None)):
        edges[side] = False
        edges[:, side] = False
    points = np.argwhere(edges)
    if len(points) < _FEWEST_OUTLINE or _straight(edges) > _MOST_STRAIGHT * len(points):
        return None
    if len(points) > _MOST_OUTLINE:
        points = points[:: -(-len(points) // _MOST_OUTLINE)]
    return points


def _straight(edges: NDArray[np.bool_]) -> int:
    """Return how many pixels are part of long level or upright lines."""
    pixels = edges.astype(np.uint8)
    level, upright = (
        cv2.morphologyEx(pixels, cv2.MORPH_OPEN, np.ones(shape, np.uint8))
        for shape in ((1, _STRAIGHT), (_STRAIGHT, 1))
    )
    return int(np.count_nonzero(np.maximum(level, upright)))


def _fits(edges: NDArray[np.float32], outline: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the mean strength of the edges below an outline for every shift (2R+1, 2R+1)."""
    moves = np.arange(-_REACH, _REACH + 1)
    width = edges.shape[1]
    places = outline[:, 0] * width + outline[:, 1]
    offsets = moves[:, None] * width + moves
    found: NDArray[np.float64] = np.array(
        [edges.ravel().take(places + offset).mean(dtype=np.float64) for offset in offsets.ravel()]
    )
    return found.reshape(offsets.shape)
