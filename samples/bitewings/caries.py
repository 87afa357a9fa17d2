"""Carious lesions: where they start and how they spread, as rings in the frame of a tooth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitewings.curves import Points, at, lengths, roughened, through
from bitewings.teeth import Tooth

LARGEST, SMALLEST = 60.0, 5.0
"""Limits of a lesion's longer side in pixels of the image."""

_START = 0.42  # height of the contact point as a part of the crown's


def side_contour(tooth: Tooth, side: int) -> Points:
    """Return the front (-1) or back (1) contour from the contact point towards the root, open."""
    ring = tooth.outline
    at_side = ring[:, 0] * side > 0.3 * tooth.half_width
    tall = (ring[:, 1] > _START * tooth.height) & (ring[:, 1] < tooth.height + 2.6)
    part = ring[at_side & tall]
    return part[np.argsort(part[:, 1], kind="stable")]


def _below(
    contour: Points, start: float, shape: Sequence[tuple[float, float]], side: int
) -> Points:
    """Return points that are given by their distance along a contour and their depth below it."""
    wanted = np.array(shape)
    here, there = at(contour, [start - 0.3, start + 0.3])
    direction = (there - here) / np.hypot(*(there - here))
    inward = np.array([-direction[1], direction[0]]) * side
    along = start + wanted[:, 0]
    beyond = along - np.clip(along, 0, lengths(contour)[-1])  # at() stops at the contour's ends
    straight = beyond[:, None] * direction + wanted[:, 1:] * inward
    result: Points = at(contour, along) + straight
    return result


def proximal(tooth: Tooth, rng: np.random.Generator, side: int, size: float) -> Points:
    """Return a lesion below the contact point.

    While it is small it is a cone in the enamel; from the junction on it spreads in the dentine.

    Args:
        tooth: The tooth.
        rng: Source of its form.
        side: -1 for the front, 1 for the back.
        size: Its larger side in millimeters, about.
    """
    contour = side_contour(tooth, side)
    start = rng.uniform(0.35, 1.15)
    enamel = float(np.hypot(*(tooth.junction - at(contour, start)).T).min())
    if size < 1.25 * enamel:
        base, deep = 0.5 * size, min(size * rng.uniform(0.6, 0.95), 0.95 * enamel)
        shape = [
            (-base, 0.0),
            (-0.55 * base, 0.5 * deep),
            (-0.22 * base, 0.93 * deep),
            (0.12 * base, deep),
            (0.40 * base, 0.75 * deep),
            (0.68 * base, 0.4 * deep),
            (base, 0.0),
            (0.33 * base, 0.0),
            (-0.33 * base, 0.0),
        ]
        rough = 0.03
    else:
        base = rng.uniform(0.20, 0.34) * size
        deep = max(rng.uniform(0.75, 1.0) * size - enamel, 0.3 * size)
        wide = rng.uniform(0.36, 0.5) * size
        neck = rng.uniform(0.5, 0.9) * base
        shape = [
            (-base, 0.0),
            (-0.5 * (base + neck), 0.5 * enamel),
            (-neck, 0.9 * enamel),
            (-wide, 1.12 * enamel),
            (-0.95 * wide, enamel + 0.35 * deep),
            (-0.55 * wide, enamel + 0.82 * deep),
            (0.05 * wide, enamel + deep),
            (0.6 * wide, enamel + 0.78 * deep),
            (0.97 * wide, enamel + 0.3 * deep),
            (wide, 1.1 * enamel),
            (neck, 0.88 * enamel),
            (0.5 * (base + neck), 0.5 * enamel),
            (base, 0.0),
            (0.33 * base, 0.0),
            (-0.33 * base, 0.0),
        ]
        rough = 0.055
    return roughened(through(_below(contour, start, shape, side), 3, closed=True), rng, rough)


def saucer(tooth: Tooth, rng: np.random.Generator, side: int, top: float, size: float) -> Points:
    """Return a hollow in one side that begins at a height ``top`` and reaches towards the root."""
    contour = side_contour(tooth, side)
    start = float(np.interp(top, contour[:, 1], lengths(contour)))
    half, deep = 0.5 * size, size * rng.uniform(0.45, 0.75)
    shape = [
        (0.0, 0.0),
        (0.02 * size, 0.55 * deep),
        (0.25 * half, 0.92 * deep),
        (0.75 * half, deep),
        (1.30 * half, 0.85 * deep),
        (1.75 * half, 0.45 * deep),
        (size, 0.0),
        (1.4 * half, 0.0),
        (0.6 * half, 0.0),
    ]
    return roughened(through(_below(contour, start, shape, side), 3, closed=True), rng, 0.05)


def occlusal(tooth: Tooth, rng: np.random.Generator, size: float) -> Points:
    """Return a lesion below a fissure: flat along the junction and round towards the pulp.

    A large one may have broken through the enamel.
    """
    fissure = tooth.fissures[rng.integers(len(tooth.fissures))]
    x = float(fissure[0] + rng.normal(0, 0.15))
    top = float(np.interp(x, tooth.junction[:, 0], tooth.junction[:, 1])) - 0.05
    half, deep = 0.5 * size, size * rng.uniform(0.45, 0.75)
    lower = [
        (half, 0.10 * deep),
        (0.93 * half, 0.45 * deep),
        (0.55 * half, 0.86 * deep),
        (0.05 * half, deep),
        (-0.5 * half, 0.88 * deep),
        (-0.95 * half, 0.42 * deep),
        (-half, 0.08 * deep),
    ]
    upper = [(-0.5 * half, -0.03 * deep), (0.0, 0.04 * deep), (0.5 * half, -0.02 * deep)]
    if size > 1.7 and rng.random() < 0.5:
        mouth, rim = rng.uniform(0.3, 0.5) * half, float(fissure[1]) - top
        upper = [
            (-0.8 * mouth, -0.05),
            (-mouth, rim + 0.1),
            (0.0, rim + 0.15),
            (mouth, rim + 0.1),
            (0.8 * mouth, -0.05),
        ]
    shape = np.add([*lower, *upper], (x, top))
    return roughened(through(shape, 3, closed=True), rng, 0.05)
