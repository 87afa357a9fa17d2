"""Masks painted from segments against plain NumPy masks, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_examples import examples

from maskforge.raster import segments
from maskforge.raster.runs import concatenate, from_bitmap
from maskforge.raster.scan import scan
from maskforge.raster.segments import BandSegments, Segments
from maskforge.shapes import Bitmap, Size

DTYPES = [np.bool_, np.uint8, np.uint16, np.uint32]


@st.composite
def stacks(draw):
    """A size, the regions on it as masks, a value for each, and an order to paint them in."""
    size = Size(draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    shape = st.tuples(st.integers(0, 9), st.integers(0, 9))
    masks = []
    for _ in range(draw(st.integers(0, 6))):
        mask = np.zeros((size.height, size.width), dtype=bool)
        (top, left), (height, width) = draw(shape), draw(shape)
        mask[top : top + height, left : left + width] = True
        holes = draw(st.lists(st.tuples(*(st.integers(0, side - 1) for side in mask.shape))))
        for hole in holes:
            mask[hole] = False
        masks.append(mask)
    values = draw(
        st.lists(st.sampled_from([0, 1, 2, 255]), min_size=len(masks), max_size=len(masks))
    )
    order = draw(st.permutations(range(len(masks))))
    return size, masks, np.array(values, dtype=np.int64), np.array(order, dtype=np.int64)


def segments_of(masks, size):
    runs = [from_bitmap(Bitmap(0, 0, mask), size, region) for region, mask in enumerate(masks)]
    return Segments(concatenate(runs), size)


def painted(masks, values, order, size):
    canvas = np.zeros((size.height, size.width), dtype=values.dtype)
    for region in order:
        canvas[masks[region]] = values[region]
    return canvas


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_last_region_in_the_order_lies_on_top(dtype):
    @given(stacks(), st.integers(0, 6))
    def check(stack, count):
        size, masks, values, order = stack
        values, order = values.astype(dtype), order[:count]
        cut = segments_of(masks, size)
        mask = cut.fill(cut.paint(values, order))
        expected = painted(masks, values, order, size)
        assert mask.dtype == dtype
        assert (mask == expected).all()

    check()


def test_counting_sees_what_a_look_at_every_pixel_sees():
    @settings(max_examples=examples(80))
    @given(stacks(), st.integers(0, 6))
    def check(stack, count):
        size, masks, values, order = stack
        segments = segments_of(masks, size)
        seen = segments.paint(values, order)
        names, counts = np.unique(painted(masks, values, order, size), return_counts=True)
        assert segments.count(seen) == dict(zip(names.tolist(), counts.tolist(), strict=True))
        claims = np.zeros((size.height, size.width), dtype=int)
        for value in set(values.tolist()):
            members = [masks[region] for region in order[:count] if values[region] == value]
            claims += np.any([claims < 0, *members], axis=0)
        assert segments.overlapped(values, order[:count]) == (claims > 1).sum()
        assert segments.lengths.sum() == size.width * size.height

    check()


def test_a_region_emerges_from_below_another_one_of_its_value():
    """Columns 0-3 lie below, columns 2-5 above, both of value 1; columns 0-5 between, value 2."""
    masks = np.zeros((3, 1, 6), dtype=bool)
    masks[0, 0, 0:4] = masks[1, 0, 0:6] = masks[2, 0, 2:6] = True
    segments = segments_of(masks, Size(6, 1))
    values = np.array([1, 2, 1])
    seen = segments.paint(values, np.arange(3))
    assert segments.fill(seen).tolist() == [[2, 2, 1, 1, 1, 1]]
    assert segments.count(seen) == {1: 4, 2: 2}
    assert segments.overlapped(values, np.arange(3)) == 6


def test_channels_are_filled_side_by_side():
    mask = np.array([[False, True], [True, True]])
    segments = segments_of([mask], Size(2, 2))
    channels = np.column_stack((segments.paint(np.array([3]), np.array([0])), segments.lengths * 0))
    assert segments.fill(channels).tolist() == [[[0, 0], [3, 0]], [[3, 0], [3, 0]]]


def test_nothing_to_paint():
    segments = Segments(scan([], Size(3, 2)), Size(3, 2))
    nothing = np.array([], dtype=np.uint8)
    seen = segments.paint(nothing, np.array([], dtype=np.int64))
    assert segments.fill(seen).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert segments.count(seen) == {0: 6}
    assert segments.overlapped(nothing, np.array([], dtype=np.int64)) == 0


def test_counting_and_sorting_the_edges_of_runs_cut_alike(monkeypatch):
    """Many runs are counted and few are sorted; what they are cut into is the same."""
    random = np.random.default_rng(0)
    size = Size(31, 17)
    for count in (0, 1, 2, 40):
        masks = [random.random((17, 31)) < random.random() for _ in range(count)]
        values, order = random.integers(0, 5, count), random.permutation(count)
        cut = []
        for per_key in (0, 10**6):
            monkeypatch.setattr("maskforge.raster.segments._COUNTED_PER_KEY", per_key)
            segments = segments_of(masks, size)
            seen = segments.paint(values, order)
            cut.append(
                (segments.lengths.tolist(), seen.tolist(), segments.overlapped(values, order))
            )
        assert cut[0] == cut[1]
        assert (segments.fill(seen) == painted(masks, values, order, size)).all()


@settings(max_examples=examples(100))
@given(stacks(), st.integers(1, 12))
def test_rows_at_a_time_give_what_all_rows_give(stack, runs_at_a_time):
    size, masks, values, order = stack
    runs = concatenate(
        [from_bitmap(Bitmap(0, 0, mask), size, region) for region, mask in enumerate(masks)]
    )
    whole = Segments(runs, size)
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "_RUNS_AT_A_TIME", runs_at_a_time)
        patch.setattr(segments, "_COUNTED_AT_A_TIME", 3)
        some = BandSegments(runs, size)
        patch.setattr(segments, "Segments", lambda part, _: seen.append(part) or Segments(part, _))
        mask = some.banded(some.paint(values, order))
        assert np.array_equal(next(mask.bands(size.height)), whole.fill(whole.paint(values, order)))
        chosen = np.flatnonzero(values == 1 if len(values) % 2 else values >= 0)
        assert some.overlapped(values, chosen) == whole.overlapped(values, chosen)
        painted_values = some.paint(values, order)
        assert some.count(painted_values) == whole.count(whole.paint(values, order))
    rows = np.bincount(runs.row, minlength=1).max()
    assert max(len(part) for part in seen) <= runs_at_a_time + 2 * rows


def test_what_overlaps_in_many_rows_adds_up(monkeypatch):
    monkeypatch.setattr(segments, "_RUNS_AT_A_TIME", 2)
    size = Size(5, 7)
    everywhere = np.ones((7, 5), dtype=bool)
    runs = concatenate([from_bitmap(Bitmap(0, 0, everywhere), size, region) for region in (0, 1)])
    some = BandSegments(runs, size)
    assert some.lengths.tolist() == [5] * 7
    assert some.overlapped(np.array([1, 2]), np.arange(2)) == 35
