"""Values of the losses, worked out by hand or by peers, and the forms that targets can have."""

from math import log

import keras
import numpy as np
import pytest
from keras import ops

from maskforge.errors import OptionError
from maskforge.masks.encoding import multi_hot, one_hot
from maskforge.nn.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CombinedLoss,
    Dice,
    Focal,
    FocalTversky,
    Jaccard,
    Lovasz,
    SparseCategoricalCrossentropy,
    Tversky,
    deep_supervision_weights,
    make_loss,
)

# One image of 1x4 pixels, one channel; the last pixel is void.
TRUTH = np.array([1, 0, 1, 255], np.uint8).reshape(1, 1, 4, 1)
CHANCE = np.array([0.8, 0.4, 0.5, 0.9], np.float32).reshape(1, 1, 4, 1)
# TP = 0.8 + 0.5 = 1.3, FN = 0.2 + 0.5 = 0.7, FP = 0.4; Σt = 2, Σp = 1.7; Σp² = 0.64 + 0.16 + 0.25
BINARY = [
    (BinaryCrossentropy(from_logits=False), -(log(0.8) + log(0.6) + log(0.5)) / 3),
    (
        BinaryCrossentropy(from_logits=False, class_weights=[3]),
        -(3 * log(0.8) + log(0.6) + 3 * log(0.5)) / 3,
    ),
    (Dice(from_logits=False), 1 - (2.6 + 1) / (3.7 + 1)),
    (Dice(from_logits=False, smooth=0), 1 - 2.6 / 3.7),
    (Dice(from_logits=False, squared=True), 1 - (2.6 + 1) / (2 + 1.05 + 1)),
    (Jaccard(from_logits=False), 1 - (1.3 + 1) / (3.7 - 1.3 + 1)),
    (Tversky(from_logits=False), 1 - 2.3 / (1.3 + 0.7 * 0.7 + 0.3 * 0.4 + 1)),
    (Tversky(from_logits=False, alpha=1, beta=2), 1 - 2.3 / (1.3 + 0.7 + 0.8 + 1)),
    (FocalTversky(from_logits=False), (1 - 2.3 / 2.91) ** 0.75),
    (FocalTversky(from_logits=False, gamma=2), (1 - 2.3 / 2.91) ** 2),
    (
        Focal(from_logits=False),
        -(0.25 * 0.04 * log(0.8) + 0.75 * 0.16 * log(0.6) + 0.25 * 0.25 * log(0.5)) / 3,
    ),
    (
        Focal(from_logits=False, alpha=0.5, gamma=0, class_weights=[2]),
        -(log(0.8) + 0.5 * log(0.6) + log(0.5)) / 3,
    ),
    (
        CombinedLoss([Dice(from_logits=False), BinaryCrossentropy(from_logits=False)], [0.5, 2]),
        0.5 * (1 - 3.6 / 4.7) - 2 * (log(0.8) + log(0.6) + log(0.5)) / 3,
    ),
]

# One image of 1x4 pixels, three channels; the last pixel is void.
INDEX = np.array([0, 2, 1, 255], np.uint8).reshape(1, 1, 4)
CHANCES = np.array([[[[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.3, 0.5, 0.2], [0, 1, 0]]]], np.float32)
# class 1: TP = 0.5, Σt = 1, Σp = 1.0; class 2: TP = 0.6, Σt = 1, Σp = 0.9
# class 0: TP = 0.7, Σt = 1, Σp = 1.1
CATEGORICAL = [
    (CategoricalCrossentropy(from_logits=False), -(log(0.7) + log(0.6) + log(0.5)) / 3),
    (SparseCategoricalCrossentropy(from_logits=False), -(log(0.7) + log(0.6) + log(0.5)) / 3),
    (
        CategoricalCrossentropy(from_logits=False, class_weights=[1, 2, 3]),
        -(log(0.7) + 3 * log(0.6) + 2 * log(0.5)) / 3,
    ),
    (Dice(head="softmax", from_logits=False), 1 - (2 / 3 + 2.2 / 2.9) / 2),
    (
        Dice(head="softmax", from_logits=False, include_background=True),
        1 - (2 / 3 + 2.2 / 2.9 + 2.4 / 3.1) / 3,
    ),
    (Jaccard(head="softmax", from_logits=False), 1 - (1.5 / 2.5 + 1.6 / 2.3) / 2),
    # class 1: FN = 0.5, FP = 0.5; class 2: FN = 0.4, FP = 0.3
    (
        Tversky(head="softmax", from_logits=False),
        1 - (1.5 / (0.5 + 0.35 + 0.15 + 1) + 1.6 / (0.6 + 0.28 + 0.09 + 1)) / 2,
    ),
    (
        FocalTversky(head="softmax", from_logits=False),
        ((1 - 1.5 / 2) ** 0.75 + (1 - 1.6 / 1.97) ** 0.75) / 2,
    ),
    (
        Focal(head="softmax", from_logits=False),
        -(0.09 * log(0.7) + 0.16 * log(0.6) + 0.25 * log(0.5)) / 3,
    ),
    (
        Focal(head="softmax", from_logits=False, gamma=1, class_weights=[1, 2, 3]),
        -(0.3 * log(0.7) + 3 * 0.4 * log(0.6) + 2 * 0.5 * log(0.5)) / 3,
    ),
]


def value(loss, y_true, y_pred):
    return float(loss(y_true, y_pred))


def named(cases):
    return [pytest.param(*case, id=f"{case[0].name}-{number}") for number, case in enumerate(cases)]


@pytest.mark.parametrize(("loss", "expected"), named(BINARY))
def test_binary_values(loss, expected):
    assert value(loss, TRUTH, CHANCE) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("loss", "expected"), named(CATEGORICAL))
def test_categorical_values(loss, expected):
    assert value(loss, INDEX, CHANCES) == pytest.approx(expected, abs=1e-6)


def test_lovasz_hinge():
    # errors 1 - 0.5, 1 - 2 (no error), 1 + 1; falling: 2 and 0.5, both true, then nothing. With
    # the first wrong, one of two true pixels is found: Jaccard loss 1/2; with both, 1.
    logits = np.array([0.5, -2, -1, 50], np.float32).reshape(1, 1, 4, 1)
    assert value(Lovasz(), TRUTH, logits) == pytest.approx(2 * 0.5 + 0.5 * 0.5)


def test_lovasz_softmax():
    # class 0: errors 0.8 (not true), 0.35 (true), 0.3 (not true): Jaccard losses 1/2, 1, 1
    # class 1: errors 0.8 and 0.4 (true), 0.25 (not true): Jaccard losses 1/2, 1, 1
    # class 2 is not in the image, and what is given to it makes no error of its own
    index = np.array([[[0, 1, 1, 255]]])
    chances = np.array([[[0.65, 0.25, 0.1], [0.3, 0.6, 0.1], [0.8, 0.2, 0], [0, 0, 1]]], np.float32)
    expected = (0.8 / 2 + 0.35 / 2 + 0.8 / 2 + 0.4 / 2) / 2
    loss = Lovasz(head="softmax", from_logits=False)
    assert value(loss, index, chances[None]) == pytest.approx(expected, abs=1e-6)


def lovasz_by_sets(truth, errors):
    """Return the Lovász extension from its definition: the Jaccard loss of growing sets."""
    order = np.argsort(-errors, kind="stable")
    total, before, wrong = 0.0, 0.0, np.zeros(len(truth), bool)
    for pixel in order:
        wrong[pixel] = True
        predicted = truth ^ wrong
        jaccard = 1 - (truth & predicted).sum() / max((truth | predicted).sum(), 1)
        total += errors[pixel] * (jaccard - before)
        before = jaccard
    return total


def test_lovasz_of_random_images():
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, (2, 5, 6, 2)).astype(np.uint8)
    truth[random.random(truth.shape) < 0.2] = 255
    logits = random.normal(scale=2, size=truth.shape).astype(np.float32)
    expected = []
    for image in range(2):
        for channel in range(2):
            known = truth[image, ..., channel] != 255
            on = truth[image, ..., channel][known] == 1
            errors = np.maximum(1 - np.where(on, 1, -1) * logits[image, ..., channel][known], 0)
            expected.append(lovasz_by_sets(on, errors))
    assert value(Lovasz(), truth, logits) == pytest.approx(np.mean(expected), rel=1e-5)


def test_a_ratio_over_the_batch_and_one_per_image():
    truth = np.array([[1, 1], [0, 0]], np.uint8).reshape(2, 1, 2, 1)
    chance = np.array([[0.9, 0.6], [0.1, 0.3]], np.float32).reshape(2, 1, 2, 1)
    batch = 1 - (2 * 1.5 + 1) / (2 + 1.9 + 1)
    images = ((1 - (2 * 1.5 + 1) / (2 + 1.5 + 1)) + (1 - 1 / (0.4 + 1))) / 2
    assert value(Dice(from_logits=False), truth, chance) == pytest.approx(batch)
    assert value(Dice(from_logits=False, per_image=True), truth, chance) == pytest.approx(images)


def test_one_value_per_image_without_reduction():
    truth = np.zeros((3, 2, 2, 1), np.uint8)
    for loss in (Dice(reduction=None), BinaryCrossentropy(reduction=None)):
        assert tuple(loss(truth, np.zeros((3, 2, 2, 1), np.float32)).shape) == (3,)


def test_images_can_be_weighted():
    truth = np.array([1, 0], np.uint8).reshape(2, 1, 1, 1)
    chance = np.array([0.8, 0.4], np.float32).reshape(2, 1, 1, 1)
    weighted = BinaryCrossentropy(from_logits=False)(truth, chance, np.array([3.0, 1.0]))
    assert float(weighted) == pytest.approx(-(3 * log(0.8) + log(0.6)) / 2)


def test_peers_of_keras_agree():
    random = np.random.default_rng(5)
    truth = random.integers(0, 2, (2, 3, 3, 1)).astype(np.float32)
    chance = random.uniform(0.05, 0.95, truth.shape).astype(np.float32)
    pairs = [
        (BinaryCrossentropy(from_logits=False), keras.losses.BinaryCrossentropy()),
        (
            Focal(from_logits=False),
            keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True),
        ),
        (Dice(from_logits=False, smooth=0), keras.losses.Dice()),
        (
            Tversky(from_logits=False, smooth=0, alpha=0.5, beta=0.5),
            keras.losses.Tversky(alpha=0.5, beta=0.5),
        ),
    ]
    for own, peer in pairs:
        assert value(own, truth, chance) == pytest.approx(value(peer, truth, chance), rel=1e-5)
    index = random.integers(0, 4, (2, 3, 3))
    logits = random.normal(size=(2, 3, 3, 4)).astype(np.float32)
    peer = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    expected = value(peer, index, logits)
    assert value(CategoricalCrossentropy(), index, logits) == pytest.approx(expected, rel=1e-5)


def test_peers_of_scikit_learn_agree():
    metrics = pytest.importorskip(
        "sklearn.metrics", reason="NO COMPARISON with scikit-learn: not installed"
    )
    random = np.random.default_rng(7)
    index = random.integers(0, 4, 60)
    logits = random.normal(size=(60, 4)).astype(np.float32)
    shares = np.exp(logits.astype(np.float64))
    shares /= shares.sum(-1, keepdims=True)
    expected = metrics.log_loss(index, shares)
    image = (index.reshape(1, 6, 10), logits.reshape(1, 6, 10, 4))
    assert value(CategoricalCrossentropy(), *image) == pytest.approx(expected, rel=1e-5)
    hard = np.where(np.arange(4) == logits.argmax(-1)[:, None], 60.0, -60.0).astype(np.float32)
    overlap = metrics.jaccard_score(index, hard.argmax(-1), average="macro", labels=[1, 2, 3])
    loss = Jaccard(head="softmax", smooth=0)
    assert value(loss, image[0], hard.reshape(1, 6, 10, 4)) == pytest.approx(1 - overlap, rel=1e-5)


def test_peers_of_monai_agree():
    peers = pytest.importorskip(
        "monai.losses", reason="NO COMPARISON with MONAI: not installed", exc_type=ImportError
    )
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(11)
    truth = random.integers(0, 2, (2, 3, 4, 2)).astype(np.float32)
    chance = random.uniform(size=truth.shape).astype(np.float32)
    pairs = [
        (Dice(from_logits=False), peers.DiceLoss(batch=True, smooth_nr=1, smooth_dr=1)),
        (
            Dice(from_logits=False, squared=True, per_image=True),
            peers.DiceLoss(squared_pred=True, smooth_nr=1, smooth_dr=1),
        ),
        (
            # MONAI's alpha is for wrongly marked pixels
            Tversky(from_logits=False, alpha=0.8, beta=0.1),
            peers.TverskyLoss(batch=True, alpha=0.1, beta=0.8, smooth_nr=1, smooth_dr=1),
        ),
    ]
    for own, peer in pairs:
        expected = peer(*(torch.tensor(x.transpose(0, 3, 1, 2)) for x in (chance, truth)))
        assert value(own, truth, chance) == pytest.approx(float(expected), rel=1e-5)


INTEGER = np.array([[[0, 1, 2], [2, 0, 255]]], np.uint8)
LOGITS = np.random.default_rng(1).normal(size=(1, 2, 3, 3)).astype(np.float32)


@pytest.mark.parametrize("spec", ["cce", "dice", "jaccard", "focal", "tversky", "lovasz"])
def test_forms_of_targets_agree_for_softmax(spec):
    loss = make_loss(spec, head="softmax", outputs=3)
    expected = value(loss, INTEGER, LOGITS)
    assert value(loss, INTEGER[..., None], LOGITS) == expected
    assert value(loss, one_hot(INTEGER[0], (0, 1, 2))[None], LOGITS) == expected


@pytest.mark.parametrize("spec", ["bce", "dice", "jaccard", "focal", "tversky", "lovasz"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_forms_of_targets_agree_for_sigmoid(spec, outputs):
    mask = np.where(INTEGER == 2, outputs, INTEGER).astype(np.uint8)
    loss = make_loss(spec, head="sigmoid", outputs=outputs)
    logits = LOGITS[..., :outputs]
    expected = value(loss, mask, logits)
    ids = tuple(range(1, outputs + 1))
    assert value(loss, mask[..., None], logits) == expected
    assert value(loss, one_hot(mask[0], (0, *ids))[None], logits) == expected
    assert value(loss, multi_hot(mask[0], ids)[None], logits) == expected


def test_a_single_channel_of_a_pixel_may_be_void():
    truth = np.array([[[[1, 255]]]], np.uint8)
    chance = np.array([[[[0.8, 0.1]]]], np.float32)
    assert value(BinaryCrossentropy(from_logits=False), truth, chance) == pytest.approx(-log(0.8))


@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
@pytest.mark.parametrize("spec", ["focal", "dice", "tversky", "focal-tversky", "jaccard", "lovasz"])
def test_a_value_that_is_no_class_cannot_go_unseen(head, spec):
    mask = np.array([[[0, 1], [2, 77]]], np.uint8)
    loss = make_loss(spec, head=head, outputs=3)
    assert np.isnan(value(loss, mask, np.zeros((1, 2, 2, 3), np.float32)))


@pytest.mark.parametrize(
    ("loss", "channels", "outputs", "words"),
    [
        (CategoricalCrossentropy(), 2, 3, "1 (integer) or 3 (one-hot) channels"),
        (BinaryCrossentropy(), 5, 3, "3 (multi-hot), 4 (one-hot) or 1 (integer) channels"),
        (CategoricalCrossentropy(), 1, 1, "a channel for the background"),
        (SparseCategoricalCrossentropy(), 3, 3, "use cce"),
    ],
)
def test_targets_that_do_not_fit_are_refused(loss, channels, outputs, words):
    with pytest.raises(OptionError) as refusal:
        loss(np.zeros((1, 2, 2, channels)), np.zeros((1, 2, 2, outputs)))
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BinaryCrossentropy(head="softmax"), "softmax makes them compete"),
        (lambda: CategoricalCrossentropy(head="sigmoid"), "sigmoid decides each channel"),
        (lambda: Dice(head="tanh"), "'tanh' is not a head"),
        (lambda: Dice(smooth=-1), "dice.smooth is -1"),
        (lambda: Tversky(alpha=-1), "tversky.alpha is -1"),
        (lambda: FocalTversky(gamma=0), "focal-tversky.gamma is 0"),
        (lambda: Focal(head="softmax", alpha=0.3), "use class weights instead"),
        (lambda: BinaryCrossentropy(class_weights=[-1]), "at least 0"),
        (lambda: CombinedLoss([]), "at least one loss"),
        (lambda: CombinedLoss([Dice(), Dice(head="softmax")]), "must have one head"),
        (lambda: CombinedLoss([Dice()], [1, 2]), "2 weights for 1 losses"),
        (lambda: make_loss("bce", head="softmax", outputs=2), "compete"),
        (lambda: make_loss("cce", head="softmax", outputs=1), "use --head sigmoid"),
        (lambda: make_loss("dice", head="sigmoid", outputs=2, class_weights=[1, 2]), "same say"),
        (lambda: make_loss("bce", head="sigmoid", outputs=2, class_weights=[1]), "has 2 channels"),
    ],
)
def test_wrong_arguments_are_refused(make, words):
    with pytest.raises(OptionError) as refusal:
        make()
    assert words in str(refusal.value)


def test_class_weights_must_fit_the_outputs():
    loss = CategoricalCrossentropy(class_weights=[1, 2])
    with pytest.raises(OptionError, match="2 class weights, but the network has 3"):
        loss(INTEGER, LOGITS)


def test_a_sum_by_its_name():
    loss = make_loss(
        "0.5*tversky+bce",
        head="sigmoid",
        outputs=1,
        class_weights=[3],
        options={"alpha": 0.5, "beta": 0.5, "smooth": 0},
        from_logits=False,
    )
    tversky = 1 - 1.3 / (1.3 + 0.35 + 0.2)
    crossentropy = -(3 * log(0.8) + log(0.6) + 3 * log(0.5)) / 3
    assert value(loss, TRUTH, CHANCE) == pytest.approx(0.5 * tversky + crossentropy)
    assert loss.name == "tversky_bce"


def test_deep_supervision_counts_every_output_the_same():
    assert deep_supervision_weights(4) == (0.25, 0.25, 0.25, 0.25)


def test_perfect_outputs_cost_nothing():
    truth = np.array([1, 0, 1, 255], np.uint8).reshape(1, 1, 4, 1)
    logits = np.array([60, -60, 60, -60], np.float32).reshape(1, 1, 4, 1)
    for spec in ("bce", "dice", "jaccard", "focal", "tversky", "focal-tversky", "lovasz"):
        loss = make_loss(spec, head="sigmoid", outputs=1)
        assert value(loss, truth, logits) == pytest.approx(0, abs=1e-6)


def test_losses_are_computed_in_float32_whatever_comes():
    # 1024 wrong pixels: bfloat16 cannot count beyond 256, and squares overflow in float16
    truth = np.zeros((1, 32, 32, 1), np.uint8)
    truth[0, 16:] = 1
    logits = np.where(truth == 1, -60.0, 60.0).astype(np.float32)
    for spec, expected in [("bce", 60), ("dice", 1 - 1 / 1025), ("tversky", 1 - 1 / 513)]:
        loss = make_loss(spec, head="sigmoid", outputs=1)
        for dtype in ("float32", "bfloat16", "float16"):
            result = loss(truth, ops.cast(logits, dtype))
            assert keras.backend.standardize_dtype(result.dtype) == "float32"
            assert float(result) == pytest.approx(expected, rel=1e-6)
