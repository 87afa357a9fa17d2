"""Networks: published sizes, shapes, learning, saving, precision."""

from __future__ import annotations

import functools
from typing import get_args

import numpy as np
import pytest

from maskforge.choices import Normalization, Upsampling
from maskforge.errors import OptionError
from maskforge.nn.network_catalog import Architecture, NetworkOptions, stride_of

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.nn.backend import seed_everything  # noqa: E402
from maskforge.nn.heads import probabilities  # noqa: E402
from maskforge.nn.networks import build_network  # noqa: E402
from maskforge.nn.precision import to_float32, using_policy  # noqa: E402

ARCHITECTURES = get_args(Architecture)
every_architecture = pytest.mark.parametrize("arch", ARCHITECTURES)


@pytest.fixture(autouse=True)
def _seed():
    seed_everything(0)


def small(arch="unet", **options):
    """Return options of two filters, and of two poolings where their number can be chosen."""
    depth = {"depth": 2} if "unet" in arch else {}
    return NetworkOptions(**({"arch": arch, "filters": 2} | depth | options))


def shallow(arch, **options):
    """Return a network with one convolution where there may be more: all its parts are there."""
    fewer = {"convolutions": 1} if arch in ("unet", "unetpp", "attention_unet", "pspnet") else {}
    return tiny(arch, **fewer, **options)


def tiny(arch="unet", *, outputs=2, channels=1, **options):
    return build_network(
        small(arch, **options), input_shape=(None, None, channels), outputs=outputs
    )


@functools.cache
def shared(arch):
    """Return the one network of an architecture with a single class that tests train and save."""
    return shallow(arch, outputs=1)


def images(height=32, width=32, channels=1, count=2):
    shape = (count, height, width, channels)
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def output(network, x):
    """Return what a network gives, without compiling it: quick for tiny ones."""
    result = network(x, training=False)
    result = result if isinstance(result, list) else [result]
    arrays = [keras.ops.convert_to_numpy(one) for one in result]
    return arrays[0] if len(arrays) == 1 else arrays


@pytest.fixture
def _zero_weights(monkeypatch):
    """Draw no random numbers: large networks are built for their shapes alone."""

    def zeros(_, shape, dtype=None):
        return keras.ops.zeros(shape, dtype)

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", zeros)


@pytest.mark.usefixtures("_zero_weights")
@pytest.mark.parametrize(
    ("options", "shape", "parameters"),
    [
        (NetworkOptions(preset="unet-transpose"), (128, 128, 3), 31_031_745),
        (NetworkOptions(preset="unet-upsampling"), (256, 256, 1), 34_512_193),
        (NetworkOptions(preset="unet-zhixuhao"), (256, 256, 1), 31_031_685),
        (NetworkOptions(arch="cnn"), (None, None, 1), 369_921),
        (NetworkOptions(arch="cnn"), (None, None, 3), 371_073),
    ],
)
def test_published_numbers_of_parameters(options, shape, parameters):
    network = build_network(options, input_shape=shape, outputs=1)
    assert network.count_params() == parameters
    assert network.output_shape == (None, *shape[:2], 1)


@pytest.mark.usefixtures("_zero_weights")
def test_fcn8_has_the_published_numbers_of_parameters():
    """Each channel more has 1x1 scores of the three strides, and pairs in three transposed ones.

    134 million weights are allocated once only.
    """
    options = NetworkOptions(arch="fcn8")
    one = build_network(options, input_shape=(None, None, 3), outputs=1).count_params()
    scores = (4096 + 1) + (512 + 1) + (256 + 1)
    pairs = 4 * 4 + 4 * 4 + 16 * 16
    assert one == 134_265_699
    assert one + 7 * scores + (8 * 8 - 1) * pairs == 134_317_912
    few, many = (tiny("fcn8", outputs=outputs).count_params() for outputs in (1, 8))
    assert many - few == 7 * ((128 + 1) + (16 + 1) + (8 + 1)) + 63 * pairs


@every_architecture
def test_every_network_gives_logits_of_the_size_of_its_input(arch):
    """Of color images; all other tests have gray ones."""
    channels = 3
    network = tiny(arch, outputs=3, channels=channels)
    stride = stride_of(small(arch))
    for height, width in ((stride, 2 * stride), (64, 32)):
        logits = output(network, images(height, width, channels))
        assert logits.shape == (2, height, width, 3)
        assert logits.dtype == np.float32
        assert np.isfinite(logits).all()
    last = [layer for layer in network.layers if layer.name in ("logits", "score")]
    assert {getattr(one, "activation", keras.activations.linear) for one in last} == {
        keras.activations.linear
    }


@every_architecture
def test_every_network_learns(arch):
    network = shared(arch)
    x = images(count=4)
    y = (x > 0.5).astype(np.uint8)
    network.compile(
        keras.optimizers.SGD(0.2),
        keras.losses.BinaryCrossentropy(from_logits=True),
        # compiling takes longer than running, but for JAX, which compiles every operation anyway
        run_eagerly=keras.config.backend() != "jax",
        jit_compile=keras.config.backend() == "jax",
    )
    losses = [float(np.asarray(network.train_on_batch(x, y))) for _ in range(3)]
    assert np.isfinite(losses).all()
    assert losses[2] < losses[0]


@every_architecture
def test_saved_networks_are_loaded_in_safe_mode_with_equal_output(arch, tmp_path):
    model = probabilities(shared(arch), "sigmoid")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    x = images(64, 32)
    np.testing.assert_array_equal(output(loaded, x), output(model, x))


@every_architecture
def test_mixed_precision_keeps_float32_logits_and_weights(arch):
    before = keras.config.dtype_policy().name
    with using_policy("mixed_bfloat16"):
        network = shallow(arch)
    assert keras.config.dtype_policy().name == before
    assert any(layer.compute_dtype == "bfloat16" for layer in network.layers)
    copy = to_float32(network)
    assert {layer.compute_dtype for layer in copy.layers} == {"float32"}
    assert {weight.dtype for weight in network.weights} == {"float32"}
    for ours, theirs in zip(copy.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    x = images()
    mixed, exact = output(network, x), output(copy, x)
    assert mixed.dtype == np.float32
    assert 0 < np.abs(mixed - exact).mean() < 0.25 * np.abs(exact).mean()


def test_a_float32_copy_has_weights_of_its_own():
    with using_policy("mixed_float16"):
        network = tiny(depth=1)
    before = network.get_weights()[0]
    to_float32(network).set_weights([0 * weight for weight in network.get_weights()])
    np.testing.assert_array_equal(network.get_weights()[0], before)


def test_a_float32_copy_computes_what_a_float32_network_computes():
    with using_policy("mixed_bfloat16"):
        mixed = tiny(depth=1, normalization="group")
    plain = tiny(depth=1, normalization="group")
    plain.set_weights(mixed.get_weights())
    np.testing.assert_array_equal(output(to_float32(mixed), images()), output(plain, images()))


def test_deep_supervision_gives_the_deepest_network_first():
    network = tiny("unetpp", depth=3, deep_supervision=True)
    x = images()
    logits = output(network, x)
    assert [one.shape for one in logits] == [(2, 32, 32, 2)] * 3
    # what lies in the bottleneck can only reach the deepest network
    deepest = max(network.layers, key=lambda layer: getattr(layer, "filters", 0) or 0)
    deepest.set_weights([weight + 1 for weight in deepest.get_weights()])
    changed = [np.abs(a - b).max() > 0 for a, b in zip(logits, output(network, x), strict=True)]
    assert changed == [True, False, False]


def test_probabilities_are_the_mean_of_all_outputs():
    network = tiny("unetpp", depth=2, deep_supervision=True)
    x = images()
    first, second = output(network, x)
    expected = (1 / (1 + np.exp(-first)) + 1 / (1 + np.exp(-second))) / 2
    np.testing.assert_allclose(output(probabilities(network, "sigmoid"), x), expected, atol=1e-6)


def test_softmax_is_over_the_channels():
    network = tiny(depth=1, outputs=3)
    x = images()
    powers = np.exp(output(network, x))
    expected = powers / powers.sum(-1, keepdims=True)
    np.testing.assert_allclose(output(probabilities(network, "softmax"), x), expected, atol=1e-6)


@pytest.mark.parametrize("normalization", get_args(Normalization))
@pytest.mark.parametrize("upsampling", get_args(Upsampling))
def test_options_of_the_unet_go_together(normalization, upsampling):
    network = tiny(
        depth=1,
        convolutions=1,
        normalization=normalization,
        upsampling=upsampling,
        activation="silu",
        dropout=0.1,
    )
    names = {type(layer).__name__ for layer in network.layers}
    expected = {
        "none": set(),
        "batch": {"BatchNormalization"},
        "group": {"GroupNormalization"},
        "layer": {"LayerNormalization"},
    }[normalization]
    assert {name for name in names if "Normalization" in name} == expected
    assert ("Conv2DTranspose" in names) == (upsampling == "transpose")
    assert "Dropout" in names
    assert output(network, images()).shape == (2, 32, 32, 2)


@pytest.mark.parametrize(
    ("arch", "stride"), [("unet", 3), ("unetpp", 2), ("attention_unet", 2), ("resunet", 2)]
)
def test_a_stem_makes_the_image_smaller_and_the_head_each_pixel_again(arch, stride):
    """Within the network nothing is wider than the smaller image."""
    network = tiny(arch, depth=1, convolutions=None if arch == "resunet" else 1, stem_stride=stride)
    side = 4 * stride
    x = images(side, 2 * side)
    logits = output(network, x)
    assert logits.shape == (2, side, 2 * side, 2)
    assert logits.dtype == np.float32
    inner = keras.Model(network.input, [one.output for one in network.layers[1:-1]])
    assert max(one.shape[1] for one in inner(x[:, :side, :side])) == 4
    fine = logits.reshape(2, 4, stride, 8, stride, 2)
    assert fine.std(axis=(2, 4)).max() > 0


def test_a_stem_and_its_head_have_these_weights():
    """4 x 4 weights of each filter of the stem, 2 x 2 logits of each output of the head."""
    plain, stem = (tiny(depth=1, outputs=3, stem_stride=stride) for stride in (1, 2))
    filters, normalization = 2, 4 * 2
    first = 3 * 3 * filters * (filters - 1)  # the first convolution has the stem's filters to see
    expected = 4 * 4 * filters + normalization + first + (2 * 2 - 1) * filters * 3
    assert stem.count_params() - plain.count_params() == expected


def test_a_stem_sees_alike_on_both_sides():
    """What turns the image by half a turn turns its features: the padding is symmetric."""
    network = tiny(depth=1, stem_stride=2)
    first = next(one for one in network.layers if isinstance(one, keras.layers.Conv2D))
    first.set_weights([np.ones_like(one) for one in first.get_weights()])
    features = keras.Model(network.input, first.output)
    x = images()
    np.testing.assert_allclose(
        output(features, x[:, ::-1, ::-1]), output(features, x)[:, ::-1, ::-1], atol=1e-5
    )


def test_the_bare_unet_is_small():
    """A quarter of the filters of the published network has a sixteenth of its parameters.

    Batch normalization has four numbers per filter, and takes the bias away.
    """
    plain = NetworkOptions(normalization="none")
    network = build_network(plain, input_shape=(None, None, 1), outputs=1)
    assert network.count_params() == 1_940_817
    network = build_network(NetworkOptions(), input_shape=(None, None, 1), outputs=1)
    filters = 4 * (16 + 32 + 64 + 128) + 2 * 256
    assert network.count_params() == 1_940_817 + 3 * filters
    assert stride_of(NetworkOptions()) == 16


def test_equal_seeds_begin_with_equal_weights():
    weights = []
    for seed in (1, 1, 2):
        seed_everything(seed)
        weights.append(np.concatenate([one.ravel() for one in tiny(depth=1).get_weights()]))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()


def test_a_side_that_is_no_multiple_of_the_stride_is_refused():
    with pytest.raises(OptionError, match=r"100 px, no multiple of 16\n.*use 96 px"):
        build_network(NetworkOptions(), input_shape=(100, 64, 1), outputs=1)
