"""Runs against plain NumPy masks, pixel by pixel."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskforge.raster.runs import Runs, areas, concatenate, from_bitmap, united
from maskforge.raster.scan import scan
from maskforge.shapes import Area, Bitmap, Polygon, Size

sizes = st.builds(Size, st.integers(1, 9), st.integers(1, 9))
shapes = st.tuples(st.integers(0, 9), st.integers(0, 9))
noise = st.builds(Bitmap, st.integers(-9, 12), st.integers(-9, 12), hnp.arrays(np.bool_, shapes))
rectangles = st.builds(
    Bitmap, st.integers(-2, 3), st.integers(-2, 5), shapes.map(lambda shape: np.ones(shape, bool))
)
bitmaps = st.one_of(noise, rectangles)


def placed(bitmap, size):
    """The bitmap on a canvas with room on all sides, then the image cut out of it."""
    height, width = bitmap.pixels.shape
    canvas = np.zeros((60, 60), dtype=bool)
    row, column = bitmap.row + 20, bitmap.column + 20
    canvas[row : row + height, column : column + width] = bitmap.pixels
    return canvas[20 : 20 + size.height, 20 : 20 + size.width]


def mask_of(runs, region, size):
    result = np.zeros((size.height, size.width), dtype=bool)
    for i in np.flatnonzero(runs.region == region):
        assert not result[runs.row[i], runs.start[i] : runs.stop[i]].any()
        result[runs.row[i], runs.start[i] : runs.stop[i]] = True
    return result


@given(bitmaps, sizes, st.integers(0, 5))
def test_bitmaps_hang_over_any_edge(bitmap, size, region):
    runs = from_bitmap(bitmap, size, region)
    assert (runs.region == region).all()
    assert (mask_of(runs, region, size) == placed(bitmap, size)).all()


@given(st.lists(bitmaps, max_size=5), sizes)
def test_scan_keeps_the_order_of_areas_and_bitmaps(drawn, size):
    square = np.array([(1.0, 1.0), (4.0, 1.0), (4.0, 4.0), (1.0, 4.0)])
    geometries = [item for bitmap in drawn for item in (bitmap, Area((Polygon(square),)))]
    runs = scan(geometries, size)
    keys = list(zip(runs.region, runs.row, runs.start, strict=True))
    assert keys == sorted(keys)
    for index, bitmap in enumerate(drawn):
        assert (mask_of(runs, 2 * index, size) == placed(bitmap, size)).all()
        expected = np.zeros((size.height, size.width), dtype=bool)
        expected[1:4, 1:4] = True
        assert (mask_of(runs, 2 * index + 1, size) == expected).all()


@given(st.lists(st.tuples(bitmaps, st.integers(0, 2)), max_size=6), sizes)
def test_united_runs_are_the_union_and_as_long_as_possible(drawn, size):
    runs = united([from_bitmap(bitmap, size, region) for bitmap, region in drawn])
    for region in range(3):
        expected = np.zeros((size.height, size.width), dtype=bool)
        for bitmap, owner in drawn:
            if owner == region:
                expected |= placed(bitmap, size)
        assert (mask_of(runs, region, size) == expected).all()
        changes = np.diff(expected.astype(int), axis=1, prepend=0, append=0) == 1
        assert (runs.region == region).sum() == changes.sum()


@given(st.lists(bitmaps, max_size=6), sizes)
def test_pixels_of_every_region(drawn, size):
    runs = concatenate([from_bitmap(bitmap, size, i) for i, bitmap in enumerate(drawn)])
    expected = [placed(bitmap, size).sum() for bitmap in drawn]
    assert areas(runs, len(drawn)).tolist() == expected


def test_no_geometry_gives_no_runs():
    runs = scan([], Size(3, 3))
    assert len(runs) == 0
    assert areas(runs, 0).tolist() == []


def test_runs_know_their_number():
    empty = np.empty(0, dtype=np.int64)
    assert len(Runs(empty, empty, empty, empty)) == 0
