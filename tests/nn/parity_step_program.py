"""Says what one step of training makes of given weights on a backend: run by test_parity.py."""

from __future__ import annotations

import sys

NAME, FILE = sys.argv[1:]

from maskforge.nn import backend  # noqa: E402

backend.start(NAME)

import keras  # noqa: E402
import numpy as np  # noqa: E402

from maskforge.nn.losses import make_loss  # noqa: E402
from maskforge.nn.network_catalog import NetworkOptions  # noqa: E402
from maskforge.nn.networks import build_network  # noqa: E402

RATE = 0.5

generator = np.random.default_rng(0)
network = build_network(NetworkOptions(filters=4, depth=2), input_shape=(None, None, 1), outputs=2)
network.set_weights(
    [
        generator.uniform(0.5, 1.5, weight.shape)
        if weight.name in ("gamma", "moving_variance")
        else generator.normal(0, 1 / np.sqrt(max(np.prod(weight.shape[:-1]), 4)), weight.shape)
        for weight in network.weights
    ]
)
network.compile(
    keras.optimizers.SGD(RATE),
    make_loss(
        "dice+bce", head="sigmoid", outputs=2, class_weights=None, options={}, from_logits=True
    ),
)
images = generator.random((2, 32, 32, 1), dtype=np.float32)
masks = np.concatenate([images > 0.7, images > 0.3], axis=-1).astype(np.uint8)
masks[:, :4] = 255  # void
before = network.get_weights()
loss = float(np.asarray(network.train_on_batch(images, masks)))
results = {"loss": np.asarray([loss])}
for index, (weight, old) in enumerate(zip(network.weights, before, strict=True)):
    new = keras.ops.convert_to_numpy(weight.value)
    results[f"{index} {weight.path}"] = new
    if weight.trainable:
        results[f"gradient {index} {weight.path}"] = (old - new) / RATE
np.savez(FILE, **{name.replace("/", "."): array for name, array in results.items()})
