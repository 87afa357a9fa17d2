"""Trains on one and on two virtual CPUs; prints the largest difference of the weights."""

from __future__ import annotations

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

from maskforge.learning import train  # noqa: E402
from maskforge.nn.modelio import load_model  # noqa: E402

with tempfile.TemporaryDirectory() as name:
    root = Path(name)
    examples = discs(root / "data", 5)
    records, weights = [], []
    for devices in (1, 2):
        run = root / f"{devices}"
        chosen = options(
            devices=devices,
            loss="bce",
            optimizer="sgd",
            learning_rate=0.1,
            average=0.5,
            network={"filters": 2, "depth": 1, "normalization": "none"},
        )
        records.append(train(chosen, run, examples=examples))
        weights.append(load_model(run)[0].get_weights())
    assert records[0].validation == records[1].validation, records
    print(max(np.abs(one - two).max() for one, two in zip(*weights, strict=True)))
