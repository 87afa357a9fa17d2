"""The outlines of molars and premolars as a bitewing shows them: in profile, from the cheek.

A tooth is drawn in millimeters in its own frame: the origin in the middle of the biting surface,
x along the jaw to the back of the mouth, y from the biting surface to the root.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitewings.curves import Points, joined, through
from bitewings.pulp import APEX, SEEN, make_pulp
from bitewings.roots import make_roots


@dataclass(frozen=True)
class ToothKind:
    """Average measures of a tooth in millimeters, after textbooks of dental anatomy.

    Attributes:
        number: Second digit of the FDI notation, 3 (canine) to 8 (wisdom tooth).
        width: Largest width along the jaw.
        neck: Width at the neck as a part of ``width``.
        height: From cusp tip to neck.
        cusps: Places of the cusps from -1 (front) to 1 (back).
        relief: Depth of the fissure.
        roots: 1; 2 with the fork between them in sight; or 3, where the third root hides the fork.
        root_length: From neck to apex.
    """

    number: int
    width: float
    neck: float
    height: float
    cusps: tuple[float, ...]
    relief: float
    roots: int
    root_length: float


UPPER = (
    ToothKind(3, 7.4, 0.76, 9.0, (-0.05,), 0.0, 1, 16.5),
    ToothKind(4, 7.1, 0.70, 7.9, (-0.02,), 0.0, 1, 13.5),
    ToothKind(5, 6.9, 0.72, 7.4, (0.02,), 0.0, 1, 14.0),
    ToothKind(6, 10.3, 0.77, 7.2, (-0.48, 0.42), 1.1, 3, 12.5),
    ToothKind(7, 9.7, 0.78, 6.9, (-0.46, 0.40), 1.0, 3, 11.5),
    ToothKind(8, 8.8, 0.78, 6.4, (-0.42, 0.40), 0.8, 1, 10.5),
)
LOWER = (
    ToothKind(3, 6.9, 0.76, 9.6, (-0.05,), 0.0, 1, 15.5),
    ToothKind(4, 7.0, 0.69, 8.2, (-0.04,), 0.0, 1, 14.0),
    ToothKind(5, 7.2, 0.71, 7.8, (-0.10, 0.45), 0.35, 1, 14.5),
    ToothKind(6, 11.2, 0.80, 7.3, (-0.60, -0.02, 0.52), 0.9, 2, 13.5),
    ToothKind(7, 10.7, 0.80, 6.9, (-0.50, 0.46), 0.9, 2, 12.5),
    ToothKind(8, 9.8, 0.80, 6.6, (-0.46, 0.42), 0.8, 1, 11.0),
)


@dataclass(frozen=True)
class Tooth:
    """A tooth in its own frame, in millimeters.

    Attributes:
        kind: Measures before the individual variation.
        half_width: Half of the largest width.
        height: From the cusp tips to the neck.
        outline: Outer contour of crown and root, a ring.
        inner_cusps: The same with the cusps of the tongue side, which shine through; a ring.
        enamel: The cap, a ring.
        dentine: Crown and root without the cap, a ring; the pulp is inside it.
        pulp: Chamber and canals as far as people see and annotate them, a ring.
        canals: Chamber and canals to the apex, a ring.
        roots: Rings of single roots in front of the trunk, drawn but not annotated.
        surface: Outer contour from the front to the back neck over the biting surface, open.
        junction: Border of enamel and dentine from the front to the back neck, open.
        fissures: Bottoms of the fissures, (N, 2); the middle if there is none.
        fork: Where two roots part, or None.
        pulp_contrast: How much attenuation the chamber lacks.
        burnout: How much the neck is darkened at its sides, 0 to 0.3.
    """

    kind: ToothKind
    half_width: float
    height: float
    outline: Points
    inner_cusps: Points
    enamel: Points
    dentine: Points
    pulp: Points
    canals: Points
    roots: tuple[Points, ...]
    surface: Points
    junction: Points
    fissures: Points
    fork: Points | None
    pulp_contrast: float
    burnout: float


@dataclass(frozen=True)
class _Crown:
    """What the outer contour, the junction and the tongue side's contour have in common."""

    half: float
    neck: float
    height: float
    tips: Points
    valleys: Points
    shoulders: tuple[float, float]

    def contour(
        self, *, inset: float = 0.0, drop: float = 0.0, shallow: float = 0.0, shift: float = 0.0
    ) -> Points:
        """Return the contour from the front to the back neck over the biting surface, open.

        Args:
            inset: Distance from the outer contour at the sides.
            drop: Distance from the outer contour at the cusps.
            shallow: How much flatter the fissures are.
            shift: Move of the cusps along the jaw.
        """
        tops = np.empty((len(self.tips) + len(self.valleys), 2))
        tops[0::2] = self.tips * (1 - 0.10 * inset, 1) + np.array((shift, drop))
        tops[1::2] = self.valleys + np.array((shift, 0.62 * drop - shallow))
        broad = self.half - inset
        sides = []
        for sign, tip, shoulder in ((-1.0, tops[0], 0), (1.0, tops[-1], 1)):
            corner = (sign * broad * 0.83, self.shoulders[shoulder] + 0.55 * drop)
            low = 0.45 * self.neck + 0.55 * self.half - 0.62 * inset
            sides.append(
                [
                    (sign * self.neck, self.height),
                    (sign * low, 0.76 * self.height),
                    (sign * broad, 0.46 * self.height + 0.15 * drop),
                    (sign * broad * 0.965, 0.30 * self.height + 0.3 * drop),
                    corner,
                    (0.45 * tip[0] + 0.55 * corner[0], 0.70 * tip[1] + 0.30 * corner[1]),
                ]
            )
        return through(joined(sides[0], tops, sides[1][::-1]), 7)


def grow(kind: ToothKind, rng: np.random.Generator, *, wear: float, pulp_size: float) -> Tooth:
    """Return an individual tooth.

    Args:
        kind: What tooth it is.
        rng: Source of the individual variation.
        wear: 0 for young cusps to 1 for flat ones.
        pulp_size: Width of the chamber as a part of the average; it shrinks with age.
    """
    half = kind.width / 2 * rng.uniform(0.95, 1.06)
    height = kind.height * rng.uniform(0.94, 1.06)
    neck = half * kind.neck * rng.uniform(0.98, 1.03)
    cusps = np.array(kind.cusps) * half + rng.normal(0, 0.15, len(kind.cusps))
    tips = np.column_stack((cusps, rng.uniform(0.0, 0.35, len(cusps)) * (1 - wear)))
    relief = kind.relief * (1 - 0.7 * wear) * rng.uniform(0.8, 1.2)
    deep = tips[:, 1].max() + relief * rng.uniform(0.75, 1.0, len(cusps) - 1)
    valleys = np.column_stack(((cusps[:-1] + cusps[1:]) / 2, deep))
    shoulder = (0.15 if len(cusps) > 1 else 0.20) * height
    shoulders = (shoulder + rng.normal(0, 0.18), shoulder + rng.normal(0, 0.18))
    crown = _Crown(half, neck, height, tips, valleys, shoulders)

    surface = crown.contour()
    junction = crown.contour(
        inset=rng.uniform(1.05, 1.3),
        drop=rng.uniform(1.35, 1.75) * (1 - 0.35 * wear),
        shallow=0.1 * relief,
    )
    tongue_side = crown.contour(
        inset=0.1,
        drop=rng.uniform(0.25, 0.8) * (1 - 0.6 * wear),
        shallow=0.4 * relief,
        shift=rng.normal(0, 0.09 * half),
    )
    roots = make_roots(kind.roots, kind.root_length, rng, half, neck, height)
    pulp = make_pulp(rng, half, height, roots.canals, pulp_size)
    root = roots.contour[1:-1]
    return Tooth(
        kind=kind,
        half_width=half,
        height=height,
        outline=joined(surface, root),
        inner_cusps=joined(tongue_side, root),
        enamel=joined(surface, junction[-2:0:-1]),
        dentine=joined(junction, root),
        pulp=pulp.ring(SEEN),
        canals=pulp.ring(APEX),
        roots=roots.fronts,
        surface=surface,
        junction=junction,
        fissures=valleys if len(valleys) else tips + np.array((0, 0.4)),
        fork=roots.fork,
        pulp_contrast=rng.uniform(0.07, 0.17),
        burnout=rng.uniform(0.0, 0.28),
    )
