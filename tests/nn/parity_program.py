"""Says what networks with given weights give on a backend, and what one step of training makes
of them: run by test_parity.py.
"""

from __future__ import annotations

import sys
from functools import partial

NAME, FILE = sys.argv[1:]

from maskforge.nn import backend  # noqa: E402

backend.start(NAME)

from typing import get_args  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402

from maskforge.nn.heads import probabilities  # noqa: E402
from maskforge.nn.losses import make_loss  # noqa: E402
from maskforge.nn.network_catalog import Architecture, NetworkOptions  # noqa: E402
from maskforge.nn.networks import build_network  # noqa: E402

NETWORKS = {
    arch: {"arch": arch} | ({"depth": 2} if "unet" in arch else {})
    for arch in get_args(Architecture)
} | {
    "bilinear": {"depth": 2, "upsampling": "bilinear", "normalization": "group"},
    "nearest": {"depth": 2, "upsampling": "nearest", "normalization": "layer"},
    "deep": {"arch": "unetpp", "depth": 2, "deep_supervision": True},
    "stem": {"arch": "unetpp", "depth": 2, "stem_stride": 2, "deep_supervision": True},
    "encoder": {"encoder": "mobilenetv3small", "depth": 3, "encoder_weights": "none"},
}
RATE = 0.5


def build(outputs, **options):
    """Return a network with weights that keep features near 1, the same on every backend."""
    options = NetworkOptions(**({"filters": 4} | options))
    network = build_network(options, input_shape=(None, None, 1), outputs=outputs)
    generator = np.random.default_rng(0)
    network.set_weights(
        [
            generator.uniform(0.5, 1.5, weight.shape)
            if weight.name in ("gamma", "moving_variance")
            else generator.normal(0, 1 / np.sqrt(max(np.prod(weight.shape[:-1]), 4)), weight.shape)
            for weight in network.weights
        ]
    )
    return probabilities(network, "softmax") if options.deep_supervision else network


def outputs_of_networks():
    image = np.random.default_rng(1).random((1, 32, 64, 1), dtype=np.float32)
    for name, given in NETWORKS.items():
        network = build(3, **given)
        # Compiling what runs once takes longer, but for JAX, which compiles every layer otherwise.
        run = network.predict_on_batch if NAME == "jax" else partial(network, training=False)
        yield f"output of {name}", keras.ops.convert_to_numpy(run(image))


def step_of_training():
    network = build(2, depth=2)
    loss = make_loss("dice+bce", head="sigmoid", outputs=2, from_logits=True)
    network.compile(keras.optimizers.SGD(RATE), loss)
    images = np.random.default_rng(2).random((2, 32, 32, 1), dtype=np.float32)
    masks = np.concatenate([images > 0.7, images > 0.3], axis=-1).astype(np.uint8)
    masks[:, :4] = 255  # void
    before = network.get_weights()
    yield "loss", np.asarray([float(np.asarray(network.train_on_batch(images, masks)))])
    for index, (weight, old) in enumerate(zip(network.weights, before, strict=True)):
        new = keras.ops.convert_to_numpy(weight.value)
        path = f"{index} {weight.path.replace('/', '.')}"
        yield f"weight {path}", new
        if weight.trainable:
            yield f"gradient {path}", (old - new) / RATE


np.savez(FILE, **dict(outputs_of_networks()), **dict(step_of_training()))
