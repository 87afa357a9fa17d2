"""Fillings, crowns and root fillings, as rings in the frame of a tooth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitewings.curves import Points, joined, roughened, rounded
from bitewings.teeth import Tooth


@dataclass(frozen=True)
class Restoration:
    """Something that a dentist put into a tooth, in millimeters in the tooth's frame.

    Attributes:
        kind: ``amalgam``, ``composite``, ``crown`` or ``root filling``.
        outline: Closed ring.
        attenuation: What it adds to the tooth; a full thickness of dentine has about 0.75.
        edge: Thickness over which it fades at its rim.
        side: -1 or 1 if it reaches down the front or the back of the tooth, else 0.
        floor: How far down that side it reaches, from the biting surface.
    """

    kind: str
    outline: Points
    attenuation: float
    edge: float
    side: int = 0
    floor: float = 0.0


def filling(tooth: Tooth, rng: np.random.Generator, material: str, side: int) -> Restoration:
    """Return a filling of the biting surface.

    Args:
        tooth: The tooth.
        rng: Source of its form.
        material: ``amalgam`` or ``composite``.
        side: -1 or 1 for a box down the front or the back, 0 for none.
    """
    half, height = tooth.half_width, tooth.height
    start = -half * rng.uniform(0.35, 0.6)
    deep = height * rng.uniform(0.36, 0.47)
    step = height * rng.uniform(-0.03, 0.03)
    surface = tooth.surface if side >= 0 else tooth.surface[::-1] * (-1, 1)
    first = int(np.argmax((surface[:, 0] > start) & (surface[:, 1] < 0.4 * height)))
    floor = 0.0
    if side:
        floor = height * rng.uniform(0.50, 0.68)
        wall = half * rng.uniform(0.45, 0.6)
        last = len(surface) - int(np.argmax(surface[::-1, 1] < floor))
        edge = surface[first:last].copy()
        edge[:, 0] += rng.uniform(0.0, 0.12) * (edge[:, 0] > 0.7 * half)  # excess at the contact
        inner = [
            edge[-1],
            (wall + 0.15, floor + step),
            (wall - 0.1, deep),
            (0.2 * half, deep + step),
            (start * 0.85, deep),
            edge[0],
        ]
    else:
        stop = half * rng.uniform(0.35, 0.6)
        last = len(surface) - int(
            np.argmax((surface[::-1, 0] < stop) & (surface[::-1, 1] < 0.4 * height))
        )
        edge = surface[first:last].copy()
        inner = [
            edge[-1],
            (stop * 0.85, deep),
            (0.3 * stop, deep + step),
            (0.4 * start, deep - step),
            (start * 0.85, deep + step),
            edge[0],
        ]
    # The dentist's carving is a little flatter than the tooth was.
    edge[:, 1] += rng.uniform(0.0, 0.25) * np.sin(np.linspace(0, np.pi, len(edge)))
    ring = roughened(joined(edge[:-1], rounded(inner)[:-1]), rng, 0.05)
    if side < 0:
        ring = ring[::-1] * (-1, 1)
    if material == "amalgam":
        return Restoration(material, ring, rng.uniform(1.5, 2.4), 0.2, side, floor)
    return Restoration(material, ring, rng.uniform(0.26, 0.60), 0.3, side, floor)


def crown(tooth: Tooth, rng: np.random.Generator) -> Restoration:
    """Return a metal crown: nothing of the tooth below it is seen."""
    stop = tooth.height * rng.uniform(0.80, 0.95)
    outer = tooth.surface[tooth.surface[:, 1] < stop] * (1.02, 1.0)
    margin = rounded([outer[-1], (0.0, stop + rng.uniform(0.1, 0.7)), outer[0]])
    ring = roughened(joined(outer[:-1], margin[:-1]), rng, 0.05)
    return Restoration("crown", ring, rng.uniform(1.8, 2.6), 0.15)


def root_filling(tooth: Tooth, rng: np.random.Generator) -> Restoration:
    """Return the canals and the chamber, without its horns, filled with a bright paste."""
    flat = tooth.canals.copy()
    flat[:, 1] = np.maximum(flat[:, 1], flat[:, 1].min() + rng.uniform(0.8, 1.1))
    return Restoration("root filling", flat, rng.uniform(0.7, 1.1), 0.35)
