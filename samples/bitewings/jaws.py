"""Two rows of teeth in occlusion, and the bone that holds them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bitewings.curves import Placement, Points, through
from bitewings.mouth import Mouth
from bitewings.teeth import LOWER, UPPER, Tooth, grow

_OPEN, _GAP = 0.6, 0.7
"""Millimeters from the biting plane to a tooth, and between neighbors, where they are apart."""

_UPRIGHT = 0.3  # how much of the tilt is left there


@dataclass(frozen=True)
class PlacedTooth:
    """A tooth and where it lies in the image."""

    tooth: Tooth
    place: Placement

    @property
    def number(self) -> int:
        """FDI notation; images show the teeth as seen from outside the mouth."""
        upper, right = self.place.upper, self.place.mirrored
        quadrant = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}
        return 10 * quadrant[upper, right] + self.tooth.kind.number


@dataclass(frozen=True)
class Jaw:
    """One row of teeth with its bone.

    Attributes:
        teeth: From left to right.
        crest: Rim of the bone in pixels, open, from left to right.
        gum: Rim of the gum, likewise.
        scale: Pixels per millimeter.
        upper: Whether it is the upper jaw.
    """

    teeth: tuple[PlacedTooth, ...]
    crest: Points
    gum: Points
    scale: float
    upper: bool


def make_jaws(mouth: Mouth, rng: np.random.Generator, *, apart: bool = False) -> tuple[Jaw, Jaw]:
    """Return the upper and the lower jaw with their teeth.

    Args:
        mouth: How they lie in the image.
        rng: Source of their variation.
        apart: Whether all neighbors leave a gap, and the jaws are not quite closed.
    """
    # Which tooth, and which part of it, is at the front edge: the lower row is half a tooth ahead.
    first = rng.uniform(0.65, 1.55)
    starts = first + rng.uniform(-0.1, 0.2), first - rng.uniform(0.2, 0.5)
    upper = tuple(_row(mouth, rng, starts[0], upper=True, apart=apart))
    lower = tuple(_row(mouth, rng, starts[1], upper=False, apart=apart))
    return _with_bone(mouth, rng, upper, upper=True), _with_bone(mouth, rng, lower, upper=False)


def make_ridges(mouth: Mouth, rng: np.random.Generator) -> tuple[Jaw, Jaw]:
    """Return an upper and a lower jaw that have lost their teeth."""
    ridges = []
    for upper in (True, False):
        away = -mouth.scale if upper else mouth.scale
        columns = np.linspace(0, mouth.width, 7)
        crest = [(x, mouth.biting_row(x) + rng.uniform(8.0, 9.5) * away) for x in columns]
        gum = [(x, y - rng.uniform(1.8, 2.6) * away) for x, y in crest]
        crest_rim, gum_rim = _rim(crest, mouth.width), _rim(gum, mouth.width)
        ridges.append(Jaw((), crest_rim, gum_rim, mouth.scale, upper))
    return ridges[0], ridges[1]


def _row(
    mouth: Mouth, rng: np.random.Generator, start: float, *, upper: bool, apart: bool
) -> Iterator[PlacedTooth]:
    """Yield teeth from the front edge of the image to the back."""
    kinds = UPPER if upper else LOWER
    index = int(start)
    front = -(start - index) * kinds[index].width * mouth.scale
    while front < mouth.width and index < len(kinds):
        tooth = grow(kinds[index], rng, wear=mouth.wear, pulp_size=mouth.pulp_size)
        half = tooth.half_width * mouth.scale
        column = mouth.width - front - half if mouth.mirrored else front + half
        away = (mouth.gap + rng.normal(0, 0.12)) * mouth.scale
        if apart:
            away = _OPEN * mouth.scale
        row = mouth.biting_row(column) + (-away if upper else away)
        tilt = rng.normal(0, 2.2) * (_UPRIGHT if apart else 1)
        degrees = mouth.biting_degrees(column) + tilt
        missing = rng.random() < 0.03 and index > start + 1
        if not missing:
            place = Placement(column, row, degrees, mouth.scale, upper, mouth.mirrored)
            yield PlacedTooth(tooth, place)
        overlap = rng.uniform(0.0, 0.45) if rng.random() < 0.85 else rng.uniform(-0.8, -0.2)
        if apart:
            overlap = -_GAP
        front += 2 * half - overlap * mouth.scale
        index += 1


def _with_bone(
    mouth: Mouth, rng: np.random.Generator, teeth: tuple[PlacedTooth, ...], *, upper: bool
) -> Jaw:
    away = (-1 if upper else 1) * mouth.scale
    teeth = tuple(sorted(teeth, key=lambda placed: placed.place.x))
    crest: list[tuple[float, float]] = []
    gum: list[tuple[float, float]] = []
    for placed in teeth:
        x, y = placed.place([(0.0, placed.tooth.height)])[0]
        crest.append((x, y + (mouth.bone_loss + rng.uniform(0.3, 0.9)) * away))
        gum.append((x, y + rng.uniform(-0.5, 0.5) * away))
    for left, right in itertools.pairwise(teeth):
        necks = [
            max(left.place(left.tooth.surface[[0, -1]]), key=lambda point: float(point[0])),
            min(right.place(right.tooth.surface[[0, -1]]), key=lambda point: float(point[0])),
        ]
        x, y = (necks[0] + necks[1]) / 2
        loss = mouth.bone_loss * rng.uniform(0.85, 1.2) * away
        crest += [(0.55 * neck[0] + 0.45 * x, 0.7 * neck[1] + 0.3 * y + loss) for neck in necks]
        gum.append((x, y - rng.uniform(0.8, 2.0) * away))
    crest_rim, gum_rim = _rim(crest, mouth.width), _rim(gum, mouth.width)
    return Jaw(teeth, crest_rim, gum_rim, mouth.scale, upper)


def _rim(points: list[tuple[float, float]], width: int) -> Points:
    """Return a curve through points that runs on to both sides of the image."""
    ordered = sorted(points)
    first, last = (-0.2 * width, ordered[0][1]), (1.2 * width, ordered[-1][1])
    return through([first, *ordered, last], 6)
