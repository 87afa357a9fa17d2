"""The pulp: its chamber in the crown and its canals in the roots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bitewings.curves import Points, joined, through

SEEN, APEX = 6, 12
"""Vertices of a canal's center line as far as people follow it, and to its end."""


class Pulp(Protocol):
    """A pulp whose canals can be followed more or less far."""

    def ring(self, reach: int) -> Points:
        """Return chamber and canals up to a vertex of the canals' center lines, a ring."""


@dataclass(frozen=True)
class NarrowPulp:
    """The pulp of a premolar or canine: one canal that widens to a chamber.

    Attributes:
        wide: Half of the chamber's width.
        roof: Where the chamber ends in the crown.
        horn: Where its tip ends.
        canal: Center line.
    """

    wide: float
    roof: float
    horn: float
    canal: Points

    def ring(self, reach: int) -> Points:
        """Return chamber and canal up to a vertex of the canal's center line, a ring."""
        wide, line = self.wide, self.canal[:reach]
        taper = np.linspace(0.62, 0.36 - 0.02 * reach, reach) * wide
        front = np.column_stack((line[:, 0] - taper, line[:, 1]))
        back = np.column_stack((line[:, 0] + taper, line[:, 1]))[::-1]
        top = [(0.55 * wide, self.horn + 0.25), (0.0, self.horn + 0.2), (-0.5 * wide, self.horn)]
        walls = [(wide, self.roof + 0.7)], [(-wide, self.roof + 0.8)]
        return through(joined(walls[1], front, back, walls[0], top), 4, closed=True)


@dataclass(frozen=True)
class BroadPulp:
    """The pulp of a molar: a chamber with two horns, and two canals.

    Attributes:
        wide: Half of the chamber's width.
        roof: Where the chamber ends in the crown.
        floor: Where it ends towards the fork of the roots.
        horns: Where the tips of the horns are.
        canal_width: Width of the canals as a part of the average.
        canals: Center lines, front and back.
    """

    wide: float
    roof: float
    floor: float
    horns: tuple[float, float]
    canal_width: float
    canals: tuple[Points, Points]

    def ring(self, reach: int) -> Points:
        """Return chamber and canals up to a vertex of the canals' center lines, a ring."""
        wide, roof = self.wide, self.roof
        top = [
            (-wide * 0.82, self.horns[0]),
            (-wide * 0.5, roof + 0.15),
            (0.0, roof + 0.32),
            (wide * 0.5, roof + 0.1),
            (wide * 0.84, self.horns[1]),
        ]
        walls = [(wide, roof + 0.9)], [(-wide, roof + 0.9)]
        back, front = self._leg(1, 1.0, reach), self._leg(0, -1.0, reach)[::-1]
        pieces = (top, walls[0], back, [(0.0, self.floor)], front, walls[1])
        return through(joined(*pieces), 4, closed=True)

    def _leg(self, which: int, sign: float, reach: int) -> Points:
        """Return a canal down its outer wall and up its inner wall."""
        line = self.canals[which][1:reach]
        taper = np.linspace(0.50, 0.38 - 0.02 * reach, len(line)) * self.canal_width
        outer = np.column_stack((line[:, 0] + sign * taper, line[:, 1]))
        inner = np.column_stack((line[:, 0] - sign * taper, line[:, 1]))
        return joined(outer, inner[::-1])


def make_pulp(
    rng: np.random.Generator, half: float, height: float, canals: Sequence[Points], size: float
) -> Pulp:
    """Return an individual pulp in the tooth's frame, in millimeters.

    Args:
        rng: Source of the individual variation.
        half: Half of the crown's width.
        height: Where the neck is.
        canals: Center lines of one or two canals, front to back, of 13 vertices each.
        size: Width of the chamber as a part of the average.
    """
    roof = height * rng.uniform(0.62, 0.72)
    if len(canals) == 1:
        wide = rng.uniform(0.5, 0.72) * size
        return NarrowPulp(wide, roof, roof - rng.uniform(0.5, 1.1), canals[0])
    wide = rng.uniform(0.30, 0.39) * half * (0.75 + 0.25 * size)
    floor = height + rng.uniform(0.7, 1.3)
    roof = floor - (floor - roof) * min(0.85 * size, 1.0)
    horns = roof - rng.uniform(0.5, 1.1) * size, roof - rng.uniform(0.5, 1.1) * size
    return BroadPulp(wide, roof, floor, horns, 0.6 + 0.4 * size, (canals[0], canals[1]))
