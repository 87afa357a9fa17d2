"""Trains on one and on two virtual CPUs; checks that both end with the same model."""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from pathlib import Path

NAME = sys.argv[1]
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
sys.path.insert(0, str(Path(__file__).parent.parent))

from maskforge.nn import backend  # noqa: E402

backend.start(NAME)
if NAME == "tensorflow":
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import numpy as np  # noqa: E402
from training_runs import discs, options  # noqa: E402

from maskforge.nn.devices import devices_used  # noqa: E402
from maskforge.nn.modelio import load_model  # noqa: E402
from maskforge.training.loop import epochs  # noqa: E402
from maskforge.training.train import train  # noqa: E402

epochs.draw_curves = lambda *_: None  # takes as long as the training

assert devices_used(0, 4) == 2
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
