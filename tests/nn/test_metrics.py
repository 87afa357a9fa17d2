"""Metrics count pixels over all batches, leave void out, and survive saving."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from maskforge.errors import OptionError
from maskforge.masks.encoding import multi_hot, one_hot
from maskforge.nn.losses import Dice as DiceLoss
from maskforge.nn.metrics import Dice, IoU, PixelAccuracy

METRICS = [Dice, IoU, PixelAccuracy]

# Two batches of one image with 1x4 pixels; the last pixel of the first is void.
BATCHES = [
    (np.array([[[1, 1, 0, 255]]], np.uint8), np.array([[[0.9, 0.2, 0.7, 0.9]]])),
    (np.array([[[1, 0, 0, 0]]], np.uint8), np.array([[[0.6, 0.1, 0.2, 0.5]]])),
]
# At 0.5: TP = 1 + 1, FN = 1 + 0, FP = 1 + 1 (0.5 is on), TN = 0 + 2


def fed(metric, batches=BATCHES):
    for truth, chance in batches:
        metric.update_state(truth, np.asarray(chance, np.float32).reshape(*truth.shape, -1))
    return metric


@pytest.mark.parametrize(
    ("metric", "expected"), [(Dice, 4 / 7), (IoU, 2 / 5), (PixelAccuracy, 4 / 7)]
)
def test_binary_counts_over_batches(metric, expected):
    assert float(fed(metric(1, from_logits=False)).result()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("metric", "expected"),
    # From 0.15: TP = 2 + 1, FN = 0, FP = 1 + 2, TN = 0 + 1
    [(Dice, 6 / 9), (IoU, 3 / 6), (PixelAccuracy, 4 / 7)],
)
def test_the_threshold_counts(metric, expected):
    counted = fed(metric(1, from_logits=False, threshold=0.15))
    assert float(counted.result()) == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
def test_logits_and_probabilities_agree(metric):
    # 0.5 itself is left out: the way through a logarithm may end on either side of it
    batches = [(truth, np.where(chance == 0.5, 0.51, chance)) for truth, chance in BATCHES]
    logits = [(truth, np.log(chance / (1 - chance))) for truth, chance in batches]
    by_share = float(fed(metric(1, from_logits=False, threshold=0.3), batches).result())
    assert float(fed(metric(1, threshold=0.3), logits).result()) == by_share


def softmax_batch():
    truth = np.array([[[0, 0, 1, 2, 2, 255]]], np.uint8)
    chosen = np.array([[[0, 1, 1, 2, 1, 2]]])
    return truth, 3.0 * (chosen[..., None] == np.arange(4))


def test_softmax_counts():
    # class 1: TP 1, FP 2, FN 0; class 2: TP 1, FP 0, FN 1; class 3 is nowhere
    # class 0: TP 1, FP 0, FN 1
    batch = [softmax_batch()]
    dice = fed(Dice(4, head="softmax"), batch)
    assert float(dice.result()) == pytest.approx((2 / 4 + 2 / 3) / 2)
    expected = [2 / 3, 2 / 4, 2 / 3, math.nan]
    np.testing.assert_allclose(ops.convert_to_numpy(dice.per_class()), expected, rtol=1e-6)
    iou = fed(IoU(4, head="softmax"), batch)
    assert float(iou.result()) == pytest.approx((1 / 3 + 1 / 2) / 2)
    expected = [1 / 2, 1 / 3, 1 / 2, math.nan]
    np.testing.assert_allclose(ops.convert_to_numpy(iou.per_class()), expected, rtol=1e-6)
    assert float(fed(PixelAccuracy(4, head="softmax"), batch).result()) == pytest.approx(3 / 5)


@pytest.mark.parametrize("metric", METRICS)
def test_scikit_learn_agrees(metric):
    peer = pytest.importorskip(
        "sklearn.metrics", reason="NO COMPARISON with scikit-learn: not installed"
    )
    random = np.random.default_rng(2)
    truth = random.integers(0, 3, (6, 5, 7)).astype(np.uint8)
    truth[random.random(truth.shape) < 0.1] = 255
    logits = random.normal(size=(*truth.shape, 3)).astype(np.float32)
    known = truth != 255
    flat = (truth[known], logits.argmax(-1)[known])
    expected = {
        Dice: lambda: peer.f1_score(*flat, labels=[1, 2], average="macro"),
        IoU: lambda: peer.jaccard_score(*flat, labels=[1, 2], average="macro"),
        PixelAccuracy: lambda: peer.accuracy_score(*flat),
    }[metric]()
    batches = [(truth[start : start + 2], logits[start : start + 2]) for start in (0, 2, 4)]
    assert float(fed(metric(3, head="softmax"), batches).result()) == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
def test_forms_of_targets_agree(metric):
    mask = np.array([[0, 1, 2, 255], [2, 2, 0, 1]], np.uint8)
    logits = np.random.default_rng(4).normal(size=(1, 2, 4, 3)).astype(np.float32)

    def result(truth, outputs, head):
        counted = metric(outputs, head=head)
        counted.update_state(truth, logits[..., :outputs])
        return float(counted.result())

    expected = result(mask[None], 3, "softmax")
    assert result(mask[None, ..., None], 3, "softmax") == expected
    assert result(one_hot(mask, (0, 1, 2))[None], 3, "softmax") == expected
    expected = result(mask[None], 2, "sigmoid")
    assert result(one_hot(mask, (0, 1, 2))[None], 2, "sigmoid") == expected
    assert result(multi_hot(mask, (1, 2))[None], 2, "sigmoid") == expected


def test_nothing_there_and_nothing_predicted_is_not_known():
    for metric in (Dice, IoU):
        counted = metric(1)
        assert math.isnan(float(counted.result()))
        counted.update_state(np.zeros((1, 2, 2, 1), np.uint8), np.full((1, 2, 2, 1), -5.0))
        assert math.isnan(float(counted.result()))
        counted.update_state(np.zeros((1, 2, 2, 1), np.uint8), np.full((1, 2, 2, 1), 5.0))
        assert float(counted.result()) == 0
    assert math.isnan(float(PixelAccuracy(1).result()))


@pytest.mark.parametrize("metric", METRICS)
def test_resetting_begins_anew(metric):
    counted = fed(metric(1, from_logits=False))
    before = float(counted.result())
    counted.reset_state()
    assert float(fed(counted).result()) == before
    counted.reset_state()
    assert math.isnan(float(counted.result()))


def test_counts_stay_exact_beyond_what_float32_can_count():
    # 9 batches of 2048 x 2048 right pixels are 37,748,736, and 3 wrong ones more; float32 by itself
    # would lose the odd ones above 16,777,216
    accuracy = PixelAccuracy(1)
    right = np.ones((1, 2048, 2048, 1), np.uint8), np.ones((1, 2048, 2048, 1), np.float32)
    single = np.ones((1, 1, 1, 1), np.uint8), np.ones((1, 1, 1, 1), np.float32)
    for _ in range(9):
        accuracy.update_state(*right)
    for _ in range(3):
        accuracy.update_state(*single)
    low, high = (ops.convert_to_numpy(variable) for variable in accuracy.variables)
    assert int(low[0, 0]) + int(high[0, 0]) * 2**22 == 9 * 2**22 + 3


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_comes_back_from_its_configuration(metric):
    counted = metric(2, head="softmax", from_logits=False, threshold=0.3, name="mine")
    config = keras.saving.serialize_keras_object(counted)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is metric
    assert again.get_config() == counted.get_config()
    assert again.name == "mine"


def test_names_do_not_count_up():
    for _ in range(2):
        assert [metric(1).name for metric in METRICS] == ["dice", "iou", "pixel_accuracy"]


def test_the_loss_and_the_metric_of_one_name_are_not_confused():
    for one in (DiceLoss(), Dice(1)):
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(one))
        assert type(again) is type(one)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Dice(1, head="tanh"), "'tanh' is not a head"),
        (lambda: Dice(1, threshold=1), "not between 0 and 1"),
        (lambda: Dice(1).update_state(BATCHES[0][0], BATCHES[0][1], 2.0), "not weighted"),
        (lambda: Dice(3).update_state(np.zeros((1, 1, 1, 2)), np.zeros((1, 1, 1, 3))), "2 channel"),
    ],
)
def test_wrong_use_is_refused(make, words):
    with pytest.raises(OptionError, match=words):
        make()
