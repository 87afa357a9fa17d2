"""Lesions that are found, missed and invented."""

import numpy as np
import pytest
from builders import grid

from maskforge.evaluation.measures.band_lesions import BandLesions
from maskforge.evaluation.measures.freeresponse import (
    THRESHOLDS,
    count_by_threshold,
    operating_points,
)
from maskforge.evaluation.measures.lesions import LesionMatcher
from maskforge.evaluation.measures.measure_options import MeasureOptions

TRUTH = grid(
    "11...11....1",
    "11...11.....",
    "............",
    "1.........11",
    ".1..........",
)
PREDICTED = grid(
    "11..1111....",
    "11..........",
    ".......1....",
    ".........1..",
    "........1...",
)


def lesions(truth=TRUTH, predicted=PREDICTED, **options):
    return tuple(LesionMatcher(truth > 0, **options).match(predicted > 0))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # Five lesions: two squares, one pixel, one diagonal of two, one line. The squares are
        # found. Predicted: two that find, a single pixel, a diagonal of two that only touches.
        ({}, (5, 2, 4, 2)),
        # The diagonals are two lesions each; nothing changes for the others.
        ({"connectivity": 4}, (6, 2, 5, 3)),
        # The second square: 2 common pixels of 4 + 4 - 2.
        ({"match_iou": 1 / 3}, (5, 2, 4, 2)),
        ({"match_iou": 0.34}, (5, 1, 4, 3)),
        ({"match_iou": 1.0}, (5, 1, 4, 3)),
        ({"min_size": 2}, (4, 2, 3, 1)),
        ({"min_size": 5}, (0, 0, 0, 0)),
    ],
)
def test_lesions_by_hand(options, expected):
    assert lesions(**options) == expected


def test_one_prediction_may_find_several_lesions_and_several_one():
    apart, whole = grid("11.11.11"), grid("11111111")
    assert lesions(apart, whole) == (3, 3, 1, 0)
    assert lesions(whole, apart) == (1, 1, 3, 0)


@pytest.mark.parametrize(
    ("truth", "predicted", "expected"),
    [
        # What two people drew differently is void around what both drew: of a prediction as large
        # as the larger of both, or larger, no piece is false.
        ("..??11??..", "..111111..", (1, 1, 1, 0)),
        ("..??11??..", ".11111111.", (1, 1, 1, 0)),
        # What only one of them drew: half of the region or more is there, so nobody knows.
        ("..???.....", "..111.....", (0, 0, 0, 0)),
        ("..???.....", "..111111..", (0, 0, 0, 0)),
        ("..???.....", "..1111111.", (0, 0, 1, 1)),
        # It is too small without its void pixels.
        ("..???....1", ".1111....1", (1, 1, 1, 0)),
        # Two pieces of one region, and a second region.
        ("...??.....", "1111111.11", (0, 0, 2, 2)),
        # A lesion is found where it is drawn, not where it is void.
        ("11?.......", "..1.......", (1, 0, 0, 0)),
    ],
)
def test_nobody_knows_whether_a_region_is_false_that_lies_in_void(truth, predicted, expected):
    truth, predicted = grid(truth.replace("?", "2")), grid(predicted)
    found = LesionMatcher(truth == 1).match(predicted > 0, truth == 2)
    assert tuple(found) == expected
    bands = BandLesions(MeasureOptions())
    for one in (truth, predicted):
        one.resize(5, 2)
    for row in range(5):
        part = slice(row, row + 1)
        bands.add(truth[part] == 1, predicted[part] > 0, truth[part] == 2)
    whole = LesionMatcher(truth == 1).match(predicted > 0, truth == 2)
    assert bands.matched() == whole


def test_void_pixels_count_neither_in_sizes_nor_in_overlaps():
    truth, predicted = grid("11222"), grid("11111")
    assert lesions(truth == 1, predicted, match_iou=1.0) == (1, 0, 1, 1)
    exact = LesionMatcher(truth == 1, match_iou=1.0, min_size=2)
    assert exact.match(predicted > 0, truth == 2) == (1, 1, 1, 0)
    assert LesionMatcher(truth == 1, min_size=3).match(predicted > 0, truth == 2) == (0, 0, 0, 0)


def test_a_prediction_on_a_lesion_too_small_to_count_is_not_false():
    assert lesions(grid("1....111"), grid("1111.111"), min_size=3) == (1, 1, 2, 0)


def test_a_prediction_too_small_to_count_finds_nothing():
    assert lesions(grid("1111"), grid("1..."), min_size=2) == (1, 0, 0, 0)


def test_images_without_lesions():
    nothing, one = grid("...."), grid(".11.")
    assert lesions(nothing, nothing) == (0, 0, 0, 0)
    assert lesions(nothing, one) == (0, 0, 1, 1)
    assert lesions(one, nothing) == (1, 0, 0, 0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("connectivity", [4, 8])
def test_any_overlap_equals_scipy_lesion_by_lesion(seed, connectivity):
    from scipy import ndimage

    generator = np.random.default_rng(seed)
    truth, predicted = (generator.random((30, 40)) < 0.2 for _ in range(2))
    structure = np.ones((3, 3)) if connectivity == 8 else None
    first, count = ndimage.label(truth, structure)
    second, count_predicted = ndimage.label(predicted, structure)
    found = sum(predicted[first == number].any() for number in range(1, count + 1))
    false = sum(not truth[second == number].any() for number in range(1, count_predicted + 1))
    expected = (count, found, count_predicted, false)
    assert lesions(truth, predicted, connectivity=connectivity) == expected


def test_lesions_at_every_threshold_by_hand():
    truth = grid("11..11........") > 0
    sure = np.array([[0.92, 0.92, 0, 0, 0.32, 0.32, 0, 0.62, 0.62, 0, 0.22, 0, 0, 0]])
    counted = count_by_threshold(LesionMatcher(truth), sure)
    expected = {0.05: (2, 2, 4, 2), 0.2: (2, 2, 4, 2), 0.25: (2, 2, 3, 1), 0.3: (2, 2, 3, 1)}
    expected |= {0.35: (2, 1, 2, 1), 0.6: (2, 1, 2, 1), 0.65: (2, 1, 1, 0), 0.9: (2, 1, 1, 0)}
    expected |= {0.95: (2, 0, 0, 0)}
    found = dict(zip(THRESHOLDS, map(tuple, counted.tolist()), strict=True))
    assert {threshold: found[threshold] for threshold in expected} == expected


def test_operating_points_are_shares_of_all_images():
    counted = np.zeros((len(THRESHOLDS), 4), dtype=np.int64)
    counted[:, 0] = 4
    counted[0] = (4, 3, 9, 5)
    first, second, *_ = operating_points(counted, images=10)
    assert (first.threshold, first.sensitivity, first.false_per_image) == (0.05, 0.75, 0.5)
    assert (second.threshold, second.sensitivity, second.false_per_image) == (0.1, 0, 0)
    assert operating_points(np.zeros_like(counted), images=2)[0].sensitivity is None
