"""What a prediction is told, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from maskforge.choices import Encoding, FileType, Precision, Runtime
from maskforge.prediction.predictor import Thresholds, Tile
from maskforge.report import ClassCount

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """How pictures become masks.

    Attributes:
        runtime: What the network runs in.
        precision: What it computes in.
        tile: Side of the tiles in pixels, ``whole`` or ``auto``.
        overlap: Smallest share of a tile that its neighbour covers too.
        tta: Whether to average over the flips and turns of the training.
        thresholds: Instead of those that were tuned in training.
        batch_size: Tiles that the network sees at once.
        encoding: ``integer``, or one channel per class; ``multihot`` keeps overlapping classes.
        file_type: ``png``, ``tiff`` or ``npy``.
        probabilities: Whether to write them to ``probabilities/``, (H, W, K) float16.
        overlay: Whether to write pictures with their masks to ``overlays/``.
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


class PredictionProblem(msgspec.Struct, frozen=True):
    """A picture that could not be predicted."""

    file: str
    message: str


class PredictionReport(msgspec.Struct, kw_only=True):
    """What was predicted.

    Attributes:
        schema: Version of this object; grows when a key changes its meaning.
        out: The output folder.
        model: Folder of the model.
        runtime: What the network ran in.
        precision: What it computed in.
        thresholds: Threshold per class name; empty if classes are exclusive.
        images: Pictures: ``found``, ``predicted``, ``refused``.
        classes: Pictures and pixels per class; where classes overlap, a pixel counts for each.
        overlapped_pixels: Pixels of more than one class.
        problems: Pictures that were refused, and why.
        notes: What else is to be known, one sentence each.
        seconds: Duration, without loading the model.
    """

    schema: int = SCHEMA_VERSION
    out: str
    model: str
    runtime: str
    precision: str
    thresholds: dict[str, float] = {}
    images: dict[str, int] = msgspec.field(
        default_factory=lambda: dict.fromkeys(("found", "predicted", "refused"), 0)
    )
    classes: list[ClassCount] = []
    overlapped_pixels: int = 0
    problems: list[PredictionProblem] = []
    notes: list[str] = []
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0 if all pictures are predicted, else 1."""
        return int(bool(self.problems))
