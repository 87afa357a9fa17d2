"""The exact rasterizer against rational arithmetic, and laws that every exact mask obeys."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from itertools import pairwise
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_examples import examples

from maskforge.raster.scan import scan
from maskforge.raster.segments import Segments
from maskforge.shapes import Area, Polygon, Size

HALF = Fraction(1, 2)

whole = st.integers(-5, 15).map(float)
half = st.integers(-10, 30).map(lambda n: n / 2)
quarter = st.integers(-20, 60).map(lambda n: n / 4)
tenth = st.integers(-50, 150).map(lambda n: n / 10)
anything = st.floats(-5, 15)
beside_center = st.builds(
    lambda n, steps: n + 0.5 + steps * float(np.spacing(n + 0.5)),
    st.integers(-1, 12),
    st.integers(-2, 2),
)
far = st.floats(-(2.0**31), 2.0**31)
NUMBERS = {
    "whole": whole,
    "half": half,
    "quarter": quarter,
    "tenth": tenth,
    "float": anything,
    "beside a center": beside_center,
    "far outside": st.one_of(far, far, whole, beside_center),
    "tiny": st.one_of(st.floats(-1e-300, 1e-300), half, st.just(-0.0)),
    "mixed": st.one_of(whole, half, quarter, tenth, anything, beside_center, far),
}


def points_of(number):
    return st.tuples(number, number)


def rings_of(point):
    return st.lists(point, min_size=3, max_size=8).map(lambda points: np.array(points, float))


def slivers(number):
    """Triangles and quadrilaterals that are a few units in the last place wide."""

    def build(a, b, steps):
        beside = [np.nextafter(value, np.inf) for value in b]
        for _ in range(steps):
            beside = [np.nextafter(value, np.inf) for value in beside]
        return np.array([a, b, beside], float)

    return st.builds(build, points_of(number), points_of(number), st.integers(0, 3))


def diagonals():
    """Rings with edges of 45 degrees between decimal fractions: nearly, but not quite, ties."""

    def build(start, moves):
        points = [start]
        for step, (x, y) in moves:
            last = points[-1]
            points.append((last[0] + x * step, last[1] + y * step))
        return np.array(points)

    direction = st.tuples(st.sampled_from([-1, 1]), st.sampled_from([-1, 1]))
    moves = st.lists(st.tuples(st.integers(1, 80).map(lambda n: n / 10), direction), min_size=2)
    return st.builds(build, points_of(tenth), moves.filter(lambda moves: len(moves) <= 8))


def lines_from_afar():
    """Rings with an edge that passes exactly through pixel centers, with its ends far outside."""

    def build(column, row, direction, before, after, others):
        center, step = np.array((column, row)) + 0.5, np.array(direction)
        return np.array([center - before * step, center + after * step, *others])

    direction = st.tuples(st.integers(-9, 9), st.integers(-9, 9))
    reach = st.integers(1, 2**27)
    others = st.lists(points_of(st.one_of(whole, far)), min_size=1, max_size=3)
    return st.builds(build, st.integers(0, 9), st.integers(0, 9), direction, reach, reach, others)


RINGS = {name: rings_of(points_of(number)) for name, number in NUMBERS.items()}
RINGS["sliver"] = slivers(st.one_of(whole, half, anything, beside_center))
RINGS["diagonal"] = diagonals()
RINGS["line from afar"] = lines_from_afar()

sizes = st.builds(Size, st.integers(1, 12), st.integers(1, 12))


def areas_of(ring):
    polygons = st.builds(Polygon, ring, st.lists(ring, max_size=2).map(tuple))
    return st.builds(Area, st.lists(polygons, min_size=1, max_size=3).map(tuple))


def mask(area, size):
    segments = Segments(scan([area], size), size)
    return segments.fill(segments.paint(np.array([True]), np.array([0])))


def one(*rings):
    return Area((Polygon(rings[0], tuple(rings[1:])),))


def rational(ring):
    return [(Fraction(float(x)), Fraction(float(y))) for x, y in ring]


def brute_force(area, size):
    """Test every pixel center in rational arithmetic."""
    result = np.zeros((size.height, size.width), dtype=bool)
    for polygon in area.parts:
        rings = [rational(ring) for ring in polygon.rings]
        for r in range(size.height):
            y = r + HALF
            inside = np.zeros(size.width, dtype=bool)
            for ring in rings:
                for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
                    if min(ay, by) <= y < max(ay, by):
                        crossing = ax + (y - ay) * (bx - ax) / (by - ay)
                        inside[max(ceil(crossing - HALF), 0) :] ^= True  # centers at or behind it
            result[r] |= inside
    return result


@pytest.mark.parametrize("family", RINGS)
@settings(max_examples=examples(24))
@given(data=st.data())
def test_every_pixel_center_is_where_rational_arithmetic_puts_it(family, data):
    area, size = data.draw(areas_of(RINGS[family])), data.draw(sizes)
    assert (mask(area, size) == brute_force(area, size)).all()


@settings(max_examples=examples(16))
@given(st.lists(areas_of(RINGS["mixed"]), max_size=5), sizes)
def test_areas_scanned_together_are_those_scanned_alone(areas, size):
    segments = Segments(scan(areas, size), size)
    for index, area in enumerate(areas):
        alone = segments.paint(np.ones(len(areas), dtype=bool), np.array([index]))
        assert (segments.fill(alone) == mask(area, size)).all()


@settings(max_examples=examples(16))
@given(areas_of(RINGS["mixed"]), sizes)
def test_runs_are_sorted_disjoint_and_inside_the_image(area, size):
    runs = scan([area], size)
    assert (runs.stop > runs.start).all()
    assert (runs.start >= 0).all()
    assert (runs.stop <= size.width).all()
    assert ((runs.row >= 0) & (runs.row < size.height)).all()
    place = runs.row * (size.width + 1)
    assert (np.diff(place + runs.start) > 0).all()
    assert (place[1:] + runs.start[1:] >= (place + runs.stop)[:-1]).all()


@settings(max_examples=examples(16))
@given(RINGS["mixed"], sizes, st.integers(0, 7), st.booleans())
def test_direction_start_and_closing_point_do_not_matter(ring, size, start, closed):
    expected = mask(one(ring), size)
    other = np.roll(ring[::-1], start, axis=0)
    if closed:
        other = np.concatenate((other, other[:1]))
    assert (mask(one(other), size) == expected).all()


@settings(max_examples=examples(16))
@given(
    st.one_of(RINGS["whole"], RINGS["half"], RINGS["quarter"]),
    sizes,
    st.integers(-7, 7),
    st.integers(-7, 7),
)
def test_a_shift_by_whole_pixels_shifts_the_mask(ring, size, dx, dy):
    frame = 30
    large = Size(size.width + 2 * frame, size.height + 2 * frame)
    still, moved = (
        mask(one(ring + frame), large),
        mask(one(ring + frame + np.array((dx, dy))), large),
    )
    assert (np.roll(still, (dy, dx), axis=(0, 1)) == moved).all()


@settings(max_examples=examples(16))
@given(
    st.one_of(RINGS["whole"], RINGS["half"], RINGS["quarter"]),
    sizes,
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_an_image_border_cuts_like_a_window_in_a_larger_image(ring, size, left, top):
    large = Size(size.width + left + 20, size.height + top + 20)
    window = mask(one(ring + np.array((left, top))), large)[
        top : top + size.height, left : left + size.width
    ]
    assert (mask(one(ring), size) == window).all()


@settings(max_examples=examples(16))
@given(RINGS["mixed"], RINGS["mixed"], sizes)
def test_a_hole_inverts_what_it_covers(exterior, hole, size):
    expected = mask(one(exterior), size) ^ mask(one(hole), size)
    assert (mask(one(exterior, hole), size) == expected).all()


@settings(max_examples=examples(16))
@given(RINGS["mixed"], RINGS["mixed"], sizes)
def test_parts_are_united(first, second, size):
    expected = mask(one(first), size) | mask(one(second), size)
    both = Area((Polygon(first), Polygon(second)))
    assert (mask(both, size) == expected).all()


def test_the_largest_images_take_no_more_memory_than_their_outlines():
    """Forty leaning strips over 65535 rows: 5 million crossings, but 4 GB if it were pixels.

    The left edge of the first one is x = 10 (y + 1) / 65538, so at y = r + 0.5 it is
    (20 r + 30) / 131076.
    """
    size = Size(65535, 65535)
    left = np.arange(40) * 1000.0
    strips = [
        np.array([(x, -1.0), (x + 300, -1.0), (x + 310, 65537.0), (x + 10, 65537.0)]) for x in left
    ]
    tracemalloc.start()
    runs = scan([one(*strips)], size)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    row = np.arange(size.height)
    first = -((65538 - (20 * row + 30)) // 131076)
    assert (runs.start.reshape(-1, 40) == first[:, np.newaxis] + left).all()
    assert (runs.stop - runs.start == 300).all()
    assert peak < 500e6


def test_an_edge_over_tens_of_thousands_of_rows_is_as_exact_as_a_short_one():
    """The edge x - 0.5 = (y - 0.5) 7 / 9 meets a center, exactly, in every ninth row."""
    height = 9 * 6000
    ring = np.array([(0.0, 0.0), (7 * 6000, height), (0.0, height)]) + 0.5
    runs = scan([one(ring)], Size(65535, height))
    lengths = np.zeros(height, dtype=np.int64)
    lengths[runs.row] = runs.stop - runs.start
    assert (runs.start == 0).all()
    assert lengths.tolist() == [-(-7 * row // 9) for row in range(height)]


def times_covered(rings, size):
    runs = scan([one(ring) for ring in rings], size)
    counts = np.zeros((size.height, size.width), dtype=np.int64)
    for row, start, stop in zip(runs.row, runs.start, runs.stop, strict=True):
        counts[row, start:stop] += 1
    return counts


SNAPS = {"whole": 1.0, "half": 2.0, "quarter": 4.0, "tenth": 10.0, "float": None}


def snapped(points, steps):
    return points if steps is None else np.round(points * steps) / steps


@pytest.mark.parametrize("steps", SNAPS.values(), ids=SNAPS)
@settings(max_examples=examples(16))
@given(seed=st.integers(0, 2**32 - 1))
def test_triangles_that_share_edges_tile_the_image(steps, seed):
    """No vertex of the 6 px grid moves by 1.5 px or more, which could turn a triangle over."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(-6, 30, 6), np.arange(-6, 24, 6)), axis=-1)
    grid = snapped(grid + random.uniform(-0.9, 0.9, grid.shape), steps)
    triangles = []
    for i in range(grid.shape[0] - 1):
        for j in range(grid.shape[1] - 1):
            a, b, c, d = grid[i, j], grid[i, j + 1], grid[i + 1, j + 1], grid[i + 1, j]
            halves = ((a, b, c), (c, d, a)) if random.random() < 0.5 else ((a, b, d), (c, d, b))
            triangles += [np.array(half) for half in halves]
    assert (times_covered(triangles, Size(22, 16)) == 1).all()


@pytest.mark.parametrize("steps", SNAPS.values(), ids=SNAPS)
@settings(max_examples=examples(16))
@given(seed=st.integers(0, 2**32 - 1))
def test_strips_that_share_edges_tile_the_image(steps, seed):
    """Strips may be as thin as nothing; each border is walked once in either direction."""
    random = np.random.default_rng(seed)
    x = snapped(np.sort(random.uniform(0, 20, 6)), steps)
    x[0], x[-1] = -1, 21
    heights = np.sort(snapped(random.uniform(-1, 16, (7, len(x))), steps), axis=0)
    heights[0], heights[-1] = -2, 17
    borders = [np.column_stack((x, y)) for y in heights]
    strips = [np.concatenate((upper, lower[::-1])) for upper, lower in pairwise(borders)]
    assert (times_covered(strips, Size(20, 15)) == 1).all()
    turned = [strip[:, ::-1] for strip in strips]
    assert (times_covered(turned, Size(15, 20)) == 1).all()
