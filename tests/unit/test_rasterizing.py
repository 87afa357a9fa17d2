"""``rasterize``: arrays in, arrays out."""

import numpy as np
import pytest
from builders import corners, grid

from maskforge import Area, Bitmap, MaskforgeError, Polygon, rasterize
from maskforge.errors import GeometryError, OptionError
from maskforge.raster.runs import Runs, to_bitmaps
from maskforge.raster.scan import scan
from maskforge.shapes import Size

TRIANGLE = [(0, 0), (4, 0), (0, 4)]


def test_regions_are_numbered_from_one_and_the_later_one_lies_on_top():
    mask = rasterize([corners(0, 0, 3, 2), corners(2, 1, 5, 4)], (6, 4))
    expected = grid(
        "111...",
        "11222.",
        "..222.",
        "..222.",
    )
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, expected)


def test_the_smaller_region_lies_on_top_if_wanted():
    mask = rasterize([corners(1, 1, 3, 3), corners(0, 0, 6, 4)], (6, 4), overlap="area")
    assert mask[1, 1] == 1
    assert (mask == 2).sum() == 20


def test_the_half_of_a_square_has_its_diagonal():
    """The centers (c + 0.5, r + 0.5) with c + r < 3 are inside; those with c + r = 3 are on the
    edge, and what lies to the right of it or below is outside."""
    expected = grid(
        "111.",
        "11..",
        "1...",
        "....",
    )
    assert np.array_equal(rasterize([TRIANGLE], (4, 4)), expected)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([7, 0], np.uint8), ([255, 1], np.uint8), ([256, 1], np.uint16), ([65535, 1], np.uint16)],
)
def test_values_can_be_given(values, dtype):
    mask = rasterize([corners(0, 0, 1, 1), corners(1, 0, 2, 1)], (3, 1), values)
    assert mask.dtype == dtype
    assert mask.tolist() == [[*values, 0]]


def test_regions_may_be_of_every_kind():
    outer, hole = np.array(corners(0, 0, 4, 4)), np.array(corners(1, 1, 3, 3))
    ring = grid("1111", "1..1", "1..1", "1111")
    polygon = Polygon(outer, (hole,))
    bitmap = Bitmap(-1, -1, np.ones((3, 3), dtype=bool))
    flat = [0, 0, 4, 0, 4, 4, 0, 4]
    closed = [*corners(0, 0, 4, 4), [0, 0]]
    assert np.array_equal(rasterize([polygon], (4, 4)), ring)
    assert np.array_equal(rasterize([Area((polygon,))], (4, 4)), ring)
    assert rasterize([bitmap], (4, 4)).sum() == 4
    for region in (outer, outer.astype(np.float32), outer.astype(int), flat, closed, tuple(closed)):
        assert rasterize([region], (4, 4)).all()
    assert not rasterize([], (4, 4)).any()
    assert rasterize([], (4, 3)).shape == (3, 4)


def test_what_is_outside_the_image_is_cut_off_and_not_moved():
    mask = rasterize([[(-100, -100), (2, -100), (2, 100), (-100, 100)]], (4, 3))
    assert mask.tolist() == [[1, 1, 0, 0]] * 3


@pytest.mark.parametrize("rasterizer", ["exact", "opencv", "pillow", "skimage", "matplotlib"])
def test_every_rasterizer_draws(rasterizer):
    mask = rasterize([corners(2, 2, 8, 8)], (10, 10), rasterizer=rasterizer)
    assert mask[3:7, 3:7].all()
    assert not mask[:, 9].any()


@pytest.mark.parametrize(
    ("regions", "size", "keys", "error", "text"),
    [
        ([TRIANGLE[:2]], (4, 4), {}, GeometryError, "at least 3"),
        ([[]], (4, 4), {}, GeometryError, "no points"),
        ([[(0, 0), (1, 1), (np.nan, 1)]], (4, 4), {}, GeometryError, "nan"),
        ([[(0, 0), (1, 1), (np.inf, 1)]], (4, 4), {}, GeometryError, "inf"),
        ([[(0, 0), (1, 1), (10.0**300, 1)]], (4, 4), {}, GeometryError, "2\\^31"),
        ([[(0, 0), (1, 1), (10**400, 1)]], (4, 4), {}, GeometryError, "pairs"),
        ([np.zeros((4, 3))], (4, 4), {}, GeometryError, "pairs"),
        ([np.zeros((2, 2, 2))], (4, 4), {}, GeometryError, "pairs"),
        ([[0, 0, 4, 0, 4]], (4, 4), {}, GeometryError, "pairs"),
        ([[(0, 0), (1,), (1, 1)]], (4, 4), {}, GeometryError, "pairs"),
        (["triangle"], (4, 4), {}, GeometryError, "pairs"),
        ([None], (4, 4), {}, GeometryError, "pairs|nan"),
        ([5], (4, 4), {}, GeometryError, "pairs"),
        ([Polygon(np.array([[0, 0], [np.nan, 1], [1, 1]]))], (4, 4), {}, GeometryError, "nan"),
        ([TRIANGLE], (4, 4), {"values": []}, OptionError, "1 regions, but 0 values"),
        ([TRIANGLE], (4, 4), {"values": [1, 2]}, OptionError, "1 regions, but 2 values"),
        ([TRIANGLE], (4, 4), {"values": [-1]}, OptionError, "0 to 65535"),
        ([TRIANGLE], (4, 4), {"values": [65536]}, OptionError, "0 to 65535"),
        ([TRIANGLE], (4, 4), {"values": [10**30]}, OptionError, "0 to 65535"),
        ([TRIANGLE], (4, 4), {"values": [1.5]}, OptionError, "whole numbers"),
        ([TRIANGLE], (4, 4), {"values": ["1"]}, OptionError, "whole numbers"),
        ([TRIANGLE], (0, 4), {}, OptionError, "found 0 x 4"),
        ([TRIANGLE], (4, -4), {}, OptionError, "found 4 x -4"),
        ([TRIANGLE], (4.0, 4), {}, OptionError, "width, height"),
        ([TRIANGLE], (4,), {}, OptionError, "width, height"),
        ([TRIANGLE], 4, {}, OptionError, "width, height"),
        ([TRIANGLE], (2**20, 2**20), {}, OptionError, "found 1048576 x 1048576"),
        ([TRIANGLE], (4, 4), {"overlap": "mix"}, OptionError, "order or area"),
        ([TRIANGLE], (4, 4), {"rasterizer": "gpu"}, OptionError, "gpu"),
    ],
)
def test_what_cannot_be_drawn_is_an_error_that_says_why(regions, size, keys, error, text):
    with pytest.raises(error, match=text) as caught:
        rasterize(regions, size, **keys)
    assert isinstance(caught.value, MaskforgeError)


def test_an_error_names_the_region():
    with pytest.raises(GeometryError, match=r"regions\[1\]"):
        rasterize([TRIANGLE, [(0, 0)]], (4, 4))


def test_numbers_of_numpy_are_numbers():
    size = tuple(np.array([4, 3]))
    assert rasterize([TRIANGLE], size, np.array([9])).max() == 9


def test_regions_become_bitmaps():
    """Each cut to its pixels; what has no pixel has no bitmap."""
    areas = [
        Area((Polygon(np.array(corners(1, 1, 5, 4)), (np.array(corners(2, 2, 4, 3)),)),)),
        Area((Polygon(np.array(corners(-3, -3, -1, -1))),)),
        Area((Polygon(np.array(corners(0, 0, 2, 1))), Polygon(np.array(corners(2, 0, 4, 2))))),
    ]
    first, nothing, last = to_bitmaps(scan(areas, Size(6, 5)), 3)
    assert nothing is None
    assert (first.row, first.column) == (1, 1)
    assert np.array_equal(first.pixels, grid("1111", "1..1", "1111"))
    assert (last.row, last.column) == (0, 0)
    assert np.array_equal(last.pixels, grid("1111", "..11"))
    assert to_bitmaps(scan([], Size(6, 5)), 0) == []


def test_runs_that_touch_become_one_bitmap():
    region, row, start, stop = np.array([(0, 3, 4, 6), (0, 3, 6, 9), (0, 4, 5, 6)]).T
    (bitmap,) = to_bitmaps(Runs(region, row, start, stop), 1)
    assert (bitmap.row, bitmap.column) == (3, 4)
    assert np.array_equal(bitmap.pixels, grid("11111", ".1..."))
