"""Rasterizers of other libraries against direct calls of these libraries on the whole image."""

from __future__ import annotations

import subprocess
import sys

import cv2
import matplotlib.path
import numpy as np
import pytest
import skimage.draw
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from random_examples import examples

from maskforge.errors import MissingDependencyError, OptionError
from maskforge.raster.registry import RASTERIZERS, get_rasterizer
from maskforge.raster.scan import scan
from maskforge.raster.segments import Segments
from maskforge.shapes import Area, Polygon, Size

SIZE = Size(40, 30)
FAR = 2.0**31
LIBRARIES = [name for name in RASTERIZERS if name != "exact"]
ONE_RING_LIBRARIES = ["pillow", "skimage", "matplotlib"]


def opencv(rings):
    canvas = np.zeros((SIZE.height, SIZE.width), dtype=np.uint8)
    points = [np.rint((ring - 0.5) * 256).astype(np.int32) for ring in rings]
    cv2.fillPoly(canvas, points, 1, shift=8)
    return canvas.astype(bool)


def pillow(ring):
    image = Image.new("L", SIZE)
    ImageDraw.Draw(image).polygon([tuple(point) for point in ring], fill=1)
    return np.asarray(image).astype(bool)


def skimage_(ring):
    return skimage.draw.polygon2mask((SIZE.height, SIZE.width), ring[:, ::-1] - 0.5)


def matplotlib_(ring):
    rows, columns = np.mgrid[: SIZE.height, : SIZE.width] + 0.5
    centers = np.column_stack((columns.ravel(), rows.ravel()))
    inside = matplotlib.path.Path(ring).contains_points(centers)
    return inside.reshape(SIZE.height, SIZE.width)


def direct(name, exterior, *holes):
    """Call the library as its users do: exterior first, then holes taken away."""
    if name == "opencv":
        return opencv([exterior, *holes])
    draw = {"pillow": pillow, "skimage": skimage_, "matplotlib": matplotlib_}[name]
    result = draw(exterior)
    for hole in holes:
        result[draw(hole)] = False
    return result


def mask(name, *parts):
    area = Area(tuple(Polygon(exterior, tuple(holes)) for exterior, *holes in parts))
    segments = Segments(scan([area], SIZE, name), SIZE)
    return segments.fill(segments.paint(np.array([True]), np.array([0])))


def rings(low, high):
    number = st.one_of(
        st.floats(low, high), st.integers(2 * low, 2 * high).map(lambda number: number / 2)
    )
    return st.lists(st.tuples(number, number), min_size=3, max_size=8).map(
        lambda points: np.array(points, float)
    )


# Pillow cuts off fractions: only at and above 0 is that the pixel in which a vertex lies.
LOWEST = {"opencv": -20, "pillow": 0, "skimage": -20, "matplotlib": -20}


@pytest.mark.parametrize("name", LIBRARIES)
@settings(max_examples=examples(30))
@given(data=st.data())
def test_a_ring_is_what_the_library_makes_of_it(name, data):
    ring = data.draw(rings(LOWEST[name], 60))
    assert (mask(name, [ring]) == direct(name, ring)).all()


@pytest.mark.parametrize("name", LIBRARIES)
@settings(max_examples=examples(20))
@given(data=st.data())
def test_holes_and_parts(name, data):
    ring = rings(LOWEST[name], 60)
    part = st.lists(ring, min_size=1, max_size=3)
    parts = data.draw(st.lists(part, min_size=1, max_size=3))
    expected = np.any([direct(name, *one) for one in parts], axis=0)
    assert (mask(name, *parts) == expected).all()


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_hole_is_left_out_and_filled_by_a_part_inside(name):
    outer = np.array([(4.0, 4.0), (34.0, 4.0), (34.0, 24.0), (4.0, 24.0)])
    hole = np.array([(10.0, 10.0), (28.0, 10.0), (28.0, 18.0), (10.0, 18.0)])
    core = np.array([(16.0, 12.0), (20.0, 12.0), (20.0, 16.0), (16.0, 16.0)])
    drawn = mask(name, [outer, hole], [core])
    assert drawn[7, 7]
    assert not drawn[14, 13]
    assert drawn[14, 18]
    assert not drawn[2, 2]


@pytest.mark.parametrize("name", RASTERIZERS)
@pytest.mark.parametrize(
    ("ring", "near"),
    [
        pytest.param(
            [(5.3, 5.3), (FAR, FAR), (5.3, FAR)],
            [(5.3, 5.3), (1000, 1000), (5.3, 1000)],
            id="diagonal to the corner of the world",
        ),
        pytest.param(
            [(20.2, 3), (FAR, 3), (FAR, FAR), (20.2, FAR)],
            [(20.2, 3), (100, 3), (100, 100), (20.2, 100)],
            id="quadrant",
        ),
        pytest.param(
            [(-FAR, -FAR), (FAR, -FAR), (FAR, FAR), (-FAR, FAR)],
            [(-9, -9), (90, -9), (90, 90), (-9, 90)],
            id="everything",
        ),
        pytest.param(
            [(FAR, 10), (-FAR, 10), (-FAR, 20.3), (FAR, 20.3)],
            [(90, 10), (-90, 10), (-90, 20.3), (90, 20.3)],
            id="band",
        ),
        pytest.param(
            [(-FAR, FAR), (10.1, 5.3), (FAR, FAR)],
            [(-3989.9, 4005.3), (10.1, 5.3), (4010.1, 4005.3)],
            id="wedge, slopes equal to 1 in 400 million",
        ),
        pytest.param(
            [(-FAR, -FAR), (-FAR, FAR), (-100, 0)], [(50, 50), (60, 50), (50, 60)], id="beside it"
        ),
    ],
)
def test_vertices_far_outside_are_cut_off_as_geometry(name, ring, near):
    expected = mask(name, [np.array(near, float)])
    assert (mask(name, [np.array(ring, float)]) == expected).all()


@pytest.mark.parametrize("name", RASTERIZERS)
def test_a_far_hole_and_a_far_part_change_nothing(name):
    square = np.array([(4.0, 4.0), (14.0, 4.0), (14.0, 14.0), (4.0, 14.0)])
    expected = mask(name, [square])
    assert expected.any()
    assert (mask(name, [square, square + FAR / 2]) == expected).all()
    assert (mask(name, [square], [square - FAR / 2]) == expected).all()


@pytest.mark.parametrize("name", LIBRARIES)
def test_small_coordinates_are_not_cut(name):
    """A self-crossing ring that reaches 30000 px beyond the image, as the library draws it."""
    ring = np.array([(2.0, 30000.0), (21.0, 3.0), (30000.0, 30000.0), (0.0, 11.0), (3.0, 2.0)])
    assert (mask(name, [ring]) == direct(name, ring)).all()


@settings(max_examples=examples(30))
@given(rings(-20, 60))
def test_coordinates_moved_to_match_reproduce_scripts_that_skip_the_half_pixel(ring):
    ring = np.round(ring * 64) / 64  # so that adding a half loses nothing
    canvas = np.zeros((SIZE.height, SIZE.width), dtype=np.uint8)
    cv2.fillPoly(canvas, [np.rint(ring).astype(np.int32)], 1)
    assert (mask("opencv", [np.rint(ring) + 0.5]) == canvas.astype(bool)).all()
    plain = skimage.draw.polygon2mask((SIZE.height, SIZE.width), ring[:, ::-1])
    assert (mask("skimage", [ring + 0.5]) == plain).all()


def test_pillow_rounds_down_left_of_the_image_too():
    """ImageDraw alone would move these vertices to column 0."""
    beside = np.array([(-0.9, 3.0), (-0.2, 3.0), (-0.2, 8.0), (-0.9, 8.0)])
    assert not mask("pillow", [beside]).any()
    assert pillow(beside).any()


@pytest.mark.parametrize("name", RASTERIZERS)
def test_several_areas_keep_their_numbers(name):
    square = np.array([(1.0, 1.0), (5.0, 1.0), (5.0, 5.0), (1.0, 5.0)])
    places = [square, square + 200, square + 10, square + 20]
    runs = scan([Area((Polygon(place),)) for place in places], SIZE, name)
    assert sorted(set(runs.region.tolist())) == [0, 2, 3]
    for region, first in ((0, 1), (2, 11), (3, 21)):
        assert runs.row[runs.region == region].min() == first


@pytest.mark.parametrize("name", RASTERIZERS)
def test_nothing_to_draw(name):
    assert len(scan([], SIZE, name)) == 0
    assert len(scan([Area(())], SIZE, name)) == 0


@pytest.mark.parametrize("name", RASTERIZERS)
def test_every_rasterizer_says_who_it_is_and_what_it_does(name):
    rasterizer = get_rasterizer(name)
    assert rasterizer.name == name
    assert len(rasterizer.rule) > 40


def test_an_unknown_rasterizer_is_refused_with_the_known_ones():
    with pytest.raises(OptionError, match="opnecv") as caught:
        scan([], SIZE, "opnecv")
    assert all(name in caught.value.hint for name in RASTERIZERS)


def test_a_missing_library_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.path", None)
    with pytest.raises(MissingDependencyError, match=r"matplotlib") as caught:
        scan([], SIZE, "matplotlib")
    assert caught.value.hint == "pip install 'maskforge[matplotlib]'"


def test_the_default_loads_no_library_of_the_others():
    code = (
        "import sys, maskforge.raster.scan, maskforge.raster.library;"
        "from maskforge.raster.registry import RASTERIZERS, get_rasterizer;"
        "[get_rasterizer(name) for name in RASTERIZERS];"
        "print(*{'cv2', 'PIL', 'skimage', 'matplotlib'} & set(sys.modules))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert output.split() == []
