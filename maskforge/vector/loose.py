"""Outlines that may change the mask: simplified further, or rounded.

Every arc is moved once, for the regions on both of its sides, so neighbors keep a common border.
Arcs that cross afterwards, or let something vanish, are moved by less, until none do. In the end
they are as they were, without loss, where nothing crosses.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maskforge.geometry import self_intersecting
from maskforge.raster.runs import areas
from maskforge.raster.scan import scan
from maskforge.shapes import Area, Points, Polygon, Size
from maskforge.vector.arcs import Arcs, straighten
from maskforge.vector.rings import Rings
from maskforge.vector.vectorize_options import LOSSLESS

_ROUND = 1 / 16
"""By how many pixels vertices may lie beside rounded outlines, to be fewer."""


def loosen(rings: Rings, arcs: Arcs, tolerance: float, smoothing: int, size: Size) -> list[Points]:
    """Return the points of every ring.

    Args:
        rings: The rings.
        arcs: The arcs of which they are made.
        tolerance: By how many pixels an arc may move.
        smoothing: How often corners are cut.
        size: Size of the label map.
    """
    straight = straighten(arcs)
    tolerances = np.full(len(arcs.starts), float(tolerance) if tolerance > LOSSLESS else 0.0)
    cuts = np.full(len(arcs.starts), smoothing)
    while True:
        moved = _rounded(_simplified(arcs, straight, tolerances), cuts)
        lines = moved.outlines()
        trouble = _crossing(moved)
        if not trouble.any():
            trouble = _of_rings(_lost(rings, lines, size), moved)
        trouble &= (tolerances > 0) | (cuts > 0)
        if not trouble.any():
            return lines
        tolerances[trouble & (cuts == 0)] /= 2
        tolerances[tolerances <= LOSSLESS] = 0
        cuts[trouble] = 0


def _simplified(arcs: Arcs, straight: Arcs, tolerances: NDArray[np.float64]) -> Arcs:
    """Return arcs with fewer points; those of ``straight`` where the tolerance is 0."""
    lines = np.where(tolerances > 0, _lines(arcs), _lines(straight))
    return _with_lines(arcs, lines, tolerances)


def _with_lines(
    arcs: Arcs, lines: NDArray[np.object_], tolerance: float | NDArray[np.float64]
) -> Arcs:
    import shapely

    fewer = shapely.simplify(lines, tolerance, preserve_topology=False)
    points, owners = shapely.get_coordinates(fewer, return_index=True)
    return _with_points(arcs, points.view(np.complex128)[:, 0], np.bincount(owners))


def _lines(arcs: Arcs) -> NDArray[np.object_]:
    import shapely

    owners = np.repeat(np.arange(len(arcs.starts)), arcs.ends - arcs.starts)
    lines: NDArray[np.object_] = shapely.linestrings(
        arcs.points.real, arcs.points.imag, indices=owners
    )
    return lines


def _with_points(arcs: Arcs, points: NDArray[np.complex128], counts: NDArray[np.int64]) -> Arcs:
    ends = np.cumsum(counts)
    return replace(arcs, points=points, starts=ends - counts, ends=ends)


def _rounded(arcs: Arcs, cuts: NDArray[np.int64]) -> Arcs:
    """Return the arcs with their corners cut so often."""
    if not cuts.any():
        return arcs
    lines = [
        _cut(arcs.points[start:end], count, is_loop=is_loop)
        for start, end, count, is_loop in zip(
            arcs.starts.tolist(), arcs.ends.tolist(), cuts.tolist(), arcs.loops, strict=True
        )
    ]
    counts = np.array([len(line) for line in lines])
    rounded = _with_points(arcs, np.concatenate(lines), counts)
    return _with_lines(arcs, _lines(rounded), np.where(cuts > 0, _ROUND, 0.0))


def _cut(points: NDArray[np.complex128], count: int, *, is_loop: bool) -> NDArray[np.complex128]:
    """Replace every corner by two points, a quarter along its edges (Chaikin); ends stay.

    A loop has no ends: its first point, which is its last one, is a corner like others.
    """
    for _ in range(count):
        near = (3 * points[:-1] + points[1:]) / 4
        far = (points[:-1] + 3 * points[1:]) / 4
        cut = np.column_stack((near, far)).ravel()
        if is_loop:
            points = np.append(cut, cut[0])
        else:
            points = np.concatenate((points[:1], cut[1:-1], points[-1:]))
    return points


def _crossing(arcs: Arcs) -> NDArray[np.bool_]:
    """Tell which arcs cross or touch themselves or others elsewhere than at common ends, (A,)."""
    import shapely

    owners = np.repeat(np.arange(len(arcs.starts)), arcs.ends - arcs.starts)
    is_last = np.zeros(len(owners), dtype=np.bool_)
    is_last[arcs.ends - 1] = True
    first = np.flatnonzero(~is_last)
    begin, end, owners = arcs.points[first], arcs.points[first + 1], owners[first]
    corners = np.stack((begin, end), axis=1).view(np.float64).reshape(-1, 2, 2)
    segments = shapely.linestrings(corners)
    a, b = shapely.STRtree(segments).query(segments, predicate="intersects")
    a, b = a[a < b], b[a < b]
    at_begin = (begin[a] == begin[b]) | (begin[a] == end[b])
    at_end = (end[a] == begin[b]) | (end[a] == end[b])
    meets = at_begin != at_end  # in one point; then they may only not leave it the same way
    common = np.where(at_begin, begin[a], end[a])
    product = (begin[a] + end[a] - 2 * common).conj() * (begin[b] + end[b] - 2 * common)
    crosses = ~meets | ((product.imag == 0) & (product.real > 0))
    found = np.zeros(len(arcs.starts), dtype=np.bool_)
    found[owners[a[crosses]]] = found[owners[b[crosses]]] = True
    found[owners[begin == end]] = True
    return found


def _lost(rings: Rings, lines: list[Points], size: Size) -> NDArray[np.bool_]:
    """Tell which rings draw no pixel, or one that others draw, or leave their outer ring, (R,)."""
    whole = np.flatnonzero(rings.outer == np.arange(len(lines)))
    holes = np.flatnonzero(rings.outer != np.arange(len(lines)))
    inner: dict[int, list[Points]] = {ring: [] for ring in whole.tolist()}
    for hole in holes.tolist():
        inner[int(rings.outer[hole])].append(lines[hole])
    polygons = [Polygon(lines[ring], tuple(found)) for ring, found in inner.items()]
    drawn = [Area((one,)) for one in (*polygons, *(Polygon(lines[hole]) for hole in holes))]
    runs = scan(drawn, size)
    lost = np.zeros(len(lines), dtype=np.bool_)
    lost[np.concatenate((whole, holes))] = areas(runs, len(drawn)) == 0
    lost[whole] |= self_intersecting(polygons)
    # Runs in reading order: who begins before another ends has a pixel in common with it.
    is_whole = runs.region < len(whole)
    region, row = runs.region[is_whole], runs.row[is_whole]
    starts, stops = (row * size.width + one[is_whole] for one in (runs.start, runs.stop))
    order = np.argsort(starts, kind="stable")
    region, starts, stops = region[order], starts[order], stops[order]
    most = np.maximum.accumulate(stops)
    furthest = np.maximum.accumulate(np.where(stops == most, np.arange(len(stops)), 0))
    double = np.flatnonzero(starts[1:] < stops[furthest[:-1]])
    lost[whole[region[double + 1]]] = lost[whole[region[furthest[double]]]] = True
    # What is wrong with a hole or around it may be the fault of either.
    lost[rings.outer[lost]] = True
    return lost[rings.outer] | lost


def _of_rings(rings: NDArray[np.bool_], arcs: Arcs) -> NDArray[np.bool_]:
    """Return whether each arc belongs to one of some rings, (A,)."""
    counts = np.diff(arcs.rings, append=len(arcs.pieces))
    found = np.zeros(len(arcs.starts), dtype=np.bool_)
    found[arcs.pieces[np.repeat(rings, counts)]] = True
    return found
