"""Masks as shapes: labels, instances, scores, and how many vertices they take."""

from __future__ import annotations

import numpy as np
import pytest

import maskforge as mf
from maskforge.errors import OptionError
from maskforge.geometry import self_intersecting

CLASSES = mf.ClassMap(
    (
        mf.MaskClass(3, "caries", (255, 0, 0), ("caries",)),
        mf.MaskClass(7, "crown", (0, 255, 0), ("crown",)),
    )
)


def mask_of(*rows):
    return np.array([[int(one) for one in row] for row in rows], np.uint8)


def rings(shape):
    (part,) = shape.geometry.parts
    return [ring.tolist() for ring in part.rings]


def vertices(shapes):
    return sum(len(ring) for one in shapes for part in one.geometry.parts for ring in part.rings)


def test_outer_rings_go_around_pixels_and_holes_the_other_way():
    (shape,) = mf.vectorize(mask_of("0000", "0333", "0303", "0333"), classes=CLASSES)
    assert (shape.labels, shape.kind, shape.instance) == (("caries",), "polygon", None)
    assert rings(shape) == [[[1, 1], [4, 1], [4, 4], [1, 4]], [[2, 2], [2, 3], [3, 3], [3, 2]]]
    assert not any(ring.flags.writeable for ring in shape.geometry.parts[0].rings)


@pytest.mark.parametrize("tolerance", [0, 0.5])
def test_a_rectangle_has_four_vertices(tolerance):
    for size in ((1, 1), (1, 9), (9, 1), (5, 6)):
        (shape,) = mf.vectorize(np.ones(size, np.uint8), tolerance=tolerance)
        height, width = size
        assert rings(shape) == [[[0, 0], [width, 0], [width, height], [0, height]]]


def test_pixels_that_touch_at_a_corner_are_joined_by_a_bridge_or_apart():
    mask = mask_of("10", "01")
    (joined,) = mf.vectorize(mask, tolerance=0)
    (ring,) = rings(joined)
    assert [1.125, 0.875] in ring
    assert [0.875, 1.125] in ring
    upper, lower = mf.vectorize(mask, tolerance=0, connectivity=4)
    assert rings(upper) == [[[0, 0], [1, 0], [1, 1], [0, 1]]]
    assert rings(lower) == [[[1, 1], [2, 1], [2, 2], [1, 2]]]


def test_a_ring_that_touches_itself_becomes_an_outline_and_a_hole():
    """The pixel in the middle is open at a corner alone, which is closed to four neighbors."""
    mask = mask_of("110", "101", "111")
    (shape,) = mf.vectorize(mask, tolerance=0, connectivity=4)
    outer, hole = rings(shape)
    assert hole == [[1, 1], [1, 2], [2, 2], [2, 1]]
    assert outer == [[0, 0], [2, 0], [2, 1], [3, 1], [3, 3], [0, 3]]


def disc(radius):
    y, x = np.indices((2 * radius + 9, 2 * radius + 9)) - radius - 4
    return (np.hypot(x + 0.2, y - 0.3) <= radius).astype(np.uint8)


def slanted():
    y, x = np.indices((80, 120))
    along, across = (x - 60) * 0.95 + (y - 40) * 0.3122, (y - 40) * 0.95 - (x - 60) * 0.3122
    return ((np.abs(along) < 50) & (np.abs(across) < 20)).astype(np.uint8)


@pytest.mark.parametrize(("mask", "share"), [(disc(5), 0.6), (disc(40), 0.3), (slanted(), 0.3)])
def test_outlines_take_a_fraction_of_the_vertices_without_loss(mask, share):
    exact, edges = mf.vectorize(mask), mf.vectorize(mask, tolerance=0)
    assert vertices(exact) <= share * vertices(edges)
    looser = mf.vectorize(mask, tolerance=1.5)
    assert vertices(looser) < vertices(exact)
    assert exact.iou == edges.iou == 1.0 > looser.iou > 0.8


def test_neighbors_keep_a_common_border():
    mask = disc(20)
    mask[:, 24:] *= 2
    left, right = mf.vectorize(mask, tolerance=2.0)
    common = {tuple(one) for one in rings(left)[0]} & {tuple(one) for one in rings(right)[0]}
    assert len(common) == 2  # the ends of a straight border
    assert {x for x, _ in common} == {24}


def test_what_lies_in_a_bay_or_a_bump_is_not_passed_over():
    """Without the island and the hole, the outline would be cut straight."""
    bay, bump = np.zeros((30, 60), np.uint8), np.zeros((30, 60), np.uint8)
    for depth in range(5):
        bay[10 + depth :, :] = 1
        bay[10 + depth, 20 + depth : 40 - depth] = 0
        bump[15 + depth, 20 + depth : 40 - depth] = 1
    bump[:15] = 1
    for kind, place, value in ((bay, (11, 30), 2), (bump, (17, 30), 2), (bump, (17, 30), 0)):
        (plain,) = mf.vectorize(kind, tolerance=6.0)
        assert len(plain.geometry.parts[0].exterior) == 4
        mask = kind.copy()
        mask[place] = value
        shapes = mf.vectorize(mask, tolerance=6.0)
        drawn = [mf.rasterize([one.geometry], (60, 30)) for one in shapes]
        assert len(drawn) == len(np.unique(mask)) - 1
        assert all(one.any() for one in drawn)
        assert sum(drawn).max() == 1
        (region,) = shapes[0].geometry.parts
        assert not any(self_intersecting([region]))
        assert len(region.holes) == int(kind is bump)


def test_smoothing_rounds_and_says_what_it_costs():
    mask = np.pad(np.ones((20, 20), np.uint8), 2)
    (square,), smooth = mf.vectorize(mask), mf.vectorize(mask, smoothing=2)
    (rounded,) = smooth
    assert [2, 2] in rings(square)[0]
    assert [2, 2] not in rings(rounded)[0]
    assert 0.8 < smooth.iou < 1


def test_shapes_are_one_per_region_and_small_ones_are_counted():
    mask = mask_of("33003", "33000", "00070", "30077")
    shapes = mf.vectorize(mask, classes=CLASSES)
    assert [one.labels[0] for one in shapes] == ["caries", "caries", "caries", "crown"]
    kept = mf.vectorize(mask, classes=CLASSES, min_area=2)
    assert [one.labels[0] for one in kept] == ["caries", "crown"]
    assert (kept.left_out, len(kept), kept[0], kept[-1:]) == (2, 2, kept.shapes[0], kept.shapes[1:])
    assert "2 shapes" in repr(kept)
    assert kept[1].origin.pointer == "shapes[1]"
    assert mf.vectorize(mask, mf.VectorizeOptions(min_area=99)).left_out == 4


def test_an_instance_is_one_shape_of_all_its_parts():
    mask = mask_of("33033", "00000", "77003")
    instances = mask_of("22022", "00000", "11003").astype(np.uint32) * 100_000
    shapes = mf.vectorize(mask, classes=CLASSES, instances=instances)
    found = [(one.labels[0], one.instance, len(one.geometry.parts)) for one in shapes]
    assert found == [("caries", "200000", 2), ("caries", "300000", 1), ("crown", "100000", 1)]
    touching = mf.vectorize(mask_of("3333"), instances=mask_of("1122"))
    assert [one.instance for one in touching] == ["1", "2"]
    alone = mf.vectorize(mask_of("30333"), instances=mask_of("00110"))
    left = [(one.instance, min(x for x, _ in rings(one)[0])) for one in alone]
    assert left == [(None, 0), (None, 4), ("1", 2)]
    assert mf.vectorize(mask, instances=instances, min_area=3).left_out == 2


def test_void_and_background_become_no_shapes_unless_void_is_asked_for():
    mask = np.array([[0, 255, 3]], np.uint8)
    assert [one.labels[0] for one in mf.vectorize(mask, classes=CLASSES)] == ["caries"]
    caries, void = mf.vectorize(mask, classes=CLASSES, void=True)
    assert void.labels == ("__ignore__",)
    assert CLASSES.value(*void.labels) == 255
    assert CLASSES.value(*caries.labels) == 3
    channels = np.array([[[0, 0], [255, 255], [0, 1]]], np.uint8)
    assert len(mf.vectorize(channels, classes=CLASSES)) == 1
    found = mf.vectorize(channels, classes=CLASSES, void=True)
    assert [one.labels[0] for one in found] == ["crown", "__ignore__"]
    with_instance = mf.vectorize(mask, instances=np.array([[5, 5, 5]]))
    assert [one.labels[0] for one in with_instance] == ["3"]


def test_classes_that_overlap_have_a_channel_each():
    probabilities = np.zeros((2, 3, 2))
    probabilities[..., 0], probabilities[..., 1] = [[0.2, 0.6, 1.0]] * 2, [[0.9, 0.8, 0.1]] * 2
    shapes = mf.vectorize(probabilities >= (0.5, 0.7), classes=CLASSES, probabilities=probabilities)
    assert [(one.labels[0], one.score) for one in shapes] == [
        ("caries", pytest.approx(0.8)), ("crown", pytest.approx(0.85))
    ]  # fmt: skip
    assert rings(shapes[0]) == [[[1, 0], [3, 0], [3, 2], [1, 2]]]
    numbered = mf.vectorize(probabilities > 0.5, probabilities=probabilities)
    assert [one.labels[0] for one in numbered] == ["1", "2"]


def test_scores_are_those_of_the_own_class_inside():
    mask = mask_of("3307", "3007")
    probabilities = np.zeros((2, 4, 3), np.float32)  # the background is the first
    probabilities[..., 1], probabilities[..., 2] = np.arange(8).reshape(2, 4) / 8, 0.25
    shapes = mf.vectorize(mask, classes={7: "crown", 3: "caries"}, probabilities=probabilities)
    assert [one.score for one in shapes] == [pytest.approx((0 + 1 + 4) / 8 / 3), 0.25]
    instances = (mask > 0).astype(np.uint8)
    grouped = mf.vectorize(
        mask, classes=CLASSES, instances=instances, probabilities=probabilities[..., 1:]
    )
    assert [one.score for one in grouped] == [one.score for one in shapes]
    assert all(one.score is None for one in mf.vectorize(mask))
    mask[0, 2] = 255
    void = mf.vectorize(mask, classes=CLASSES, probabilities=probabilities, void=True)
    assert void[-1].score is None


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("which no class has|no class has: 9", {"mask": mask_of("39"), "classes": CLASSES}),
        ("whole numbers", {"mask": np.zeros((2, 2))}),
        ("not negative", {"mask": np.array([[-1]])}),
        ("whole numbers", {"mask": np.zeros((0, 4), np.uint8)}),
        ("2 classes", {"mask": np.zeros((2, 2, 3), np.uint8), "classes": CLASSES}),
        ("neither 0, 1 nor 255", {"mask": np.full((2, 2, 2), 7, np.uint8)}),
        ("instances must be", {"mask": mask_of("33"), "instances": mask_of("1")}),
        ("instances must be", {"mask": np.zeros((1, 2, 2), np.uint8), "instances": mask_of("11")}),
        ("scores need the classes", {"mask": mask_of("3"), "probabilities": np.zeros((1, 1, 1))}),
        ("4 channels", {"mask": mask_of("3"), "classes": CLASSES,
                        "probabilities": np.zeros((1, 1, 4))}),
        ("must be floats", {"mask": mask_of("3"), "classes": CLASSES,
                            "probabilities": np.zeros((1, 2, 2))}),
        ("must be 0 to 1", {"mask": mask_of("3"), "classes": CLASSES,
                            "probabilities": np.full((1, 1, 2), np.nan)}),
        ("tolerance", {"mask": mask_of("3"), "tolerance": -1}),
        ("smoothing", {"mask": mask_of("3"), "smoothing": 9}),
        ("connectivity", {"mask": mask_of("3"), "connectivity": 6}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(message, arguments):
    with pytest.raises(OptionError, match=message):
        mf.vectorize(**arguments)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.uint16, np.int32, np.int64, np.uint64])
def test_any_whole_numbers_are_a_mask(dtype):
    mask = np.asfortranarray(np.array([[0, 1, 1], [0, 0, 1]], dtype))
    (shape,) = mf.vectorize(mask, tolerance=0)
    assert rings(shape) == [[[1, 0], [3, 0], [3, 2], [2, 2], [2, 1], [1, 1]]]
    assert len(mf.vectorize(mask[:, :1])) == 0
