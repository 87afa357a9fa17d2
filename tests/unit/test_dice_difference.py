"""Two evaluations on the same images: the difference, and how sure it is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import maskforge as mf
from maskforge.evaluation.difference import dice_difference


def evaluation(folder, truth, masks):
    """Evaluate masks (N, H, W) of classes 1 and 2."""
    for place, values in ((folder / "truth", truth), (folder / "masks", masks)):
        place.mkdir(parents=True)
        for number, one in enumerate(values):
            Image.fromarray(one).save(place / f"p{number:02}.png")
    meaning = {"0": "background", "1": "caries", "2": "crown"}
    return mf.evaluate(
        folder / "masks", folder / "truth", mask_values=meaning, bootstrap=0, charts=False, worst=0
    )


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory):
    """Evaluations of two predictions, of which the second is right more often."""
    root = tmp_path_factory.mktemp("evaluations")
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, (24, 12, 12)).astype(np.uint8)
    noise = random.integers(0, 3, truth.shape).astype(np.uint8)
    wrong = random.random(truth.shape)
    masks = [np.where(wrong < share, noise, truth) for share in (0.5, 0.3)]
    reports = [evaluation(root / str(n), truth, one) for n, one in enumerate(masks)]
    return truth, masks, reports


def dice(truth, masks):
    """Return the mean Dice of both classes over all images."""
    found = []
    for id_ in (1, 2):
        both = ((truth == id_) & (masks == id_)).sum()
        found.append(2 * both / ((truth == id_).sum() + (masks == id_).sum()))
    return np.mean(found)


def test_the_difference_is_that_of_the_reports(evaluations):
    truth, masks, (before, after) = evaluations
    found = dice_difference(before, after)
    assert found.images == 24
    assert found.before == pytest.approx(dice(truth, masks[0]), abs=1e-12)
    assert found.after == pytest.approx(dice(truth, masks[1]), abs=1e-12)
    assert found.before == pytest.approx(before.overall.foreground["dice"], abs=1e-12)
    assert found.difference == pytest.approx(found.after - found.before)
    assert found.notes == ()


def test_the_interval_is_that_of_pairs(evaluations):
    """Both models on the same resampled images: much narrower than two intervals apart."""
    truth, masks, (before, after) = evaluations
    low, high = dice_difference(before, after, samples=2000).interval
    random = np.random.default_rng(11)
    samples = []
    for _ in range(2000):
        chosen = random.integers(0, len(truth), len(truth))
        samples.append(
            dice(truth[chosen], masks[1][chosen]) - dice(truth[chosen], masks[0][chosen])
        )
    assert (low, high) == pytest.approx(np.quantile(samples, (0.025, 0.975)), abs=0.004)
    assert 0 < low < dice_difference(before, after).difference < high
    back = dice_difference(after, before, samples=2000)
    assert back.interval == pytest.approx((-high, -low))


def test_a_single_image_has_no_interval(tmp_path):
    truth = np.tile(np.uint8([[0, 1]]), (1, 4, 2))
    reports = [
        evaluation(tmp_path / "one", truth, truth),
        evaluation(tmp_path / "two", truth, 0 * truth),
    ]
    found = dice_difference(*reports)
    assert (found.before, found.after, found.difference) == (1, 0, -1)
    assert found.interval is None


def test_nothing_to_find_has_no_difference(tmp_path):
    truth = np.zeros((3, 4, 4), np.uint8)
    reports = [evaluation(tmp_path / name, truth, truth) for name in ("one", "two")]
    found = dice_difference(*reports)
    assert (found.images, found.difference, found.interval) == (3, None, None)
