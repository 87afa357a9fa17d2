"""What a prediction is told."""

from __future__ import annotations

from dataclasses import dataclass

from maskforge.choices import Encoding, FileType, Precision, Runtime
from maskforge.prediction.predictor import Thresholds, Tile


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """How images become masks.

    Attributes:
        runtime: What the network runs in.
        precision: What it computes in.
        tile: Side of the tiles in pixels, ``whole`` or ``auto``.
        overlap: Smallest share of a tile that its neighbor covers too.
        tta: Whether to average over the flips and turns of the training.
        thresholds: Instead of those that were tuned in training.
        batch_size: Tiles that the network sees at once.
        encoding: ``integer``, or one channel per class; ``multihot`` keeps overlapping classes.
        file_type: ``png``, ``tiff`` or ``npy``.
        probabilities: Whether to write them to ``probabilities/``, (H, W, K) float16.
        overlay: Whether to write images with their masks to ``overlays/``.
        overwrite: Replace the results of an earlier run.
    """

    runtime: Runtime = "auto"
    precision: Precision = "auto"
    tile: Tile = "auto"
    overlap: float = 0.5
    tta: bool = False
    thresholds: Thresholds | None = None
    batch_size: int = 4
    encoding: Encoding = "integer"
    file_type: FileType = "png"
    probabilities: bool = False
    overlay: bool = False
    overwrite: bool = False
