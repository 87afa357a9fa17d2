"""Says what tiny networks with given weights give on a backend: run by test_parity.py."""

from __future__ import annotations

import sys

NAME, FILE = sys.argv[1:]

from maskforge.nn import backend  # noqa: E402

backend.start(NAME)

from typing import get_args  # noqa: E402

import numpy as np  # noqa: E402

from maskforge.nn.heads import probabilities  # noqa: E402
from maskforge.nn.network_catalog import Architecture, NetworkOptions  # noqa: E402
from maskforge.nn.networks import build_network  # noqa: E402

NETWORKS = {
    arch: {"arch": arch} | ({"depth": 2} if "unet" in arch else {})
    for arch in get_args(Architecture)
} | {
    "bilinear": {"depth": 2, "upsampling": "bilinear", "normalization": "group"},
    "nearest": {"depth": 2, "upsampling": "nearest", "normalization": "layer"},
    "deep": {"arch": "unetpp", "depth": 2, "deep_supervision": True},
    "encoder": {"encoder": "mobilenetv3small", "depth": 3, "encoder_weights": "none"},
}


def weights_of(network):
    """Return weights that keep features near 1, the same on every backend."""
    generator = np.random.default_rng(0)
    for weight in network.weights:
        if weight.name in ("gamma", "moving_variance"):
            yield generator.uniform(0.5, 1.5, weight.shape)
        else:
            scale = 1 / np.sqrt(max(np.prod(weight.shape[:-1]), 4))
            yield generator.normal(0, scale, weight.shape)


image = np.random.default_rng(1).random((1, 32, 64, 1), dtype=np.float32)
outputs = {}
for name, given in NETWORKS.items():
    options = NetworkOptions(**({"filters": 4} | given))
    network = build_network(options, input_shape=(None, None, 1), outputs=3)
    network.set_weights(list(weights_of(network)))
    if options.deep_supervision:
        network = probabilities(network, "softmax")
    outputs[name] = network.predict_on_batch(image)
np.savez(FILE, **outputs)
