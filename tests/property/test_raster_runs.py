"""Runs against plain NumPy masks, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskforge.model import Area, Bitmap, Polygon, Size
from maskforge.raster.runs import Runs, areas, concatenate, from_bitmap, paint, tally, united
from maskforge.raster.scan import scan

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


@settings(deadline=None)
@given(bitmaps, sizes, st.integers(0, 5))
def test_bitmaps_hang_over_any_edge(bitmap, size, region):
    runs = from_bitmap(bitmap, size, region)
    assert (runs.region == region).all()
    assert (mask_of(runs, region, size) == placed(bitmap, size)).all()


@settings(deadline=None)
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


@settings(deadline=None)
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


@st.composite
def paintings(draw):
    size = draw(sizes)
    drawn = draw(st.lists(bitmaps, max_size=6))
    values = draw(
        st.lists(st.sampled_from([0, 1, 2, 255]), min_size=len(drawn), max_size=len(drawn))
    )
    order = draw(st.permutations(range(len(drawn))))
    runs = concatenate([from_bitmap(bitmap, size, i) for i, bitmap in enumerate(drawn)])
    return size, [placed(bitmap, size) for bitmap in drawn], values, order, runs


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
@settings(deadline=None)
@given(painting=paintings())
def test_painting_in_order(dtype, painting):
    size, masks, values, order, runs = painting
    canvas = np.full((size.height, size.width), 7, dtype=dtype)
    expected = canvas.copy()
    paint(runs, values, order, canvas)
    for region in order:
        expected[masks[region]] = values[region]
    assert (canvas == expected).all()


@settings(deadline=None)
@given(paintings(), st.integers(0, 6))
def test_regions_that_are_not_in_the_order_are_not_painted(painting, count):
    size, masks, values, order, runs = painting
    canvas = np.zeros((size.height, size.width), dtype=np.uint8)
    expected = canvas.copy()
    paint(runs, values, order[:count], canvas)
    for region in order[:count]:
        expected[masks[region]] = values[region]
    assert (canvas == expected).all()


@settings(deadline=None)
@given(paintings())
def test_pixels_of_every_region(painting):
    _, masks, _, _, runs = painting
    assert areas(runs, len(masks)).tolist() == [mask.sum() for mask in masks]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
@settings(deadline=None, max_examples=200)
@given(painting=paintings(), data=st.data())
def test_tally_counts_what_a_look_at_every_pixel_counts(dtype, painting, data):
    """Groups that differ from the values include regions of one class that are instances."""
    size, masks, values, order, runs = painting
    same = data.draw(st.booleans())
    groups = values if same else data.draw(st.permutations(values))
    canvas = np.zeros((size.height, size.width), dtype=dtype)
    paint(runs, values, order, canvas)
    claims = np.zeros(canvas.shape, dtype=int)
    for group in set(groups):
        members = [mask for mask, of in zip(masks, groups, strict=True) if of == group]
        claims += np.any(members, axis=0)
    seen, counts = np.unique(canvas[claims > 0], return_counts=True)
    result = tally(runs, groups, canvas)
    assert result.pixels == dict(zip(seen.tolist(), counts.tolist(), strict=True))
    assert result.overlapped == (claims > 1).sum()


def test_tally_sees_a_region_emerge_from_below_another_one_of_its_group():
    """Columns 0-3 lie below, columns 2-5 above, both of group 1; columns 0-5 between, group 2."""
    widths = {0: (0, 4), 1: (0, 6), 2: (2, 4)}
    runs = concatenate(
        [
            from_bitmap(Bitmap(0, column, np.ones((1, width), bool)), Size(6, 1), region)
            for region, (column, width) in widths.items()
        ]
    )
    canvas = np.zeros((1, 6), dtype=np.uint8)
    paint(runs, [1, 2, 1], [0, 1, 2], canvas)
    assert canvas.tolist() == [[2, 2, 1, 1, 1, 1]]
    assert tally(runs, [1, 2, 1], canvas) == ({1: 4, 2: 2}, 6)


def test_large_values_are_tallied_without_a_table_of_all_smaller_ones():
    runs = from_bitmap(Bitmap(0, 0, np.ones((2, 3), dtype=bool)), Size(5, 5))
    canvas = np.zeros((5, 5), dtype=np.uint32)
    paint(runs, [2**32 - 1], [0], canvas)
    assert tally(runs, [0], canvas).pixels == {2**32 - 1: 6}


def test_nothing_to_paint():
    canvas = np.zeros((3, 3), dtype=np.uint8)
    runs = scan([], Size(3, 3))
    paint(runs, [], [], canvas)
    assert len(runs) == 0
    assert areas(runs, 0).tolist() == []
    assert tally(runs, [], canvas) == ({}, 0)


def test_a_value_that_does_not_fit_is_refused():
    runs = from_bitmap(Bitmap(0, 0, np.ones((1, 1), dtype=bool)), Size(1, 1))
    with pytest.raises(ValueError, match="256 does not fit into uint8"):
        paint(runs, [256], [0], np.zeros((1, 1), dtype=np.uint8))


def test_only_contiguous_arrays_are_painted():
    runs = from_bitmap(Bitmap(0, 0, np.ones((2, 2), dtype=bool)), Size(2, 2))
    with pytest.raises(ValueError, match="contiguous"):
        paint(runs, [1], [0], np.zeros((4, 4), dtype=np.uint8)[::2, ::2])


def test_runs_know_their_number():
    empty = np.empty(0, dtype=np.int64)
    assert len(Runs(empty, empty, empty, empty)) == 0
