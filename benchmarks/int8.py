"""Measure how fast a model predicts in INT8, compared with float32; print a Markdown table.

Run with ``python benchmarks/int8.py RUN``; it needs OpenVINO, and a model that was exported with
``maskforge export-model RUN --to openvino --precision int8``. Both networks take turns on the same
random tiles in one process, and processor time counts, so that a busy machine does little harm;
told is the median over the rounds of the ratio in the same round.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import numpy as np

from maskforge.choices import ModelPrecision
from maskforge.prediction.predictor import Predictor

ROUNDS = 9
CALLS = 3  # per network and round
SIDES = (256, 512)
PRECISIONS: tuple[ModelPrecision, ...] = ("float32", "int8")


def ratio(run: Path, side: int) -> float:
    """Return the processor time of INT8 divided by that of float32."""
    networks = [Predictor.load(run, runtime="openvino", precision=one) for one in PRECISIONS]
    channels = networks[0].description.scaling.channels
    tile = np.random.default_rng(0).random((1, side, side, channels), dtype=np.float32)
    ratios = []
    for _ in range(ROUNDS):
        taken = []
        for network in networks:
            network.runtime.infer(tile)  # what the other left in the caches does not count
            start = time.process_time()
            for _ in range(CALLS):
                network.runtime.infer(tile)
            taken.append(time.process_time() - start)
        ratios.append(taken[1] / taken[0])
    return statistics.median(ratios)


def main() -> None:
    run = Path(sys.argv[1])
    print("| tile | processor time of INT8 / float32 |")
    print("|---|---:|")
    for side in SIDES:
        print(f"| {side} × {side} px | {ratio(run, side):.2f} |")
    sizes = [(run / name).stat().st_size / 1e6 for name in ("model.bin", "model-int8.bin")]
    print(f"\nweights: {sizes[0]:.1f} MB in float32, {sizes[1]:.1f} MB in INT8")


if __name__ == "__main__":
    main()
