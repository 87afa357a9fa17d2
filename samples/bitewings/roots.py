"""Roots of a tooth, in the tooth's frame and in millimeters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitewings.curves import Points, through


@dataclass(frozen=True)
class Roots:
    """The part of a tooth below its neck.

    Attributes:
        contour: From the back to the front neck around all roots, open.
        canals: Center lines of the canals from the chamber to the apex, front to back.
        fronts: Rings of single roots that lie in front of the others.
        fork: Where two roots part, (2,), or None if that is not seen.
    """

    contour: Points
    canals: tuple[Points, ...]
    fronts: tuple[Points, ...] = ()
    fork: Points | None = None


def make_roots(
    count: int, length: float, rng: np.random.Generator, half: float, neck: float, height: float
) -> Roots:
    """Return one root, two parted ones, or three of which one hides the fork of the others.

    Args:
        count: 1, 2 or 3.
        length: From the neck to the apex on average.
        rng: Source of the individual variation.
        half: Half of the crown's width.
        neck: Half of the neck's width.
        height: Where the neck is.
    """
    length *= rng.uniform(0.92, 1.06)
    bend = rng.uniform(-0.004, 0.010)

    def bent(points: list[tuple[float, float]]) -> Points:
        array = np.array(points)
        array[:, 0] += bend * np.maximum(array[:, 1] - height, 0) ** 2
        return array

    tip = height + length
    if count == 1:
        right = [
            (neck, height),
            (neck * 0.93, height + 0.18 * length),
            (neck * 0.80, height + 0.45 * length),
            (neck * 0.58, height + 0.75 * length),
            (neck * 0.30, height + 0.95 * length),
        ]
        left = [(-x, y) for x, y in reversed(right)]
        canal = [(0.0, height + 0.1 * length), (0.0, height + 0.45 * length), (0.0, tip)]
        return Roots(through(bent([*right, (0.0, tip), *left]), 6), (through(bent(canal), 6),))

    fork = height + rng.uniform(2.9, 3.9)
    spread = rng.uniform(0.50, 0.60) * half
    wide = rng.uniform(0.29, 0.35) * half  # half of one root's width
    right = [
        (neck, height),
        (neck * 0.99, height + 0.16 * length),
        (spread + wide, height + 0.42 * length),
        (spread + 0.75 * wide, height + 0.75 * length),
        (spread + 0.2 * wide, height + 0.98 * length),
        (spread - 0.35 * wide, height + 0.97 * length),
        (spread - 0.80 * wide, height + 0.72 * length),
        (spread - wide, fork + 0.16 * length),
    ]
    left = [(-x, y) for x, y in reversed(right)]
    canals = tuple(
        through(
            bent(
                [
                    (sign * 0.36 * half, height + 0.8),
                    (sign * 0.97 * spread, fork + 1.2),
                    (sign * spread, tip),
                ]
            ),
            6,
        )
        for sign in (-1.0, 1.0)
    )
    if count == 2:
        middle = bent([(0.06 * half, fork)])
        contour = through(bent([*right, (0.06 * half, fork), *left]), 5)
        return Roots(contour, canals, fork=middle[0])
    apex = [(0.22 * half, tip + 0.5), (-0.22 * half, tip + 0.5)]
    front = [*right[1:], (spread - wide, fork - 1.5)]
    fronts = tuple(
        through(bent([(sign * x, y) for x, y in front]), 4, closed=True) for sign in (-1.0, 1.0)
    )
    return Roots(through(bent([*right[:4], *apex, *left[-4:]]), 6), canals, fronts)
