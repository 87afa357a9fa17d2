"""Kappa, Bland-Altman and possible pairs of scores, by the numbers of the papers and by hand."""

import math

import numpy as np
import pytest

from maskforge.evaluation.measures.bland_altman import bland_altman
from maskforge.evaluation.measures.kappa import cohen_kappa, fleiss_kappa, rating_parts
from maskforge.evaluation.measures.possible import why_impossible

# Fleiss 1971, table 1: the diagnoses of 30 patients by six psychiatrists, in five categories.
DIAGNOSES = (
    "444444 222555 233335 555555 222444 113333 333355 113334 114444 555555 "
    "144444 124444 222333 144444 224445 333335 111455 111112 224444 133555 "
    "555555 244444 224555 114444 144445 222224 111155 224444 133333 555555"
)

# Bland and Altman 1986: peak flow of 17 people by two meters, in l/min.
LARGE_METER = [
    *(494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427),
]
MINI_METER = [
    *(512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451),
]


def counted():
    return np.array(
        [[patient.count(str(one)) for one in range(1, 6)] for patient in DIAGNOSES.split()]
    )


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        # Both 20 times yes and 15 times no; chance alone agrees in 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
        ((20, 10, 5, 15), (0.7 - 0.5) / 0.5),
        # Two tables that agree in 60 of 100 cases, and kappa tells them apart.
        ((45, 15, 25, 15), (0.6 - 0.54) / 0.46),
        ((25, 35, 5, 35), (0.6 - 0.46) / 0.54),
        ((3, 0, 0, 7), 1.0),
        ((0, 5, 5, 0), -1.0),
        ((9, 0, 0, 0), math.nan),  # everybody says yes everywhere
        ((0, 0, 0, 0), math.nan),
    ],
)
def test_kappa_of_two_by_hand(cells, expected):
    assert cohen_kappa(np.array(cells)) == pytest.approx(expected, nan_ok=True)
    swapped = np.array(cells)[[0, 2, 1, 3]]
    assert cohen_kappa(swapped) == pytest.approx(expected, nan_ok=True)


def test_kappa_of_two_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(3)
    for share in (0.1, 0.5, 0.9):
        first, second = random.random((2, 40)) < share
        cells = [first & second, ~first & second, first & ~second, ~(first | second)]
        expected = metrics.cohen_kappa_score(first, second)
        assert cohen_kappa(np.sum(cells, axis=1)) == pytest.approx(expected)


def test_kappa_of_six_psychiatrists_is_that_of_fleiss():
    table = counted()
    assert (table.sum(axis=1) == 6).all()
    # The paper: the shares of the categories, 0.5556 pairs that agree, 0.2201 by chance, 0.430.
    sums = rating_parts(table).sum(axis=0)
    assert np.round(sums[2:] / 30, 3).tolist() == [0.144, 0.144, 0.167, 0.306, 0.239]
    assert sums[1] / 30 == pytest.approx(0.5556, abs=5e-5)
    assert fleiss_kappa(sums) == pytest.approx(0.430, abs=5e-4)


def test_kappa_of_weighted_units_is_that_of_repeated_ones():
    table = counted()
    weights = np.random.default_rng(0).integers(0, 4, (2, len(table)))
    sums = weights @ rating_parts(table)
    for one, row in zip(fleiss_kappa(sums), weights, strict=True):
        repeated = np.repeat(table, row, axis=0)
        assert one == pytest.approx(fleiss_kappa(rating_parts(repeated).sum(axis=0)))


def test_kappa_of_many_is_not_defined_where_all_say_the_same():
    assert math.isnan(fleiss_kappa(rating_parts(np.array([[0, 3], [0, 3]])).sum(axis=0)))


def test_limits_of_agreement_are_those_of_bland_and_altman():
    """The paper: mean difference -2.1, standard deviation 38.8."""
    differences = np.subtract(LARGE_METER, MINI_METER).astype(float)
    ((bias, lower, upper),) = bland_altman(differences, np.ones((1, 17)))
    assert bias == pytest.approx(-2.1, abs=0.05)
    assert (upper - lower) / 2 / 1.96 == pytest.approx(38.8, abs=0.05)
    assert (upper + lower) / 2 == pytest.approx(bias)


def test_limits_of_agreement_by_hand_weighted_and_far_from_zero():
    # -1, -1 and 2: mean 0, squares 6, standard deviation sqrt(6 / 2).
    values = np.array([-1.0, 2.0, 99.0]) + 1e7
    ((bias, lower, upper),) = bland_altman(values, np.array([[2, 1, 0]]))
    assert bias - 1e7 == pytest.approx(0, abs=1e-6)
    assert (upper - bias, bias - lower) == pytest.approx((1.96 * 3**0.5,) * 2)


@pytest.mark.parametrize(("weights", "bias"), [([1, 0], 4.0), ([0, 0], math.nan)])
def test_one_difference_has_no_limits(weights, bias):
    ((found, lower, upper),) = bland_altman(np.array([4.0, 8.0]), np.array([weights]))
    assert found == pytest.approx(bias, nan_ok=True)
    assert math.isnan(lower)
    assert math.isnan(upper)


@pytest.mark.parametrize(
    ("dice", "iou", "of_one", "of_mean"),
    [
        (0.663, 0.785, False, False),  # published
        (2 * 0.785 / 1.785, 0.785, True, True),
        (0.880, 0.785, True, True),  # the same with three digits
        (0.82, 0.785, False, True),  # (0.64 / 0.64..., 1 / 1) and the like
        (0.95, 0.785, False, False),
        (0.0, 0.0, True, True),
        (1.0, 1.0, True, True),
        (1.2, None, False, False),
        (None, -0.1, False, False),
        (float("nan"), 0.5, False, False),
        (None, 0.5, True, True),
        (0.5, None, True, True),
    ],
)
def test_pairs_of_dice_and_iou_that_there_can_be(dice, iou, of_one, of_mean):
    assert (not why_impossible(dice, iou, is_mean=False)) is of_one
    assert (not why_impossible(dice, iou, is_mean=True)) is of_mean


def test_means_of_real_scores_are_always_possible():
    random = np.random.default_rng(1)
    for size in (1, 2, 9):
        for power in (0.2, 1, 5):
            iou = random.random(size) ** power
            dice = 2 * iou / (1 + iou)
            assert not why_impossible(dice.mean(), iou.mean(), is_mean=True)
            assert not why_impossible(dice[0], iou[0], is_mean=False)
