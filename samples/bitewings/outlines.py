"""Outlines of everything in an image, as a careful person would draw them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from bitewings.curves import Points
from bitewings.findings import Findings, Lesion

LABELS = ("dentine", "pulp", "enamel", "restoration", "caries")
"""In drawing order: later ones lie on top."""

TOOTH = "tooth"
"""The label of whole teeth, below all others, where depths are known."""

_CARE = 0.012  # distance of a drawn outline from the true one, as a part of its longer side
_PIXELS_OF_CARE = 0.15, 0.45  # limits of that distance
_SMALLEST_PART = 40.0  # square pixels of what is left of a tooth at the edge of the film


@dataclass(frozen=True)
class Ellipse:
    """An ellipse in pixels; ``degrees`` turn clockwise on the screen."""

    x: float
    y: float
    along: float
    across: float
    degrees: float


@dataclass(frozen=True)
class Outline:
    """The outline of one thing.

    Coordinates are pixels from the outer corner of the first pixel, with two decimals.

    Attributes:
        label: One of ``LABELS``.
        ring: (N, 2), the vertex that is topmost first, clockwise on the screen.
        tooth: Number of the tooth in FDI notation.
        kind: What it is more precisely, such as ``amalgam`` or ``proximal``; empty for tissues.
        depth: Of a lesion, ``E1`` to ``D3`` if it was made to reach a depth; else empty.
        ellipse: If it is an ellipse.
    """

    label: str
    ring: Points
    tooth: int
    kind: str = ""
    ellipse: Ellipse | None = None
    depth: str = ""


def draw_outlines(
    findings: Sequence[Findings], frame: Points, *, teeth: bool = False
) -> tuple[Outline, ...]:
    """Return the outlines of all findings in drawing order, cut to the film's frame.

    Args:
        findings: The teeth.
        frame: Of the film.
        teeth: Whether whole teeth are outlined, too.
    """
    outlines = [outline for one in findings for outline in _of_tooth(one, frame, teeth=teeth)]
    order = (TOOTH, *LABELS)
    return tuple(sorted(outlines, key=lambda outline: order.index(outline.label)))


def _of_tooth(one: Findings, frame: Points, *, teeth: bool) -> Iterator[Outline]:
    tooth, place, number = one.placed.tooth, one.placed.place, one.placed.number
    kinds = {work.kind for work in one.restorations}
    rings = [(TOOTH, tooth.outline, "")] if teeth else []
    rings.append(("dentine", tooth.dentine, ""))
    if "root filling" not in kinds:
        rings.append(("pulp", tooth.pulp, ""))
    if "crown" not in kinds:
        rings.append(("enamel", tooth.enamel, ""))
    rings += [("restoration", work.outline, work.kind) for work in one.restorations]
    for label, ring, kind in rings:
        for part in cut(place(ring), frame):
            yield Outline(label, tidy(part), number, kind)
    for lesion in one.lesions:
        ring = tidy(place(lesion.outline))
        yield Outline("caries", ring, number, lesion.kind, _ellipse(one, lesion), lesion.depth)


def _ellipse(one: Findings, lesion: Lesion) -> Ellipse | None:
    if lesion.ellipse is None:
        return None
    x, y, along, across, degrees = lesion.ellipse
    place = one.placed.place
    center = place([(x, y)])[0]
    numbers = (*center, along * place.scale, across * place.scale, place.turned(degrees))
    return Ellipse(*(round(float(number), 2) for number in numbers))


def cut(ring: Points, other: Points) -> list[Points]:
    """Return the parts of a ring's inside that are inside another ring, without specks."""
    shape, frame = shapely.Polygon(ring), shapely.Polygon(other)
    if frame.contains(shape):
        return [ring]
    parts = shapely.get_parts(shapely.intersection(shape, frame))
    large = [part for part in parts if part.area >= _SMALLEST_PART]
    return [shapely.get_coordinates(part.exterior)[:-1] for part in large]


def tidy(ring: Points) -> Points:
    """Return a ring with as few vertices as it needs, in a form that depends on its region alone.

    Geometry libraries are free to begin a ring anywhere and to run either way round.
    """
    x, y = ring.T
    clockwise = np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)) > 0
    ordered = ring if clockwise else ring[::-1]
    first = int(np.lexsort((ordered[:, 0], ordered[:, 1]))[0])
    whole = np.roll(ordered, -first, axis=0)
    tolerance = float(np.clip(_CARE * np.ptp(ring, axis=0).max(), *_PIXELS_OF_CARE))
    # Where an outline is narrow, its two sides must not cross.
    while not shapely.Polygon(thin := _thinned(whole, tolerance)).is_valid and tolerance > 0.01:
        tolerance /= 2
    # Adding zero turns -0.0, which would be written with its sign, into 0.0.
    rounded: Points = np.round(thin, 2) + 0.0
    return rounded


def _thinned(ring: Points, tolerance: float) -> Points:
    """Drop vertices that are near the line between their neighbors (Douglas-Peucker)."""
    x, y = np.vstack((ring, ring[:1])).T.copy()
    far = int(np.argmax(np.hypot(*(ring - ring[0]).T)))
    kept = {0, far}
    pending = [(0, far), (far, len(ring))]
    while pending:
        start, stop = pending.pop()
        if stop - start < 2:
            continue
        from_x, from_y = x[start], y[start]
        chord_x, chord_y = x[stop] - from_x, y[stop] - from_y
        inner = slice(start + 1, stop)
        distance = np.abs(chord_x * (y[inner] - from_y) - chord_y * (x[inner] - from_x))
        farthest = int(distance.argmax())
        if distance[farthest] > tolerance * max(float(np.hypot(chord_x, chord_y)), 1e-9):
            middle = start + 1 + farthest
            kept.add(middle)
            pending += [(start, middle), (middle, stop)]
    return ring[sorted(kept)]
