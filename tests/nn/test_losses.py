"""What holds for every loss with every head: finite, blind to void, teachable, savable."""

import functools

import keras
import numpy as np
import pytest
from gradients import compiled_gradient, gradient
from keras import ops

from maskforge.nn.loss_catalog import LOSSES
from maskforge.nn.losses import make_loss
from maskforge.nn.metrics import Dice, IoU, PixelAccuracy

CASES = [(name, head) for name, loss in LOSSES.items() for head in loss.heads]
VARIANTS = [
    *[(name, head, {}) for name, head in CASES],
    ("dice+bce", "sigmoid", {}),
    ("2*focal-tversky+cce", "softmax", {}),
    ("dice", "sigmoid", {"smooth": 0}),
    ("dice", "softmax", {"squared": 1, "per_image": 1, "include_background": 1}),
    ("jaccard", "sigmoid", {"smooth": 0, "per_image": 1}),
    ("focal", "sigmoid", {"gamma": 0.5}),
    ("focal", "softmax", {"gamma": 0.5}),
    ("focal-tversky", "sigmoid", {"gamma": 2, "smooth": 0}),
]
every = pytest.mark.parametrize(
    ("spec", "head", "options"),
    VARIANTS,
    ids=["-".join([spec, head, *options]) for spec, head, options in VARIANTS],
)
OUTPUTS = 3


def made(spec, head, options, **more):
    return make_loss(spec, head=head, outputs=OUTPUTS, options=options, **more)


@functools.cache
def _compiled(spec, head, options):
    return compiled_gradient(made(spec, head, dict(options)))


def compiled(spec, head, options):
    """Return value and gradient of a loss as a function; each is compiled once for all tests."""
    return _compiled(spec, head, tuple(options.items()))


def integer_targets(seed=0, images=2):
    return np.random.default_rng(seed).integers(0, OUTPUTS, (images, 4, 5)).astype(np.uint8)


def normal_logits(seed=1, images=2):
    random = np.random.default_rng(seed)
    return random.normal(scale=2, size=(images, 4, 5, OUTPUTS)).astype(np.float32)


def half_void():
    targets = integer_targets()
    targets[:, :2] = 255
    return targets


TARGETS = {
    "empty": np.zeros((2, 4, 5), np.uint8),
    "full": np.full((2, 4, 5), OUTPUTS - 1, np.uint8),
    "void": np.full((2, 4, 5), 255, np.uint8),
    "mixed": half_void(),
}


@every
def test_gradients_are_finite_whatever_comes(spec, head, options):
    gradient = compiled(spec, head, options)
    signs = np.sign(normal_logits())
    for name, targets in TARGETS.items():
        for scale in (0, 1, 60, 1e4):
            value, slope = gradient(targets, scale * signs)
            assert np.isfinite(value), (name, scale)
            assert np.isfinite(slope).all(), (name, scale)
            assert value > -1e-6, (name, scale)


@every
def test_gradients_of_perfect_outputs_are_finite(spec, head, options):
    targets = half_void()
    for scale in (60, 1e4):
        logits = np.where(targets[..., None] == np.arange(OUTPUTS), scale, -scale)
        if head == "sigmoid":
            logits = np.where(targets[..., None] == np.arange(1, OUTPUTS + 1), scale, -scale)
        value, slope = compiled(spec, head, options)(targets, logits)
        assert value == pytest.approx(0, abs=1e-6)
        assert np.isfinite(slope).all()


@every
def test_gradients_of_probabilities_are_finite(spec, head, options):
    loss = made(spec, head, options, from_logits=False)
    certain = (normal_logits() > 0).astype(np.float32)
    for targets in TARGETS.values():
        value, slope = gradient(loss, targets, certain)
        assert np.isfinite(value)
        assert np.isfinite(slope).all()


@every
def test_images_that_are_void_cost_and_teach_nothing(spec, head, options):
    value, slope = compiled(spec, head, options)(TARGETS["void"], normal_logits())
    assert value == 0
    assert not slope.any()


@every
def test_what_is_predicted_under_void_makes_no_difference(spec, head, options):
    gradient, targets = compiled(spec, head, options), half_void()
    logits = normal_logits()
    value, slope = gradient(targets, logits)
    assert value > 0
    assert not slope[:, :2].any()
    assert slope[:, 2:].any()
    for nonsense in (1e4, -3.0, np.nan):
        changed = logits.copy()
        changed[:, :2] = nonsense
        other, other_slope = gradient(targets, changed)
        assert other == value
        np.testing.assert_array_equal(other_slope, slope)


@every
def test_the_order_of_images_makes_no_difference(spec, head, options):
    loss, targets, logits = made(spec, head, options), half_void(), normal_logits()
    there, back = float(loss(targets, logits)), float(loss(targets[::-1], logits[::-1]))
    assert there == pytest.approx(back, rel=1e-6)


@every
def test_logits_and_probabilities_agree(spec, head, options):
    logits = normal_logits()
    share = ops.sigmoid(logits) if head == "sigmoid" else ops.softmax(logits)
    by_logits = float(made(spec, head, options)(half_void(), logits))
    by_shares = float(made(spec, head, options, from_logits=False)(half_void(), share))
    assert by_logits == pytest.approx(by_shares, rel=1e-4)


@every
def test_a_step_downhill_lowers_the_loss(spec, head, options):
    gradient, targets, logits = compiled(spec, head, options), half_void(), normal_logits()
    value, slope = gradient(targets, logits)
    step = 1e-2 / np.abs(slope).max()
    lower, _ = gradient(targets, logits - step * slope)
    assert lower < value


@every
def test_the_gradient_is_that_of_differences(spec, head, options):
    loss, targets, logits = made(spec, head, options), half_void(), normal_logits()
    _, slope = compiled(spec, head, options)(targets, logits)
    direction = slope / np.linalg.norm(slope)
    step = 1e-2
    above, below = (float(loss(targets, logits + sign * step * direction)) for sign in (1, -1))
    assert (above - below) / (2 * step) == pytest.approx(np.linalg.norm(slope), rel=5e-3)


@every
def test_a_loss_comes_back_from_its_configuration(spec, head, options):
    loss = made(spec, head, options, from_logits=False)
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == loss.get_config()
    share = ops.softmax(normal_logits())
    assert float(again(half_void(), share)) == float(loss(half_void(), share))


def test_class_weights_come_back_from_the_configuration():
    loss = made("bce+focal", "sigmoid", {}, class_weights=[1, 2, 3])
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert [one.class_weights for one in again.losses] == [(1, 2, 3), (1, 2, 3)]


@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_changes_nothing(head, policy):
    spec = "+".join(name for name, one in CASES if one == head)
    logits, targets = 60 * np.sign(normal_logits()), half_void()
    expected, expected_slope = gradient(made(spec, head, {}), targets, logits)
    keras.config.set_dtype_policy(policy)
    keras.config.set_floatx(policy.removeprefix("mixed_"))  # goes further than the policy
    try:
        value, slope = gradient(made(spec, head, {}), targets, logits)
        half = made(spec, head, {})(targets, ops.cast(logits, policy.removeprefix("mixed_")))
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
    assert float(half) == value == expected
    assert keras.backend.standardize_dtype(half.dtype) == "float32"
    np.testing.assert_array_equal(slope, expected_slope)


@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
def test_a_compiled_model_learns_and_is_saved_with_all_losses(head, tmp_path):
    spec = "+".join(name for name, one in CASES if one == head and name != "sparse-cce")
    keras.utils.set_random_seed(0)
    source = keras.Input((None, None, 1))
    outputs = keras.layers.Conv2D(OUTPUTS, 3, padding="same")(source)
    model = keras.Model(source, outputs)
    arguments = {"outputs": OUTPUTS, "head": head}
    model.compile(
        optimizer=keras.optimizers.SGD(0.1),
        loss=made(spec, head, {}),
        metrics=[Dice(**arguments), IoU(**arguments), PixelAccuracy(**arguments)],
    )
    images = normal_logits(images=4)[..., :1]
    targets = integer_targets(images=4)[..., None]
    targets[:, :1] = 255
    history = model.fit(images, targets, batch_size=2, epochs=3, verbose=0, shuffle=False).history
    assert history["loss"][-1] < history["loss"][0]
    assert set(history) == {"loss", "dice", "iou", "pixel_accuracy"}
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for one in (model, again):
        one.run_eagerly = keras.config.backend() != "jax"  # compiling takes longer for two batches
    expected = model.evaluate(images, targets, batch_size=2, verbose=0, return_dict=True)
    found = again.evaluate(images, targets, batch_size=2, verbose=0, return_dict=True)
    assert found == pytest.approx(expected)
    assert set(found) == set(history)
