"""What a prediction is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from maskforge.choices import Encoding, FileType
from maskforge.prediction.model_options import ModelOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """How images become masks.

    Attributes:
        model: How the model is run.
        encoding: ``integer``, or one channel per class; ``multihot`` keeps overlapping classes.
        file_type: ``png``, ``tiff`` or ``npy``.
        probabilities: Whether to write them to ``probabilities/``, (H, W, K) float16.
        overlay: Whether to write images with their masks to ``overlays/``.
    """

    model: ModelOptions = field(default_factory=ModelOptions)
    encoding: Encoding = "integer"
    file_type: FileType = "png"
    probabilities: bool = False
    overlay: bool = False
