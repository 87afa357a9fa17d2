"""Trainings of seconds, from options to a model in its folder."""

from __future__ import annotations

import numpy as np
import pytest
from training_runs import discs, options

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.examples.pixels import read_image, read_target  # noqa: E402
from maskforge.learning import train  # noqa: E402
from maskforge.prediction.predictor import Predictor  # noqa: E402


def test_a_tiny_network_learns_four_pictures_by_heart(tmp_path):
    examples = discs(tmp_path / "data", 5)
    record = train(
        options(epochs=40, learning_rate=0.02, split={"validation": 0.2}),
        tmp_path / "run",
        examples=examples,
    )
    assert record.state == "finished"
    assert record.train.dice > 0.95
