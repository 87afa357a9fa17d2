"""Outlines against the masks that they were made from: nothing is lost, nothing crosses."""

from __future__ import annotations

import cv2
import numpy as np
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from random_examples import examples
from scipy import ndimage

import maskforge as mf
from maskforge.geometry import self_intersecting
from maskforge.vector.outlines import areas_of

sides = st.integers(1, 14)


def noise(classes):
    """Masks of any density, pixel by pixel: islands in holes, touching corners, full borders."""
    return st.builds(
        lambda seed, density, height, width: (
            np.random.default_rng(seed).integers(1, classes + 1, (height, width))
            * (np.random.default_rng(seed + 1).random((height, width)) < density)
        ).astype(np.uint8),
        st.integers(0, 2**32),
        st.floats(0, 1),
        sides,
        sides,
    )


def blotches(classes):
    """Masks of larger regions, as people draw them, with smooth and slanted borders."""
    return st.builds(
        lambda mask, across, down: cv2.medianBlur(
            cv2.resize(mask, None, fx=across, fy=down, interpolation=cv2.INTER_NEAREST), 5
        ),
        noise(classes),
        st.integers(1, 4),
        st.integers(1, 4),
    )


pixels = hnp.arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 6)))
masks = st.one_of(noise(1), noise(3), blotches(1), blotches(3), pixels.map(lambda one: one * 1))

CHESS = (np.indices((7, 9)).sum(axis=0) % 2).astype(np.uint8)
NESTED = np.pad(np.pad(np.pad(np.ones((1, 1), np.uint8), 1), 1, constant_values=1), 1)


def size_of(mask):
    return mask.shape[1], mask.shape[0]


def drawn(shapes, mask):
    values = [int(shape.labels[0]) for shape in shapes]
    return mf.rasterize([shape.geometry for shape in shapes], size_of(mask), values)


def polygons(shapes):
    return [part for shape in shapes for part in shape.geometry.parts]


@given(masks, st.sampled_from([0, 0.3, 0.5]), st.sampled_from([4, 8]))
@example(CHESS, 0.5, 8)
@example(CHESS, 0.5, 4)
@example(CHESS + 1, 0.5, 8)  # two classes cross at every corner
@example(NESTED, 0, 4)
@example(np.ones((1, 1), np.uint8), 0.5, 8)
@settings(max_examples=examples(50), deadline=None)
def test_shapes_draw_the_same_mask(mask, tolerance, connectivity):
    shapes = mf.vectorize(mask, tolerance=tolerance, connectivity=connectivity)
    np.testing.assert_array_equal(drawn(shapes, mask), mask)
    assert not any(self_intersecting(polygons(shapes)))
    # Other rules about centers draw it, too, and rounded coordinates: no outline is near a center.
    rows, columns = np.indices(mask.shape)
    centers = shapely.points(columns.ravel() + 0.5, rows.ravel() + 0.5)
    lines = [shapely.linearrings(ring) for part in polygons(shapes) for ring in part.rings]
    if lines:
        assert shapely.distance(shapely.multilinestrings(lines), centers).min() > 0.011


@given(st.one_of(noise(1), blotches(1)), st.sampled_from([4, 8]))
@example(CHESS, 8)
@example(NESTED, 8)
@settings(max_examples=examples(16), deadline=None)
def test_every_region_is_a_polygon_with_its_holes(mask, connectivity):
    """Pixels that touch at a corner belong together, and then the holes between them do not."""
    corners = np.ones((3, 3), int)
    regions, count = ndimage.label(mask, corners if connectivity == 8 else None)
    _, gaps = ndimage.label(np.pad(mask == 0, 1, constant_values=True), None)
    shapes = mf.vectorize(mask, connectivity=connectivity)
    assert len(polygons(shapes)) == len(shapes) == count
    each = mf.rasterize([shape.geometry for shape in shapes], size_of(mask))
    pairs = {(int(a), int(b)) for a, b in zip(each[mask > 0], regions[mask > 0], strict=True)}
    assert len(pairs) == count  # the same pixels together
    if connectivity == 8:
        assert sum(len(part.holes) for part in polygons(shapes)) == gaps - 1


@given(
    st.one_of(noise(2), blotches(1), blotches(3)),
    st.sampled_from([0.5, 0.8, 2.0, 30.0]),
    st.integers(0, 3),
    st.sampled_from([4, 8]),
)
@example(CHESS + 1, 2.0, 2, 8)
@example(NESTED, 30.0, 0, 8)
@settings(max_examples=examples(16), deadline=None)
def test_what_is_simplified_further_keeps_every_part_and_hole_apart(
    mask, tolerance, smoothing, connectivity
):
    exact = mf.vectorize(mask, connectivity=connectivity)
    shapes = mf.vectorize(mask, tolerance=tolerance, smoothing=smoothing, connectivity=connectivity)
    holes = [[len(part.holes) for part in polygons(one)] for one in (exact, shapes)]
    assert holes[0] == holes[1]
    assert not any(self_intersecting(polygons(shapes)))
    claims = np.zeros(mask.shape, int)
    for polygon in polygons(shapes):
        alone = mf.rasterize([polygon], size_of(mask))
        assert alone.any()
        claims += alone
    assert claims.max(initial=0) <= 1
    after = drawn(shapes, mask)
    common = np.count_nonzero((after == mask) & (mask > 0))
    either = np.count_nonzero(after) + np.count_nonzero(mask) - common
    assert shapes.iou == (common / either if either else 1.0)


@given(hnp.arrays(np.bool_, st.tuples(st.integers(0, 9), st.integers(0, 9))), sides, sides)
@settings(max_examples=examples(20), deadline=None)
def test_a_region_of_pixels_is_an_area_anywhere(region, row, column):
    found = mf.rasterize([areas_of(region, row, column)], (40, 40))
    expected = np.zeros((40, 40), np.uint8)
    expected[row : row + region.shape[0], column : column + region.shape[1]] = region
    np.testing.assert_array_equal(found, expected)
