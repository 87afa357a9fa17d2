"""Rings and what becomes one: checks, circles, rectangles, thick lines, scaling."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskforge.errors import GeometryError, shorten
from maskforge.issues import Code, Origin
from maskforge.limits.allowance import Allowance
from maskforge.shapes import Area, Bitmap, Geometry, Points, PointSet, Polygon, Polyline, Size

COORDINATE_LIMIT = 2.0**31
"""Largest absolute coordinate in pixels; anything beyond is taken for damage."""

CURVE_TOLERANCE = 0.001
"""Largest distance in pixels between a circle or ellipse and the polygon drawn for it."""

CLOSING_GAP = 1.0
"""Largest distance in pixels between the ends of a line that counts as closed."""

_MOST_CURVE_VERTICES = 65536

_FRACTION_DECIMALS = 9

_CAPSULE_VERTICES = 66
"""Vertices of what lies within some distance of a segment, with round ends."""

_CLOSE_PAIRS = 8
"""Pairs of segments near each other, per point, up to which a thick line is one outline.

Those that lie near each other along the line, too, do not count.
"""

_MOST_PAIRS = 200
"""Pairs of segments that are looked at, per point."""

_PAIRS_AT_A_TIME = 2**20

_MOST_SORTED = 1000
"""Of more rings, nobody asks which lies in which."""


def checked_points(values: ArrayLike, origin: Origin) -> Points:
    """Return points as a read-only (N, 2) float64 array.

    Args:
        values: N pairs of numbers, or a flat sequence x0, y0, x1, y1, ...
        origin: Where they come from, for the error.

    Raises:
        GeometryError: If a number is missing, not finite or beyond ±2^31.
    """
    try:
        array = _array_of(values)
    except (TypeError, ValueError, OverflowError):
        raise _no_pairs(shorten(values), origin) from None
    if array.ndim == 1:
        if len(array) % 2:
            raise _no_pairs(f"{len(array)} numbers", origin)
        array = array.reshape(-1, 2)
    if array.ndim != 2 or array.shape[1] != 2:
        raise _no_pairs(f"an array of the shape {array.shape}", origin)
    largest = np.maximum.reduce(np.abs(array), axis=None, initial=0.0)
    if not largest <= COORDINATE_LIMIT:  # nor if it is NaN
        row, column = np.argwhere(~(np.abs(array) <= COORDINATE_LIMIT))[0]
        raise GeometryError(
            Code.INVALID_COORDINATES,
            f"{'xy'[column]} of point {row} is {array[row, column]}, "
            "expected a finite number within ±2^31",
            origin=origin,
            hint="redraw or delete this shape in the labeling tool",
        )
    array.flags.writeable = False
    return array


def _array_of(values: ArrayLike) -> NDArray[np.float64]:
    # A list of pairs is what files have; NumPy takes twice the time to find out that it is one.
    if isinstance(values, list) and {*map(type, values)} == {tuple} and {*map(len, values)} == {2}:
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            flat = itertools.chain.from_iterable(values)
            return np.fromiter(flat, np.float64, 2 * len(values)).reshape(-1, 2)
    return np.array(values, dtype=np.float64)


def _no_pairs(found: str, origin: Origin) -> GeometryError:
    return GeometryError(
        Code.INVALID_COORDINATES, f"expected pairs of x and y, found {found}", origin=origin
    )


def ring(values: ArrayLike, origin: Origin) -> Points:
    """Return a closed outline as (N, 2) with N >= 3, without a repeated last vertex.

    Raises:
        GeometryError: If a coordinate is invalid or fewer than three vertices are left.
    """
    points = checked_points(values, origin)
    if not len(points):
        raise GeometryError(Code.INVALID_COORDINATES, "the outline has no points", origin=origin)
    while len(points) > 1 and points[0].tolist() == points[-1].tolist():
        points = points[:-1]
    if len(points) < 3:
        raise GeometryError(
            Code.TOO_FEW_POINTS,
            f"{len(points)} different points enclose no area, expected at least 3",
            origin=origin,
        )
    return points


def outline(values: ArrayLike, origin: Origin) -> Area:
    """Return what a closed outline encloses; see ``ring`` for the rest."""
    return Area((Polygon(ring(values, origin)),))


def bounds(points: Points) -> tuple[float, float, float, float]:
    """Return the box around points: left, top, right, bottom."""
    left, top = points.min(axis=0).tolist()
    right, bottom = points.max(axis=0).tolist()
    return left, top, right, bottom


def least_crossings(geometries: Iterable[Geometry], size: Size) -> int:
    """Return how often outlines cross rows of pixels at least, however the image is turned.

    Args:
        geometries: Only areas count.
        size: Of the image.
    """
    areas = (one for one in geometries if isinstance(one, Area))
    rings = [ring for area in areas for part in area.parts for ring in part.rings]
    if not rings:
        return 0
    points = np.clip(np.concatenate(rings), 0, size)
    starts = np.cumsum([0, *map(len, rings[:-1])])
    extent = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)
    return int(2 * np.floor(extent.min(axis=1)).sum())


def enclosed_area(ring: Points) -> float:
    """Return what a ring encloses in square pixels, by the formula of Gauss."""
    closed = np.zeros((len(ring) + 1, 2))
    np.subtract(ring, ring[0], out=closed[:-1])
    (x, y), (next_x, next_y) = closed[:-1].T, closed[1:].T
    return abs(float(np.dot(x, next_y) - np.dot(y, next_x))) / 2


def by_even_odd(rings: Sequence[Points]) -> Area:
    """Return what rings enclose together: all that lies in an odd number of them.

    A ring in no other one, or in two, is an outline; a ring in one or three is a hole of the one
    around it. Rings that cross each other have no such order: they are one polygon, which is filled
    by the same rule.

    Args:
        rings: At least one.
    """
    import shapely

    together = Area((Polygon(rings[0], tuple(rings[1:])),))
    if len(rings) == 1 or len(rings) > _MOST_SORTED:
        return together
    lengths = [len(one) for one in rings]
    areas = shapely.polygons(
        shapely.linearrings(
            np.concatenate(rings), indices=np.repeat(np.arange(len(rings)), lengths)
        )
    )
    if not shapely.is_valid(areas).all():
        return together
    tree = shapely.STRtree(areas)
    inner, outer = tree.query(areas, predicate="within")
    crossing, other = tree.query(areas, predicate="overlaps")
    pairs = {(a, b) for a, b in zip(inner.tolist(), outer.tolist(), strict=True) if a != b}
    if (crossing != other).any() or any((b, a) in pairs for a, b in pairs):
        return together
    depth = np.bincount([a for a, _ in pairs], minlength=len(rings))
    holes: dict[int, list[Points]] = {}
    for a, b in sorted(pairs):
        if depth[a] % 2 and depth[b] == depth[a] - 1:
            holes.setdefault(b, []).append(rings[a])
    parts = [one for one in range(len(rings)) if depth[one] % 2 == 0]
    return Area(tuple(Polygon(rings[one], tuple(holes.get(one, ()))) for one in parts))


def polyline(values: ArrayLike, origin: Origin) -> Polyline:
    """Return an open line.

    Raises:
        GeometryError: If a coordinate is invalid, or there are fewer than two points.
    """
    points = checked_points(values, origin)
    if len(points) < 2:
        text = f"{len(points)} points make no line, expected at least 2"
        raise GeometryError(Code.TOO_FEW_POINTS, text, origin=origin)
    return Polyline(points)


def rectangle(x0: float, y0: float, x1: float, y1: float, origin: Origin) -> Polygon:
    """Return the axis-parallel rectangle between two opposite corners, given in any order."""
    if not all(abs(one) <= COORDINATE_LIMIT for one in (x0, y0, x1, y1)):  # False for NaN, too
        checked_points(((x0, y0), (x1, y1)), origin)
    left, right = min(x0, x1), max(x0, x1)
    top, bottom = min(y0, y1), max(y0, y1)
    corners = np.array(((left, top), (right, top), (right, bottom), (left, bottom)), np.float64)
    corners.flags.writeable = False
    return Polygon(corners)


def ellipse(
    x: float,
    y: float,
    radius_x: float,
    radius_y: float,
    angle: float,
    origin: Origin,
    vertices: Allowance | None = None,
) -> Polygon:
    """Return an ellipse as a polygon that is nowhere more than 0.001 px away from it.

    The vertices lie on the ellipse; n of them leave a gap of r (1 - cos(pi / n)) at most, which
    fixes n.

    Args:
        x: Center.
        y: Center.
        radius_x: Half axis along x before turning.
        radius_y: Half axis along y before turning.
        angle: Degrees, clockwise as seen on the screen (y points down).
        origin: Where it comes from, for the error.
        vertices: Counts the vertices.

    Raises:
        GeometryError: If a number is not finite, or a radius is negative.
        LimitError: If there are more vertices than are left.
    """
    (numbers,) = checked_points([[radius_x, radius_y]], origin)
    checked_points([[x, y], [angle, 0.0]], origin)
    if numbers.min() < 0:
        raise GeometryError(
            Code.INVALID_COORDINATES, f"radius {numbers.min()} is negative", origin=origin
        )
    largest = max(radius_x, radius_y, CURVE_TOLERANCE)
    count = math.ceil(math.pi / math.acos(1 - min(CURVE_TOLERANCE / largest, 1.0)))
    count = min(max(count, 16), _MOST_CURVE_VERTICES)
    if vertices is not None:
        vertices.take(count)
    (x_along, x_across), (y_along, y_across) = _offsets(radius_x, radius_y, angle, count)
    return Polygon(
        checked_points(np.column_stack((x + x_along - x_across, y + y_along + y_across)), origin)
    )


@lru_cache(maxsize=4)
def _offsets(radius_x: float, radius_y: float, angle: float, count: int) -> NDArray[np.float64]:
    """Return what both axes of an ellipse add to x and y of its center: (2, 2, ``count``)."""
    turn = np.arange(count) * (2 * math.pi / count)
    along, across = radius_x * np.cos(turn), radius_y * np.sin(turn)
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    offsets = np.array(((along * cosine, across * sine), (along * sine, across * cosine)))
    offsets.flags.writeable = False
    return offsets


def convex_hull(values: ArrayLike, origin: Origin) -> Polygon:
    """Return the smallest convex polygon around points.

    Raises:
        GeometryError: If a coordinate is invalid, or the points lie on one line.
    """
    import shapely

    hull = shapely.convex_hull(shapely.multipoints(checked_points(values, origin)))
    return Polygon(ring(shapely.get_coordinates(hull), origin))


def thick_line(line: Polyline, width: float, vertices: Allowance) -> Area:
    """Return everything within half of ``width`` pixels of a line, with round ends and joints.

    The time for the outline of a line grows with the square of how often it comes near itself. A
    line that does so more often than any that somebody drew is a part for every segment instead.

    Args:
        line: The line.
        width: Its width.
        vertices: Counts the vertices.

    Raises:
        LimitError: If there are more vertices than are left.
    """
    import shapely

    ends = np.stack((line.points[:-1], line.points[1:]), axis=1)
    if not _is_tangled(ends, width):
        outline = shapely.LineString(line.points).buffer(width / 2)
        vertices.take(int(shapely.get_num_coordinates(outline)))
        return _area(outline)
    vertices.take(len(ends) * _CAPSULE_VERTICES)
    return Area(
        tuple(
            Polygon(_open(shapely.get_coordinates(one)))
            for one in shapely.buffer(shapely.linestrings(ends), width / 2)
        )
    )


def is_closed(line: Polyline) -> bool:
    """Tell whether a line ends within a pixel of its start, and goes around something."""
    points = line.points
    gap = np.hypot(*(points[0] - points[-1]))
    return bool(gap <= CLOSING_GAP) and len(np.unique(points, axis=0)) >= 3


def _is_tangled(ends: NDArray[np.float64], width: float) -> bool:
    """Tell whether many segments, (N, 2, 2), of a line come nearer to each other than its width."""
    import shapely

    low, high = ends.min(axis=1), ends.max(axis=1)
    tree = shapely.STRtree(shapely.box(*low.T, *high.T))
    wide = shapely.box(*(low - width).T, *(high + width).T)
    place = np.cumsum(np.hypot(*(ends[:, 1] - ends[:, 0]).T))
    seen = close = 0
    step = max(1, _PAIRS_AT_A_TIME // len(ends))
    for begin in range(0, len(ends), step):
        first, second = tree.query(wide[begin : begin + step])
        apart = place[second] - place[begin + first]  # each pair is found twice
        seen += len(first)
        close += int(np.count_nonzero(apart > 4 * width))
        if close > _CLOSE_PAIRS * (len(ends) + 1) or seen > _MOST_PAIRS * (len(ends) + 1):
            return True
    return False


def discs(points: PointSet, radius: float, origin: Origin, vertices: Allowance) -> Area:
    """Return a disc of ``radius`` pixels around every point; see ``ellipse`` for the rest."""
    return Area(
        tuple(ellipse(x, y, radius, radius, 0.0, origin, vertices) for x, y in points.points)
    )


def _area(region: object) -> Area:
    import shapely

    polygons = shapely.get_parts(region)
    return Area(
        tuple(
            Polygon(
                _open(shapely.get_coordinates(part.exterior)),
                tuple(_open(shapely.get_coordinates(hole)) for hole in part.interiors),
            )
            for part in polygons
        )
    )


def _open(coordinates: Points) -> Points:
    points = coordinates[:-1]
    points.flags.writeable = False
    return points


def scaled(geometry: Geometry, factor_x: float, factor_y: float) -> Geometry:
    """Return vector geometry with all coordinates multiplied; bitmaps cannot be scaled.

    Raises:
        TypeError: For a bitmap, which would have to be resampled.
    """

    def scale(points: Points) -> Points:
        result = points * (factor_x, factor_y)
        result.flags.writeable = False
        return result

    if isinstance(geometry, Bitmap):
        raise TypeError("a bitmap cannot be scaled without resampling")
    return _with_points(geometry, scale)


def point_arrays(geometry: Geometry) -> list[Points]:
    """Return the arrays of points of vector geometry; none of a bitmap."""
    match geometry:
        case Area(parts):
            return [ring for part in parts for ring in part.rings]
        case Polyline(points) | PointSet(points):
            return [points]
        case Bitmap():
            return []


def from_fractions(geometry: Geometry, size: Size) -> Geometry:
    """Return geometry in pixels whose coordinates are fractions of the sides of an image.

    A fraction times a side is a little beside the coordinate that it was made from. Rounded to a
    billionth of a pixel, coordinates of few decimals come back as they were.

    Raises:
        TypeError: If it is a bitmap.
    """
    pixels = scaled(geometry, size.width, size.height)
    assert not isinstance(pixels, Bitmap)
    return rounded(pixels, _FRACTION_DECIMALS)


def self_intersecting(polygons: Sequence[Polygon]) -> list[bool]:
    """Tell for each polygon whether its rings cross or touch themselves or each other.

    The test is the OGC validity of shapely, which also counts a hole outside its exterior.
    """
    import shapely

    rings = [points for polygon in polygons for points in polygon.rings]
    if not rings:
        return []
    lengths = [len(points) for points in rings]
    linear = shapely.linearrings(
        np.concatenate(rings), indices=np.repeat(np.arange(len(rings)), lengths)
    )
    owners = np.repeat(np.arange(len(polygons)), [len(polygon.rings) for polygon in polygons])
    valid = shapely.is_valid(shapely.polygons(linear, indices=owners))
    return [not bool(one) for one in valid]


_TURNS = {
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}
"""EXIF orientations: whether x and y change places, and then which counts from the other side."""


def oriented(geometry: Geometry, size: Size, orientation: int, *, back: bool = False) -> Geometry:
    """Return geometry on the image as it is shown instead of as it is stored, or the other way.

    Args:
        geometry: The geometry.
        size: Size of the frame that it is in.
        orientation: EXIF orientation, 1 to 8.
        back: Whether it is on the image as it is shown.
    """
    if back:
        orientation = {6: 8, 8: 6}.get(orientation, orientation)
    swap, from_right, from_below = _TURNS.get(orientation, (False, False, False))
    width, height = (size.height, size.width) if swap else size

    def turn(points: Points) -> Points:
        turned = points[:, ::-1].copy() if swap else points.copy()
        if from_right:
            turned[:, 0] = width - turned[:, 0]
        if from_below:
            turned[:, 1] = height - turned[:, 1]
        turned.flags.writeable = False
        return turned

    match geometry:
        case Bitmap(row, column, pixels):
            turned = pixels.T if swap else pixels
            row, column = (column, row) if swap else (row, column)
            if from_right:
                turned, column = turned[:, ::-1], width - column - turned.shape[1]
            if from_below:
                turned, row = turned[::-1], height - row - turned.shape[0]
            return Bitmap(row, column, _fixed(turned))
        case _:
            return _with_points(geometry, turn)


def rounded(geometry: Area | Polyline | PointSet, decimals: int) -> Geometry:
    """Return vector geometry with all coordinates rounded to so many decimals."""

    def round_(points: Points) -> Points:
        result = np.round(points, decimals)
        result.flags.writeable = False
        return result

    return _with_points(geometry, round_)


def _fixed(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return pixels


def _with_points(
    geometry: Area | Polyline | PointSet, change: Callable[[Points], Points]
) -> Geometry:
    match geometry:
        case Area(parts):
            return Area(
                tuple(
                    Polygon(change(part.exterior), tuple(change(hole) for hole in part.holes))
                    for part in parts
                )
            )
        case Polyline(points):
            return Polyline(change(points))
        case PointSet(points):
            return PointSet(change(points))
