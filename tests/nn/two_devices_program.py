"""Trains on one and on two virtual CPUs; checks that both end with the same model.

First a single step with every loss of the catalog, then a whole training.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from pathlib import Path

NAME = sys.argv[1]
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
sys.path.insert(0, str(Path(__file__).parent.parent))
sys.modules["sklearn"] = None  # which Keras would load whole, for wrappers of its own

from maskforge.nn import backend  # noqa: E402

backend.start(NAME)
if NAME == "tensorflow":
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras  # noqa: E402
import numpy as np  # noqa: E402
from training_runs import discs, options, step_by_step  # noqa: E402

from maskforge.nn.devices import devices_used, distribute  # noqa: E402
from maskforge.nn.loss_catalog import LOSSES  # noqa: E402
from maskforge.nn.losses import make_loss  # noqa: E402
from maskforge.nn.modelio import load_model  # noqa: E402
from maskforge.training.loop import epochs, finish  # noqa: E402
from maskforge.training.train import train  # noqa: E402

# Each takes as long as the training.
epochs.draw_curves = finish.draw_extremes = lambda *_: None

PAIRS = [(name, head) for name, loss in LOSSES.items() for head in loss.heads]


def step(devices):
    """Return the losses and weights of a step of a network that has a head for every loss."""
    rng = np.random.default_rng(0)
    images = rng.random((4, 8, 8, 1), dtype=np.float32)
    # The shares of the devices differ: with one foreground and void, and with nearly none.
    masks = (images > np.reshape([0.2, 0.4, 0.95, 1.0], (4, 1, 1, 1))).astype(np.uint8)
    masks[0, :3] = 255
    keras.utils.set_random_seed(1)
    with distribute(devices, 4) as scope, step_by_step():
        with scope():
            source = keras.Input((8, 8, 1))
            sizes = [2 if head == "softmax" else 1 for _, head in PAIRS]
            outputs = [
                keras.layers.Conv2D(size, 3, padding="same", name=f"of_{number}")(source)
                for number, size in enumerate(sizes)
            ]
            network = keras.Model(source, outputs)
            losses = [
                make_loss(name, head=head, outputs=size, from_logits=True)
                for (name, head), size in zip(PAIRS, sizes, strict=True)
            ]
            network.compile(keras.optimizers.SGD(0.1), losses)
        before = network.get_weights()
        told = network.fit(
            images, [masks] * len(PAIRS), batch_size=4, shuffle=False, verbose=0
        ).history
    after = network.get_weights()
    assert all(np.abs(new - old).max() > 0 for new, old in zip(after, before, strict=True))
    return {name: value[0] for name, value in told.items()}, after


assert devices_used(0, 4) == 2
(losses, expected), (shared, found) = step(1), step(2)
for name, loss in losses.items():
    number = int(name.split("_")[1]) if name != "loss" else None
    said = "the sum" if number is None else PAIRS[number]
    np.testing.assert_allclose(shared[name], loss, rtol=1e-5, err_msg=str(said))
for number, (one, two) in enumerate(zip(expected, found, strict=True)):
    np.testing.assert_allclose(two, one, rtol=0, atol=1e-6, err_msg=str(PAIRS[number // 2]))
with tempfile.TemporaryDirectory() as name:
    root = Path(name)
    examples = discs(root / "data", 5)
    records, weights = [], []
    for devices in (1, 2):
        run = root / f"{devices}"
        chosen = options(
            devices=devices,
            head="softmax",
            loss="cce",
            optimizer="sgd",
            learning_rate=0.1,
            network={"filters": 2, "depth": 1, "normalization": "none"},
        )
        records.append(train(examples, run, chosen))
        weights.append(load_model(run)[0].get_weights())
        with (run / "history.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        # What was measured while the network learned is what the saved model says.
        best = float(rows[records[-1].best_epoch - 1]["validation_dice"])
        assert abs(best - records[-1].validation.dice) < 1e-5, (best, records[-1])
    assert records[0].validation == records[1].validation, records
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(two, one, rtol=0, atol=1e-5)
