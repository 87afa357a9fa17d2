"""Trains a tiny network on one and on two virtual CPUs, and keeps the weights of both."""

from __future__ import annotations

import os
import sys

NAME, FILE = sys.argv[1:]
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

from maskforge.nn import backend  # noqa: E402

backend.start(NAME)
if NAME == "tensorflow":
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras  # noqa: E402
import numpy as np  # noqa: E402

from maskforge.nn.devices import devices_used, distribute  # noqa: E402
from maskforge.nn.network_catalog import NetworkOptions  # noqa: E402
from maskforge.nn.networks import build_network  # noqa: E402


class Data(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, step):
        generator = np.random.default_rng(step)
        images = generator.random((4, 16, 16, 1), dtype=np.float32)
        return images, (images > 0.5).astype(np.uint8)


def train(count):
    with distribute(count, 4) as scope:
        backend.seed_everything(0)
        with scope():
            network = build_network(
                NetworkOptions(filters=2, depth=1, normalization="none"),
                input_shape=(16, 16, 1),
                outputs=1,
            )
            loss = keras.losses.BinaryCrossentropy(from_logits=True)
            network.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
        before = network.get_weights()
        network.fit(Data(), epochs=1, verbose=0, shuffle=False)
    after = network.get_weights()
    assert max(np.abs(a - b).max() for a, b in zip(before, after, strict=True)) > 1e-3
    return np.concatenate([weight.ravel() for weight in after])


assert devices_used(0, 4) == 2
np.savez(FILE, one=train(1), two=train(2))
