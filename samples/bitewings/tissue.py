"""How much of the X-rays teeth, bone and gum take away.

Attenuation adds up along a ray. Its unit is arbitrary: sound dentine of a molar's crown has about
0.75, its enamel up to 1.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitewings.curves import Points
from bitewings.fields import (
    OVERSAMPLING,
    Field,
    chord,
    depth,
    filled,
    noise,
    ramp,
    resized,
    trabeculae,
)
from bitewings.findings import Findings
from bitewings.jaws import Jaw


@dataclass(frozen=True)
class _Window:
    """A part of a field: columns from left to right - 1, rows from top to bottom - 1."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, ring: Points, shape: tuple[int, int], margin: int) -> _Window:
        """Return the window around a ring, cut to a field of this shape."""
        low = np.maximum(np.floor(ring.min(axis=0) * OVERSAMPLING).astype(int) - margin, 0)
        high = np.ceil(ring.max(axis=0) * OVERSAMPLING).astype(int) + margin
        high = np.minimum(high, (shape[1], shape[0]))
        return cls(int(low[0]), int(low[1]), int(high[0]), int(high[1]))

    @property
    def empty(self) -> bool:
        return self.right - self.left < 2 or self.bottom - self.top < 2

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def fill(self, ring: Points) -> NDArray[np.uint8]:
        shape = self.bottom - self.top, self.right - self.left
        return filled(ring, shape, (self.left, self.top))


def jaw_attenuation(
    jaw: Jaw, teeth: Sequence[Findings], rng: np.random.Generator, shape: tuple[int, int]
) -> Field:
    """Return the attenuation of the teeth, the bone and the gum of one jaw."""
    mm = np.float32(jaw.scale)
    under_crest = _below(jaw.crest, shape, mm, upper=jaw.upper)
    covered = 0.26 + 0.14 * ramp(under_crest, 0.2, 3)
    row, kept = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    lamina = np.zeros(shape, np.float32)
    for one in teeth:
        ring = one.placed.place(one.placed.tooth.outline)
        window = _Window.around(ring, shape, round(1.2 * float(mm)) * OVERSAMPLING)
        if window.empty:
            continue
        part = window.slices
        silhouette = window.fill(ring)
        field = _tooth(one, window, silhouette)
        # Overlapping neighbors lie side by side there, so the sum would be too much.
        row[part] = np.maximum(row[part], field) + 0.45 * np.minimum(row[part], field)
        away = depth(255 - silhouette) / mm
        ligament = 0.60 + 0.40 * ramp(away, 0.10, 0.28)
        kept[part] = np.minimum(kept[part], np.where(away > 0, ligament, covered[part]))
        wall = np.exp(-(((away - 0.42) / 0.16) ** 2)) * (away > 0)
        lamina[part] = np.maximum(lamina[part], wall)
    # No tissue is quite even.
    coarse = shape[0] // OVERSAMPLING, shape[1] // OVERSAMPLING
    uneven = 0.022 * noise(rng, coarse, 1.1 * float(mm)) + 0.012 * noise(
        rng, coarse, 0.3 * float(mm)
    )
    row *= 1 + resized(uneven, shape)
    bone = kept * _bone(under_crest, rng, float(mm)) + 0.10 * lamina * ramp(under_crest, 0, 0.6)
    under_gum = _below(jaw.gum, shape, mm, upper=jaw.upper)
    gum = 0.13 * ramp(under_gum, -0.4, 1.0) * (1 + 0.05 * np.clip(under_gum, 0, 6))
    return row + bone + gum


def _tooth(one: Findings, window: _Window, silhouette: NDArray[np.uint8]) -> Field:
    tooth, place = one.placed.tooth, one.placed.place
    mm = place.scale
    outer = depth(silhouette)
    inner = depth(window.fill(place(tooth.inner_cusps)))
    dentine_depth = depth(window.fill(place(tooth.dentine)))
    u, v = _own_frame(one, window)

    # Enamel of the cheek and tongue side ends in an arc that lies lower in the middle.
    rim = tooth.height * (1.12 - 0.2 * (u / tooth.half_width) ** 2)
    crown = 1 - ramp(v - rim, -0.9, 0.25)
    body = 0.55 * chord(outer, 1.0 * mm) + 0.45 * chord(inner, 1.0 * mm)
    dentine = 0.9 * chord(dentine_depth, 0.75 * mm) + 0.1 * chord(dentine_depth, 2.5 * mm)
    enamel = np.maximum(body - 0.96 * dentine, 0) * (0.12 + 0.88 * crown)
    field: Field = dentine * (0.58 + 0.16 * chord(outer, 1.5 * mm)) + 1.30 * enamel
    field += 0.11 * crown * ramp(dentine_depth, 0, 0.8 * mm)
    field *= 0.86 + 0.14 * min(1.0, tooth.half_width / 5)
    field -= tooth.pulp_contrast * chord(depth(window.fill(place(tooth.pulp))), 0.8 * mm) ** 1.5
    field -= 0.05 * chord(depth(window.fill(place(tooth.canals))), 0.3 * mm)
    for root in tooth.roots:
        field += 0.10 * chord(depth(window.fill(place(root))), 0.5 * mm)
    # The neck is thin and has neither enamel nor bone around it: "burn-out".
    neck = np.exp(-(((v - tooth.height - 0.9) / 0.9) ** 2))
    field *= 1 - tooth.burnout * neck * np.exp(-outer / (0.9 * mm))
    field *= 1 - 0.02 * np.maximum(v - tooth.height, 0)

    for lesion in one.lesions:
        mask = window.fill(place(lesion.outline))
        inside = depth(mask)
        border = lesion.softness * mm
        lost = ramp(inside - depth(255 - mask), -border, border)
        field *= 1 - lesion.loss * lost * (0.8 + 0.2 * ramp(inside, 0, 0.7 * mm))
    for work in one.restorations:
        field += work.attenuation * chord(depth(window.fill(place(work.outline))), work.edge * mm)
    return field


def _own_frame(one: Findings, window: _Window) -> tuple[Field, Field]:
    """Return the coordinates of a window's pixels in the tooth's frame."""
    place = one.placed.place
    x = (np.arange(window.left, window.right, dtype=np.float32) + 0.5) / OVERSAMPLING - place.x
    y = (np.arange(window.top, window.bottom, dtype=np.float32) + 0.5) / OVERSAMPLING - place.y
    cosine, sine = math.cos(math.radians(place.degrees)), math.sin(math.radians(place.degrees))
    u = (x[None, :] * cosine + y[:, None] * sine) / place.scale
    v = (y[:, None] * cosine - x[None, :] * sine) / place.scale
    return (-u if place.mirrored else u), (-v if place.upper else v)


def _below(rim: Points, shape: tuple[int, int], mm: np.float32, *, upper: bool) -> Field:
    """Return how many millimeters every pixel lies on the root side of a rim."""
    x = (np.arange(shape[1]) + 0.5) / OVERSAMPLING
    y = ((np.arange(shape[0], dtype=np.float32) + 0.5) / OVERSAMPLING)[:, None]
    order = np.argsort(rim[:, 0], kind="stable")
    level = np.interp(x, rim[order, 0], rim[order, 1]).astype(np.float32)[None, :]
    result: Field = (level - y if upper else y - level) / mm
    return result


def _bone(under: Field, rng: np.random.Generator, mm: float) -> Field:
    """Return spongy bone below its crest, with the crest's compact layer."""
    height, width = under.shape
    coarse = height // OVERSAMPLING, width // OVERSAMPLING
    texture = 0.19 * trabeculae(rng, coarse, mm) + 0.06 * noise(rng, coarse, 1.6 * mm)
    fine = resized(texture, (height, width))
    field: Field = ramp(under, -0.25, 0.55) * (0.46 + 0.04 * np.clip(under, 0, 8)) * (1 + fine)
    field += 0.09 * np.exp(-(((under - 0.35) / 0.28) ** 2))
    return field
