"""Backbones of keras.applications as encoders."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from maskforge.choices import Encoder
from maskforge.errors import ModelError, TrainingError
from maskforge.nn.network_catalog import NetworkOptions, plan_network

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.nn.networks import build_network  # noqa: E402
from maskforge.nn.networks.encoders import (  # noqa: E402
    BACKBONES,
    create,
    encode,
    set_encoder_trainable,
)
from maskforge.nn.precision import to_float32, using_policy  # noqa: E402

SMALL = "mobilenetv3small"


@pytest.fixture
def _zero_weights(monkeypatch):
    """Draw no random numbers where shapes alone are of interest."""

    def zeros(_, shape, dtype=None):
        return keras.ops.zeros(shape, dtype)

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", zeros)


def small(arch="unet", weights="none"):
    options = NetworkOptions(
        arch=arch, encoder=SMALL, encoder_weights=str(weights), filters=2, depth=3
    )
    return build_network(options, input_shape=(None, None, 1), outputs=2)


def encoder_weights(network):
    return network.get_layer("encoder").get_weights()


def images():
    return np.random.default_rng(0).random((2, 32, 32, 1), dtype=np.float32)


def output(network):
    return keras.ops.convert_to_numpy(network(images(), training=False))


def test_every_encoder_has_a_backbone():
    assert set(BACKBONES) == set(get_args(Encoder))


@pytest.mark.usefixtures("_zero_weights")
@pytest.mark.parametrize(
    "encoder",
    ["vgg16", "vgg19", "resnet50", "efficientnetv2b0", "mobilenetv2", SMALL, "mobilenetv3large"],
)
def test_features_have_strides_2_to_32(encoder):
    plan = plan_network(NetworkOptions(encoder=encoder, encoder_weights="none"))
    features = encode(keras.Input((64, 96, 1)), plan)
    sizes = [one.shape[1:3] for one in features]
    assert sizes == [(64 // stride, 96 // stride) for stride in (2, 4, 8, 16, 32)]


@pytest.mark.parametrize("arch", ["unet", "unetpp", "attention_unet"])
def test_networks_take_an_encoder(arch):
    logits = output(small(arch))
    assert logits.shape == (2, 32, 32, 2)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()


@pytest.mark.usefixtures("_zero_weights")
def test_fcn8_takes_vgg16():
    options = NetworkOptions(arch="fcn8", encoder="vgg16", encoder_weights="none", filters=1)
    network = build_network(options, input_shape=(None, None, 3), outputs=2)
    assert network.get_layer("encoder").count_params() == 14_714_688
    assert network.output_shape == (None, None, None, 2)


def test_the_decoder_sees_the_features():
    network = small()
    before = output(network)
    encoder = network.get_layer("encoder")
    encoder.set_weights([weight + 0.5 for weight in encoder.get_weights()])
    assert np.abs(output(network) - before).max() > 1e-3


@pytest.fixture(scope="module")
def backbone():
    return create(SMALL, "none")


@pytest.fixture
def _built(monkeypatch, backbone):
    """Build no other backbone where its weights cannot be used anyway."""
    monkeypatch.setattr(keras.applications, BACKBONES[SMALL].model, lambda **_: backbone)


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
def test_weights_of_a_file(tmp_path, backbone, suffix):
    file = tmp_path / f"backbone{suffix}"
    save = backbone.save_weights if suffix == ".weights.h5" else backbone.save
    save(file)
    found = encoder_weights(small(weights=file))
    assert len(found) > 10
    for ours, theirs in zip(found, backbone.get_weights(), strict=False):  # it ends later
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("_built")
def test_weights_of_another_backbone_are_refused(tmp_path):
    file = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)]).save_weights(file)
    with pytest.raises(ModelError, match=rf"(?s){file}.*no weights of {SMALL}.*notop"):
        create(SMALL, str(file))


@pytest.mark.usefixtures("_built")
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras", ".txt"])
def test_damaged_weights_are_refused(tmp_path, suffix):
    file = tmp_path / f"damaged{suffix}"
    file.write_bytes(b"these are not weights")
    with pytest.raises(ModelError, match=f"(?s)damaged.*no weights of {SMALL}"):
        create(SMALL, str(file))


@pytest.mark.usefixtures("_built")
def test_weights_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(ModelError, match="no such weights file"):
        create(SMALL, str(tmp_path / "absent.weights.h5"))


ADDRESS = "https://storage.example/applications/small_notop.h5"


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (
            f"URL fetch failure on {ADDRESS}: None -- [Errno -3] no network",
            f"cannot be downloaded from {ADDRESS}\n.*"
            "~/.keras/models/small_notop.h5, or .*--encoder-weights FILE",
        ),
        ("Incomplete or corrupted file detected.", "cannot be used: 'Incomplete.*\n.*none"),
    ],
)
def test_a_failed_download_says_which_file_to_fetch(monkeypatch, raised, message):
    def fail(**_):
        raise Exception(raised)  # noqa: TRY002

    monkeypatch.setattr(keras.applications, BACKBONES[SMALL].model, fail)
    with pytest.raises(TrainingError, match=message):
        small(weights="imagenet")


def test_a_frozen_encoder_keeps_weights_and_statistics():
    network = small()
    x = images()
    y = (x > 0.5).astype(np.uint8)

    def changed_by_a_step(*, trainable):
        """Return how many arrays of all, and of the encoder, a step changes."""
        set_encoder_trainable(network, trainable)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        network.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True, jit_compile=False)
        before = network.get_weights(), encoder_weights(network)
        network.train_on_batch(x, y)
        after = network.get_weights(), encoder_weights(network)
        return [
            sum(int((one != other).any()) for one, other in zip(*pair, strict=True))
            for pair in zip(before, after, strict=True)
        ]

    everything, encoder = changed_by_a_step(trainable=False)
    assert everything > 0
    assert encoder == 0
    assert changed_by_a_step(trainable=True)[1] > 0


def test_freezing_needs_an_encoder():
    options = NetworkOptions(filters=2, depth=1)
    network = build_network(options, input_shape=(None, None, 1), outputs=1)
    with pytest.raises(TrainingError, match="no pretrained encoder"):
        set_encoder_trainable(network, trainable=False)


def test_networks_with_an_encoder_are_saved_and_made_float32(tmp_path):
    with using_policy("mixed_bfloat16"):
        network = small()
    copy = to_float32(network)
    dtypes = {layer.compute_dtype for layer in copy.get_layer("encoder").layers}
    assert dtypes == {"float32"}
    copy.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    exact = output(copy)
    np.testing.assert_array_equal(output(loaded), exact)
    assert 0 < np.abs(output(network) - exact).mean() < 0.1 * np.abs(exact).mean()
