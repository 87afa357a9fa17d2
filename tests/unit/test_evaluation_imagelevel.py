"""Images told apart, and intervals by resampling."""

import numpy as np
import pytest

from maskforge.evaluation.measures.bootstrap import interval, resampled_weights
from maskforge.evaluation.measures.imagelevel import auc, image_score, roc_curve


def arrays(present, scores):
    return np.array(present, dtype=bool), np.array(scores, dtype=np.float64)


@pytest.mark.parametrize(
    ("present", "scores", "expected"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 1.0),
        ([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9], 0.0),
        ([0, 1], [0.5, 0.5], 0.5),
        # Of the four pairs 0.4 > 0.3, 0.4 = 0.4 (half), 0.9 > 0.3, 0.9 > 0.4.
        ([0, 0, 1, 1], [0.3, 0.4, 0.4, 0.9], 3.5 / 4),
    ],
)
def test_the_area_is_the_share_of_pairs_in_order(present, scores, expected):
    assert auc(*arrays(present, scores)) == pytest.approx(expected)


@pytest.mark.parametrize("present", [[], [0, 0], [1, 1]])
def test_one_kind_of_images_has_no_area(present):
    assert np.isnan(auc(*arrays(present, [0.5] * len(present))))


def test_weights_are_repeated_images():
    generator = np.random.default_rng(2)
    present, scores = arrays(generator.random(20) < 0.4, generator.integers(0, 6, 20))
    weights = generator.integers(0, 4, (3, 20))
    repeated = [auc(np.repeat(present, one), np.repeat(scores, one)) for one in weights]
    np.testing.assert_allclose(auc(present, scores, weights), repeated)


@pytest.mark.parametrize("seed", range(4))
def test_area_and_curve_equal_those_of_scikit_learn(seed):
    metrics = pytest.importorskip("sklearn.metrics", reason="NO PEER: scikit-learn is missing")
    generator = np.random.default_rng(seed)
    present, scores = arrays(generator.random(50) < 0.5, generator.integers(0, 12, 50))
    assert auc(present, scores) == pytest.approx(metrics.roc_auc_score(present, scores))
    false, true, _ = metrics.roc_curve(present, scores, drop_intermediate=False)
    ours_false, ours_true = roc_curve(present, scores)
    np.testing.assert_allclose(ours_false, false)
    np.testing.assert_allclose(ours_true, true)


def test_the_score_of_an_image_is_the_mean_of_its_largest_probabilities():
    values = np.array([[0.1, 0.9, 0.5], [1.0, 0.2, 0.3]], dtype=np.float16)
    valid = np.array([[True, True, True], [False, True, True]])
    assert image_score(values, valid) == pytest.approx(0.9, abs=1e-3)
    assert image_score(values, valid, 2) == pytest.approx(0.7, abs=1e-3)
    assert image_score(values, valid, 99) == pytest.approx(0.4, abs=1e-3)
    assert image_score(values, ~valid & False) == 0.0


def test_images_of_a_group_are_drawn_together():
    weights = resampled_weights(["a", "b", None, "a", None], 200)
    assert weights.shape == (200, 5)
    assert (weights[:, 0] == weights[:, 3]).all()
    assert (weights[:, [0, 1, 2, 4]].sum(axis=1) == 4).all()  # four groups are drawn
    assert weights[:, 2].std() > 0
    assert (weights[:, 2] != weights[:, 4]).any()
    assert np.array_equal(weights, resampled_weights(["a", "b", None, "a", None], 200))
    assert not np.array_equal(weights, resampled_weights(["a", "b", None, "a", None], 200, 1))


def test_the_interval_of_a_mean_has_the_width_that_theory_says():
    """1.96 standard errors to either side: 1.96 / sqrt(400) for a standard deviation of 1."""
    values = np.random.default_rng(3).standard_normal(400)
    weights = resampled_weights([None] * 400, 2000)
    low, high = interval(weights @ values / 400)
    assert (high - low) / 2 == pytest.approx(1.96 / 20, rel=0.1)
    assert low < values.mean() < high


def test_intervals_of_what_is_seldom_defined_are_none():
    assert interval(np.array([np.nan, np.nan, 0.5])) is None
    assert interval(np.array([])) is None
    assert interval(np.array([np.nan, 0.5, 0.5])) == (0.5, 0.5)
    assert interval(np.linspace(0, 1, 101), 0.9) == pytest.approx((0.05, 0.95))
