"""Layers of Keras in forms of PyTorch: the same values, gradients and averages."""

from __future__ import annotations

from types import MethodType

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="NO PYTORCH: its forms of layers are not tested")
keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.nn.fasterlayers import faster_call  # noqa: E402


@pytest.fixture(autouse=True)
def _on_pytorch(running_backend):
    if running_backend != "torch":
        pytest.skip("NO PYTORCH: Keras runs on another backend, set KERAS_BACKEND=torch")


def features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def in_form(layer, shape):
    """Return a layer with weights that are all different, and a copy that computes in its form."""
    copy = type(layer).from_config(layer.get_config())
    for one in (layer, copy):
        one.build(shape)
        one.set_weights([np.abs(features(*weight.shape)) for weight in one.weights])
    copy.call = MethodType(faster_call(copy), copy)
    return layer, copy


def run(layer, inputs, **arguments):
    """Return outputs, gradients of the inputs, of the weights, and the weights afterwards."""
    tensor = torch.tensor(inputs, requires_grad=True)
    outputs = layer(tensor, **arguments)
    if "call" in vars(layer):
        assert outputs.is_contiguous(), "a copy would be needed after it"
    weights = torch.tensor(features(*outputs.shape))
    (outputs.float() * weights).sum().backward()
    slopes = [one.value.grad for one in layer.trainable_variables]
    values = [one.value for one in layer.variables]
    return [one.detach() for one in (outputs, tensor.grad, *slopes, *values)]


LAYERS = {
    "odd": lambda **given: keras.layers.Conv2D(4, 3, padding="same", activation="tanh", **given),
    "even": lambda **given: keras.layers.Conv2D(4, (2, 4), padding="same", **given),
    "stride": lambda **given: keras.layers.Conv2D(4, 3, strides=2, padding="same", **given),
    "groups": lambda **given: keras.layers.Conv2D(6, 3, groups=2, use_bias=False, **given),
    "dilated": lambda **given: keras.layers.Conv2D(
        4, 3, padding="same", dilation_rate=(1, 2), **given
    ),
    "pooled": lambda **given: keras.layers.MaxPooling2D(3, strides=2, **given),
    "enlarged": lambda **given: keras.layers.Conv2DTranspose(
        3, 2, strides=2, activation="relu", **given
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_form_is_the_layer(name, dtype):
    inputs = features(2, 7, 10, 4)
    own, other = in_form(LAYERS[name](dtype=dtype), inputs.shape)
    tolerance = 0.05 if dtype == "mixed_bfloat16" else 1e-5
    for found, expected in zip(run(other, inputs), run(own, inputs), strict=True):
        assert found.dtype == expected.dtype
        largest = float(expected.abs().max())
        np.testing.assert_allclose(
            found.float(), expected.float(), rtol=0, atol=tolerance * largest
        )


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("training", [True, False])
def test_a_normalization_in_one_operation(dtype, training):
    inputs = 3 * features(3, 4, 6, 5) + 2
    layer = keras.layers.BatchNormalization(momentum=0.8, dtype=dtype)
    own, other = in_form(layer, inputs.shape)
    results = [run(one, inputs, training=training) for one in (other, own)]
    tolerance = 0.02 if dtype == "mixed_bfloat16" else 1e-4
    for found, expected in zip(*results, strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found.float(), expected.float(), rtol=tolerance, atol=tolerance)


def test_a_normalization_of_a_single_pixel():
    own, other = in_form(keras.layers.BatchNormalization(), (1, 1, 1, 5))
    inputs = features(1, 1, 1, 5)
    for found, expected in zip(
        run(other, inputs, training=True), run(own, inputs, training=True), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_features_are_dropped_at_random(rate):
    layer = keras.layers.Dropout(rate, seed=7)
    layer.call = MethodType(faster_call(layer), layer)
    state = layer.seed_generator.state.numpy()
    ones = torch.ones(100, 50, 20)
    first, second = (layer(ones, training=True) for _ in range(2))
    layer.seed_generator.state.assign(state)
    assert torch.equal(layer(ones, training=True), first)
    assert torch.equal(layer(ones, training=False), ones)
    assert first.unique().tolist() == pytest.approx([0, 1 / (1 - rate)])
    dropped = [(one == 0).double() for one in (first, second)]
    # of 100,000 draws the share is exact to a few thousandths, also of neighbors and of two steps
    for one in dropped:
        assert float(one.mean()) == pytest.approx(rate, abs=0.01)
    along = [(dropped[0].narrow(axis, 1, 19) * dropped[0].narrow(axis, 0, 19)) for axis in range(3)]
    for both in (dropped[0] * dropped[1], *along):
        assert float(both.mean()) == pytest.approx(rate**2, abs=0.015)
    other = keras.layers.Dropout(rate, seed=8)
    other.call = MethodType(faster_call(other), other)
    assert not torch.equal(other(ones, training=True), first)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: keras.layers.Conv2D(4, 3, data_format="channels_first"),
        lambda: keras.layers.MaxPooling2D(2, padding="same"),
        lambda: keras.layers.Dropout(0.5, noise_shape=(None, 1, 1, None)),
        lambda: keras.layers.DepthwiseConv2D(3),
        lambda: keras.layers.Activation("relu"),
    ],
)
def test_other_layers_stay_as_they_are(layer):
    assert faster_call(layer()) is None
