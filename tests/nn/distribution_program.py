"""Trains a tiny network on some virtual CPUs, and keeps the weights: run by test_devices.py."""

from __future__ import annotations

import os
import sys

NAME, COUNT, FILE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
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
from maskforge.nn.networks import build_network  # noqa: E402
from maskforge.training.options import NetworkOptions  # noqa: E402


class Data(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, step):
        generator = np.random.default_rng(step)
        images = generator.random((4, 16, 16, 1), dtype=np.float32)
        return images, (images > 0.5).astype(np.uint8)


assert devices_used(0, 4) == 2
with distribute(COUNT, 4) as scope:
    backend.seed_everything(0)
    with scope():
        network = build_network(
            NetworkOptions(filters=2, depth=1), input_shape=(None, None, 1), outputs=1
        )
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        network.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    before = network.get_weights()
    network.fit(Data(), epochs=1, verbose=0, shuffle=False)
moved = max(np.abs(a - b).max() for a, b in zip(before, network.get_weights(), strict=True))
assert moved > 1e-3
np.savez(FILE, *network.get_weights())
