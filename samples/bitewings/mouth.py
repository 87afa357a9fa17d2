"""How a mouth lies in the image, and how old its teeth are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MILLIMETRES_WIDE = 41.0
"""Width of the sensor that is used for bitewings of adults (size 2)."""


@dataclass(frozen=True)
class Mouth:
    """What both jaws of an image have in common.

    Attributes:
        width: Of the image in pixels.
        scale: Pixels per millimeter.
        wear: Of the cusps, 0 to 1.
        pulp_size: As a part of the average.
        mirrored: Whether the back of the mouth is on the left.
        level: Row in which the jaws meet in the middle of the image.
        slope: How much it sinks per column.
        curve: How much it bends.
        gap: Half of the distance between the rows of teeth in millimeters.
        bone_loss: Distance from the necks to the bone in millimeters.
    """

    width: int
    scale: float
    wear: float
    pulp_size: float
    mirrored: bool
    level: float
    slope: float
    curve: float
    gap: float
    bone_loss: float

    @classmethod
    def pick(cls, rng: np.random.Generator, width: int, height: int) -> Mouth:
        """Return what fits into an image of this size in pixels."""
        scale = width / MILLIMETRES_WIDE * rng.uniform(0.96, 1.08)
        return cls(
            width=width,
            scale=scale,
            wear=rng.uniform(0, 1) ** 1.5,
            pulp_size=rng.uniform(0.6, 1.15),
            mirrored=bool(rng.random() < 0.5),
            level=height * rng.uniform(0.47, 0.53),
            slope=math.tan(math.radians(rng.normal(0, 1.6))),
            curve=rng.uniform(-3e-3, 8e-3) / scale,
            gap=rng.uniform(-0.25, 0.2),
            bone_loss=rng.uniform(1.4, 2.6),
        )

    def biting_row(self, column: float) -> float:
        """Return the row in which the jaws meet."""
        x = column - self.width / 2
        return self.level + self.slope * x - self.curve * x * x

    def biting_degrees(self, column: float) -> float:
        """Return the direction of the line in which the jaws meet."""
        return math.degrees(math.atan(self.slope - 2 * self.curve * (column - self.width / 2)))
