"""Thresholds and calibration from streamed histograms."""

import numpy as np
import pytest

from maskforge.evaluation.measures.calibration import calibrate
from maskforge.evaluation.measures.histogram import ProbabilityHistogram
from maskforge.evaluation.measures.thresholds import ThresholdTuner
from maskforge.masks.targets import decide


def image(probabilities, target):
    """One row of pixels with one channel."""
    return (
        np.array(probabilities, dtype=np.float32).reshape(1, -1, 1),
        np.array(target, dtype=np.uint8).reshape(1, -1, 1),
    )


def tuned(*images):
    tuner = ThresholdTuner(1)
    for probabilities, target in images:
        tuner.add(*image(probabilities, target))
    return tuner.best()


@pytest.mark.parametrize(
    ("probabilities", "target", "low", "high"),
    [
        # Between the two groups every threshold is right; 0.5 is among them.
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 0.5, 0.5),
        # All below 0.3 is background: the best threshold nearest to 0.5 reaches up to 0.3.
        ([0.05, 0.1, 0.3, 0.35], [0, 0, 1, 1], 0.299, 0.3),
        ([0.6, 0.7, 0.75, 0.9], [0, 0, 1, 1], 0.7, 0.701),
        # One lesion in the noise: leaving it out (Dice 2/3) beats having all (2 * 2 / 6).
        ([0.1, 0.1, 0.1, 0.9], [0, 0, 1, 1], 0.5, 0.5),
        # No pixel has the class: nothing can be tuned.
        ([0.2, 0.6], [0, 0], 0.5, 0.5),
        # All has the class, with tiny probabilities: never 0.
        ([0.0, 0.0], [1, 1], 0.5, 0.5),
        ([0.001, 0.9], [1, 1], 1 / 1024, 1 / 1024),
        ([1.0, 1.0], [1, 0], 0.5, 0.5),
    ],
)
def test_the_threshold_with_the_best_dice_is_found(probabilities, target, low, high):
    (best,) = tuned((probabilities, target))
    assert low <= best <= high


def test_void_is_left_out_and_images_are_summed():
    assert tuned(([0.05, 0.3, 0.4], [0, 1, 255]), ([0.2, 0.35], [0, 1]))[0] == pytest.approx(
        0.3, abs=1 / 1024
    )


def test_no_other_threshold_is_better():
    """Every threshold of the grid is tried on the pixels themselves."""
    generator = np.random.default_rng(0)
    target = (generator.random((40, 40, 3)) < 0.1).astype(np.uint8)
    values = generator.random((40, 40, 3)).astype(np.float32) * 0.6 + target * 0.3
    target[:4] = 255
    tuner = ThresholdTuner(3)
    tuner.add(values[:20], target[:20])
    tuner.add(values[20:], target[20:])
    valid = target != 255
    for channel, best in enumerate(tuner.best()):
        truth = (target[..., channel] == 1)[valid[..., channel]]
        score = values[..., channel][valid[..., channel]]

        def dice(threshold, truth=truth, score=score):
            chosen = score >= np.float32(threshold)
            return 2 * (chosen & truth).sum() / (chosen.sum() + truth.sum())

        curve = np.array([dice(number / 1024) for number in range(1024)])
        assert dice(best) == curve[1:].max()
        np.testing.assert_allclose(tuner.dice()[channel], curve)


def test_wrong_arrays_are_refused():
    tuner = ThresholdTuner(2)
    with pytest.raises(ValueError, match=r"expected \(H, W, 2\)"):
        tuner.add(*image([0.1], [0]))
    with pytest.raises(ValueError, match="not a finite number"):
        ThresholdTuner(1).add(*image([np.nan], [0]))
    ThresholdTuner(1).add(*image([np.nan], [255]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_probabilities_become_predictions(dtype):
    values = np.array([[0.5, 0.4], [0.2, 0.8], [0.5, 0.5]], dtype=dtype)
    assert decide(values, "softmax").tolist() == [0, 1, 0]
    assert decide(values, "sigmoid").tolist() == [[1, 0], [0, 1], [1, 1]]
    assert decide(values, "sigmoid", (0.2, 0.9)).tolist() == [[1, 0], [1, 0], [1, 0]]
    with pytest.raises(ValueError, match="1 thresholds for 2 channels"):
        decide(values, "sigmoid", (0.5,))


def test_calibration_by_hand():
    """Of the pixels around 0.9 only half are true; those around 0.1 are as they say."""
    histogram = ProbabilityHistogram(1)
    histogram.add(*image([0.9, 0.9, 0.05, 0.05, 0.05, 0.05], [1, 0, 0, 0, 0, 0]))
    result = calibrate(histogram, ["caries"])["caries"]
    filled = {one.low: one for one in result.bins if one.pixels}
    assert list(filled) == [0.0, 14 / 16]
    assert filled[0.0].true == 0.0
    assert filled[14 / 16].true == 0.5
    assert filled[14 / 16].predicted == pytest.approx(0.9, abs=1 / 1024)
    assert result.error == pytest.approx((2 * 0.4 + 4 * 0.05) / 6, abs=1 / 1024)
    empty = calibrate(ProbabilityHistogram(1), ["caries"])["caries"]
    assert empty.error is None
    assert {one.true for one in empty.bins} == {None}


def test_calibration_equals_that_of_scikit_learn():
    peer = pytest.importorskip("sklearn.calibration", reason="NO PEER: scikit-learn is missing")
    generator = np.random.default_rng(1)
    values = generator.random((50, 60, 1)).astype(np.float32)
    target = (generator.random(values.shape) < values**2).astype(np.uint8)
    histogram = ProbabilityHistogram(1)
    histogram.add(values, target)
    bins = calibrate(histogram, ["x"])["x"].bins
    true, predicted = peer.calibration_curve(target.ravel(), values.ravel(), n_bins=16)
    np.testing.assert_allclose([one.true for one in bins], true, atol=1e-12)
    np.testing.assert_allclose([one.predicted for one in bins], predicted, atol=1 / 2048)
