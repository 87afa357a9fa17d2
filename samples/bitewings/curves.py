"""Smooth curves through few points, and what is needed to draw and to annotate them.

Points are float64 arrays of shape (N, 2) with the columns x and y; y points down. A ring is closed
without repeating its first vertex.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points: TypeAlias = NDArray[np.float64]


def through(points: ArrayLike, steps: int = 6, *, closed: bool = False) -> Points:
    """Return a smooth curve through points: a centripetal Catmull-Rom spline.

    Args:
        points: (N, 2) with N >= 3.
        steps: Vertices per pair of points.
        closed: Whether the result is a ring.
    """
    knots = np.asarray(points, np.float64)
    if closed:
        padded = np.vstack((knots[-1:], knots, knots[:2]))
    else:
        padded = np.vstack((2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]))
    spans = np.sqrt(np.hypot(*np.diff(padded, axis=0).T)) + 1e-9
    slopes = np.diff(padded, axis=0) / spans[:, None]
    weight = (spans[:-1] / (spans[:-1] + spans[1:]))[:, None]
    tangents = slopes[:-1] * (1 - weight) + slopes[1:] * weight
    start, stop, span = padded[1:-2], padded[2:-1], spans[1:-1, None]
    t = (np.arange(steps) / steps)[:, None, None]
    curve = (
        start * (2 * t**3 - 3 * t**2 + 1)
        + stop * (3 * t**2 - 2 * t**3)
        + tangents[:-1] * span * (t**3 - 2 * t**2 + t)
        + tangents[1:] * span * (t**3 - t**2)
    )
    vertices = curve.transpose(1, 0, 2).reshape(-1, 2)
    return vertices if closed else np.vstack((vertices, knots[-1:]))


def joined(*pieces: ArrayLike) -> Points:
    """Return pieces of a curve as one."""
    return np.vstack([np.asarray(piece, np.float64).reshape(-1, 2) for piece in pieces])


def lengths(curve: Points) -> NDArray[np.float64]:
    """Return the distance along an open curve from its start to every vertex."""
    return np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))))


def at(curve: Points, distance: ArrayLike) -> Points:
    """Return the points of an open curve at distances along it; it ends where it ends."""
    along = lengths(curve)
    wanted = np.atleast_1d(np.asarray(distance, np.float64))
    return np.column_stack([np.interp(wanted, along, curve[:, axis]) for axis in (0, 1)])


def rounded(corners: ArrayLike) -> Points:
    """Return an open line with its corners cut twice (Chaikin); its ends stay."""
    line = np.asarray(corners, np.float64)
    for _ in range(2):
        first, second = line[:-1], line[1:]
        cut = np.stack((0.8 * first + 0.2 * second, 0.2 * first + 0.8 * second), axis=1)
        line = np.vstack((line[:1], cut.reshape(-1, 2)[1:-1], line[-1:]))
    return line


def roughened(ring: Points, rng: np.random.Generator, amplitude: float) -> Points:
    """Return a ring whose vertices are moved smoothly by about ``amplitude``."""
    turn = np.linspace(0, 2 * math.pi, len(ring), endpoint=False)
    shift = np.zeros((len(ring), 2))
    for harmonic in (2, 3, 5, 8):
        phases, sizes = rng.uniform(0, 2 * math.pi, 2), rng.uniform(-1, 1, 2)
        shift += sizes * np.sin(harmonic * turn[:, None] + phases) / math.sqrt(harmonic)
    return ring + amplitude * shift


def ellipse(x: float, y: float, along: float, across: float, degrees: float) -> Points:
    """Return an ellipse as a ring of 28 vertices; ``degrees`` turn clockwise on the screen."""
    turn = np.linspace(0, 2 * math.pi, 28, endpoint=False)
    own = np.column_stack((along * np.cos(turn), across * np.sin(turn)))
    return _moved(_turned(own, degrees), x, y)


def _moved(points: Points, x: float, y: float) -> Points:
    result: Points = points + np.array((x, y))
    return result


def _turned(points: Points, degrees: float) -> Points:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    result: Points = points @ np.array([[cosine, sine], [-sine, cosine]])
    return result


@dataclass(frozen=True)
class Placement:
    """Where a tooth that is drawn in millimeters lies in the image.

    A tooth's own frame has its origin in the middle of the biting surface; x runs along the jaw
    to the back of the mouth and y from the biting surface to the root.

    Attributes:
        x: Column of the origin in pixels.
        y: Row of the origin in pixels.
        degrees: Tilt, clockwise on the screen.
        scale: Pixels per millimeter.
        upper: Whether the root points up.
        mirrored: Whether the back of the mouth is on the left.
    """

    x: float
    y: float
    degrees: float
    scale: float
    upper: bool
    mirrored: bool

    def __call__(self, points: ArrayLike) -> Points:
        """Return points of the tooth's frame as pixels of the image."""
        back, down = -1 if self.mirrored else 1, -1 if self.upper else 1
        own = np.asarray(points, np.float64) * (self.scale * back, self.scale * down)
        return _moved(_turned(own, self.degrees), self.x, self.y)

    def turned(self, degrees: float) -> float:
        """Return the direction on the screen of a direction in the tooth's frame."""
        return self.degrees + (degrees if self.upper == self.mirrored else -degrees)
