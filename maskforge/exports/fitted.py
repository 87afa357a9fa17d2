"""Shapes turned into what a format can hold, without a change of one pixel.

A hole that a format has no ring for is cut into the outline: this runs into the hole and back along
the same line, so every row of pixels crosses that line twice, and the even-odd rule does not see
it. Or the hole becomes a later shape of background, where nothing lies below it. A bitmap becomes
outlines along the edges of its pixels, and an area a bitmap of the pixels whose centers it covers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from maskforge.choices import HoleForm
from maskforge.exports.united import united
from maskforge.formats.writer import Holds
from maskforge.masks.classes import BACKGROUND_LABEL
from maskforge.raster.arrays import rasterize
from maskforge.shapes import (
    Area,
    Bitmap,
    Geometry,
    Points,
    PointSet,
    Polygon,
    Polyline,
    Shape,
    Size,
)
from maskforge.vector.outlines import areas_of

_LINES = "lines"
_POINTS = "points"
_SCORES = "scores"
_UNLABELED = "records without a label"
_FURTHER_LABELS = "further labels of a record"
_OTHER_KEYS = "records with keys that only their own format knows"


@dataclass(slots=True)
class Fitted:
    """The shapes of one image as they are written, and what happened to them.

    Attributes:
        shapes: What is written.
        changed: How often something was written in another form, by the form.
        left_out: How often something could not be written, by its name.
    """

    shapes: list[Shape] = field(default_factory=list)
    changed: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


def fitted(
    shapes: Sequence[Shape], size: Size, holds: Holds, holes: HoleForm, *, is_own: bool
) -> Fitted:
    """Return shapes that a format can hold.

    Args:
        shapes: In drawing order.
        size: Size of the image.
        holds: What the format can hold.
        holes: How it holds holes.
        is_own: Whether the shapes were read from this format.
    """
    result = Fitted()
    if not holds.overlaps:
        shapes = _visible(shapes, size, result)
    if holds.parts and not holds.instances:
        count = len(shapes)
        shapes = united(shapes)
        if len(shapes) < count:
            result.changed["records of one object written as its parts"] += count - len(shapes)
    for number, shape in enumerate(shapes):
        geometries = list(_geometries(shape.geometry, size, holds, holes, result))
        if not geometries:
            continue
        instance = shape.instance
        grouped = sum(not isinstance(one, _Hole) for one in geometries) > 1
        if grouped and instance is None and holds.instances:
            instance = f"parts of shape {number + 1}"
        if instance is not None and not holds.instances:
            result.left_out["groups of records that are one object"] += 1
            instance = None
        score = shape.score
        if score is not None and not holds.scores:
            result.left_out[_SCORES] += 1
            score = None
        if not is_own and any(shape.extra.values()):
            result.left_out[_OTHER_KEYS] += 1
        one = replace(shape, instance=instance, score=score)
        for labels in _labels(shape.labels, holds, result):
            for geometry in geometries:
                result.shapes.append(_shape(one, labels, geometry))
    return result


def lost_in_pixels(shapes: Sequence[Shape], *, is_own: bool) -> Counter[str]:
    """Return what a format leaves out that holds nothing but pixels, by its name."""
    lost: Counter[str] = Counter()
    for shape in shapes:
        lost[_LINES] += isinstance(shape.geometry, Polyline)
        lost[_POINTS] += isinstance(shape.geometry, PointSet)
        lost[_UNLABELED] += not shape.labels
        lost[_FURTHER_LABELS] += max(len(shape.labels) - 1, 0)
        lost[_SCORES] += shape.score is not None
        lost[_OTHER_KEYS] += not is_own and any(shape.extra.values())
    return +lost


@dataclass(frozen=True, slots=True)
class _Hole:
    """A hole that is written as a shape of background."""

    area: Area


def _shape(shape: Shape, labels: tuple[str, ...], geometry: Geometry | _Hole) -> Shape:
    if isinstance(geometry, _Hole):
        labels, origin = (BACKGROUND_LABEL,), shape.origin
        return Shape(labels, geometry.area, "polygon", origin)
    if geometry is shape.geometry:
        return replace(shape, labels=labels)
    kind = "mask" if isinstance(geometry, Bitmap) else "polygon"
    return replace(shape, labels=labels, geometry=geometry, kind=kind, primitive=None, converted="")


def _labels(labels: tuple[str, ...], holds: Holds, result: Fitted) -> Iterator[tuple[str, ...]]:
    """Yield the labels of every record that is written, the first one last: it lies on top."""
    if not labels and not holds.unlabeled:
        result.left_out[_UNLABELED] += 1
    elif len(labels) < 2 or holds.labels:
        yield labels
    elif not holds.overlaps:
        result.left_out[_FURTHER_LABELS] += len(labels) - 1
        yield labels[:1]
    else:
        result.changed["records written once for each of several labels"] += 1
        for label in reversed(labels):
            yield (label,)


def _geometries(
    geometry: Geometry, size: Size, holds: Holds, holes: HoleForm, result: Fitted
) -> Iterator[Geometry | _Hole]:
    match geometry:
        case Polyline() if not holds.lines:
            result.left_out[_LINES] += 1
        case PointSet() if not holds.points:
            result.left_out[_POINTS] += 1
        case PointSet(points) if len(points) > 1 and not holds.point_sets:
            result.changed["sets of points written as single points"] += 1
            yield from (PointSet(_frozen(points[i : i + 1])) for i in range(len(points)))
        case Bitmap() if holds.bitmaps:
            yield geometry
        case Bitmap(row, column, pixels):
            result.changed["bitmaps written as outlines"] += 1
            yield from _areas(areas_of(pixels, row, column), size, holds, holes, result)
        case Area() if not holds.areas:
            if (bitmap := as_bitmap(geometry, size)) is not None:
                result.changed["outlines written as bitmaps"] += 1
                yield bitmap
            else:
                result.left_out["outlines without a pixel"] += 1
        case Area():
            yield from _areas(geometry, size, holds, holes, result)
        case _:
            yield geometry


def _areas(
    area: Area, size: Size, holds: Holds, holes: HoleForm, result: Fitted
) -> Iterator[Geometry | _Hole]:
    """Yield an area with its holes in the form of the format, record by record."""
    count = sum(len(part.holes) for part in area.parts)
    if count and holes == "bitmap":
        bitmap = as_bitmap(area, size)
        if bitmap is not None:
            result.changed["outlines with holes written as bitmaps"] += 1
            yield bitmap
        else:
            result.left_out["outlines without a pixel"] += 1
        return
    if count and holes == "cut":
        result.changed["holes cut into the outline"] += count
        area = Area(tuple(Polygon(cut(part)) if part.holes else part for part in area.parts))
    if len(area.parts) > 1 and not holds.parts:
        result.changed["parts written as records of their own"] += len(area.parts)
        parts = [Area((part,)) for part in area.parts]
    else:
        parts = [area]
    if not count or holes != "background":
        yield from parts
        return
    result.changed["holes written as later shapes of background"] += count
    for part in parts:
        yield Area(tuple(Polygon(one.exterior) for one in part.parts))
    yield from (_Hole(Area((Polygon(hole),))) for one in area.parts for hole in one.holes)


def _visible(shapes: Sequence[Shape], size: Size, result: Fitted) -> list[Shape]:
    """Return the pixels of every shape that no later one covers, as bitmaps."""
    covered = np.zeros((size.height, size.width), dtype=np.bool_)
    visible: list[Shape] = []
    for shape in reversed(shapes):
        if isinstance(shape.geometry, Polyline | PointSet):
            visible.append(shape)
            continue
        pixels = rasterize([shape.geometry], size).astype(np.bool_)
        if (pixels & covered).any():
            result.changed["shapes written without what lies under others"] += 1
        bitmap = _cropped(pixels & ~covered)
        covered |= pixels
        if bitmap is not None:
            visible.append(replace(shape, geometry=bitmap, primitive=None, kind="mask"))
        else:
            result.left_out["shapes without a visible pixel"] += 1
    return visible[::-1]


def as_bitmap(area: Area, size: Size) -> Bitmap | None:
    """Return the pixels of an area inside the image; None if there are none."""
    return _cropped(rasterize([area], size).astype(np.bool_))


def _cropped(pixels: np.typing.NDArray[np.bool_]) -> Bitmap | None:
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not len(rows):
        return None
    inside = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    inside.flags.writeable = False
    return Bitmap(int(rows[0]), int(columns[0]), inside)


def cut(polygon: Polygon) -> Points:
    """Return one ring that covers the same pixels as a polygon with holes.

    Args:
        polygon: An outline and holes.

    Examples:
        >>> from maskforge.exports.fitted import cut
        >>> square = np.array([(0, 0), (9, 0), (9, 9), (0, 9)], float)
        >>> hole = np.array([(3, 3), (6, 3), (6, 6)], float)
        >>> len(cut(mf.Polygon(square, (hole,))))
        9
    """
    ring = polygon.exterior
    for hole in sorted(polygon.holes, key=lambda one: tuple(one.min(axis=0))):
        distances = ((ring[:, None] - hole[None]) ** 2).sum(axis=2)
        here, there = np.unravel_index(np.argmin(distances), distances.shape)
        inner = np.roll(hole, -int(there), axis=0)
        ring = np.concatenate((ring[: here + 1], inner, inner[:1], ring[here:]))
    return _frozen(ring)


def _frozen(points: Points) -> Points:
    points.flags.writeable = False
    return points
