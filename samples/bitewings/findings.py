"""Which tooth of an image has what: lesions and restorations."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely

from bitewings import caries, restorations
from bitewings.curves import Points, ellipse
from bitewings.jaws import Jaw, PlacedTooth
from bitewings.restorations import Restoration

_KINDS = {"proximal": 0.50, "occlusal": 0.20, "buccal": 0.08, "root": 0.07, "secondary": 0.15}


@dataclass(frozen=True)
class Lesion:
    """One lesion of a tooth, in millimeters in the tooth's frame.

    Attributes:
        kind: ``proximal``, ``occlusal``, ``buccal``, ``secondary`` or ``root``.
        site: Which part of the tooth it takes: ``front``, ``back``, ``occlusal`` or ``buccal``.
        outline: Where half of the loss of mineral is reached, a ring.
        loss: Part of the attenuation that is lost in its middle.
        softness: Half width of its border.
        ellipse: x, y, half axes and degrees if it is an ellipse, else None.
        depth: ``E1`` to ``D3`` if it was made to reach a depth; else empty.
    """

    kind: str
    site: str
    outline: Points
    loss: float
    softness: float
    ellipse: tuple[float, float, float, float, float] | None = None
    depth: str = ""


@dataclass
class Findings:
    """A tooth with what was found at it, in the order in which it is drawn."""

    placed: PlacedTooth
    restorations: list[Restoration] = field(default_factory=list)
    lesions: list[Lesion] = field(default_factory=list)


def examine(
    jaws: Sequence[Jaw], rng: np.random.Generator, width: int, height: int
) -> list[list[Findings]]:
    """Return the teeth of every jaw, from left to right, with what was found at them."""
    rows = [[Findings(placed) for placed in jaw.teeth] for jaw in jaws]
    teeth = itertools.chain.from_iterable(rows)
    visible = [one for one in teeth if in_sight(one.placed, width, height)]
    treated = 0.55 * rng.random()
    for one in visible:
        if rng.random() < treated:
            _treat(one, rng)
    wanted = int(rng.choice(8, p=(0.08, 0.10, 0.18, 0.20, 0.18, 0.13, 0.08, 0.05)))
    if not visible:
        return rows
    for _ in range(12 * wanted):
        if sum(len(one.lesions) for one in visible) >= wanted:
            break
        one = visible[rng.integers(len(visible))]
        lesion = _lesion(one, rng)
        if lesion is not None and _fits(one, lesion, width, height):
            one.lesions.append(lesion)
    return rows


def in_sight(placed: PlacedTooth, width: int, height: int) -> bool:
    """Return whether nearly all of a crown is in the image."""
    crown = placed.place(placed.tooth.enamel)
    inside = (crown > (6, 6)) & (crown < (width - 6, height - 6))
    return bool(inside.all(axis=1).mean() > 0.8)


def _treat(one: Findings, rng: np.random.Generator) -> None:
    tooth, chance = one.placed.tooth, rng.random()
    if chance < 0.12:
        one.restorations.append(restorations.root_filling(tooth, rng))
    if chance < 0.07:
        one.restorations.append(restorations.crown(tooth, rng))
        return
    material = "amalgam" if rng.random() < 0.5 else "composite"
    side = int(rng.integers(-1, 2))
    one.restorations.append(restorations.filling(tooth, rng, material, side))


def _fits(one: Findings, lesion: Lesion, width: int, height: int) -> bool:
    """Return whether a lesion is alone at its site, whole in the image and of a fair size."""
    ring = one.placed.place(lesion.outline)
    return bool(
        all(other.site != lesion.site for other in one.lesions)
        and ((ring > 14) & (ring < (width - 14, height - 14))).all()
        and caries.SMALLEST + 0.5 <= np.ptp(ring, axis=0).max() <= caries.LARGEST - 1
        and np.ptp(ring, axis=0).min() >= 0.6 * caries.SMALLEST
        and shapely.Polygon(ring).is_valid
    )


def _size(rng: np.random.Generator, scale: float, low: float, high: float) -> float:
    """Return a size in millimeters between limits in millimeters; small ones are commoner."""
    low, high = max(low, caries.SMALLEST / scale), min(high, 0.95 * caries.LARGEST / scale)
    return low + max(high - low, 0.0) * float(rng.beta(1.2, 2.0))


def _lesion(one: Findings, rng: np.random.Generator) -> Lesion | None:
    """Return a lesion, or None where the tooth has no place for the kind that was drawn."""
    tooth, scale = one.placed.tooth, one.placed.place.scale
    loss = float(np.exp(rng.uniform(np.log(0.13), np.log(0.42))))
    softness = rng.uniform(0.10, 0.24)
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    side = int(rng.choice((-1, 1)))
    fillings = [work for work in one.restorations if work.kind != "root filling"]
    boxes = [work for work in fillings if work.side]
    if any(work.kind == "crown" for work in fillings):
        return None
    site = "back" if side > 0 else "front"
    oval = None
    match kind:
        case "secondary" if boxes:
            side = boxes[0].side
            site = "back" if side > 0 else "front"
            top = boxes[0].floor + 0.1
            ring = caries.saucer(tooth, rng, side, top, _size(rng, scale, 0.6, 2.2))
        case "proximal" if all(work.side != side for work in boxes):
            ring = caries.proximal(tooth, rng, side, _size(rng, scale, 0.42, 3.5))
        case "root" if all(work.side != side for work in boxes):
            top = tooth.height + rng.uniform(0.1, 0.5)
            ring = caries.saucer(tooth, rng, side, top, _size(rng, scale, 0.8, 2.2))
        case "occlusal" if not fillings and len(tooth.kind.cusps) > 1:
            site = "occlusal"
            ring = caries.occlusal(tooth, rng, _size(rng, scale, 0.8, 3.6))
        case "buccal" if not fillings:
            site = "buccal"
            along = 0.5 * _size(rng, scale, 0.7, 2.0)
            across = along if rng.random() < 0.5 else along * rng.uniform(0.55, 0.85)
            x = tooth.half_width * rng.uniform(-0.4, 0.4)
            y = tooth.height * rng.uniform(0.45, 0.72)
            oval = (x, y, along, across, float(rng.uniform(-40, 40)))
            ring = ellipse(*oval)
        case _:
            return None
    return Lesion(kind, site, ring, loss, softness, oval)
