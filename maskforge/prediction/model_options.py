"""How a trained model is run: what is settled when it is loaded, and what for every image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from maskforge.choices import (
    FoldWeights,
    ModelPrecision,
    Range,
    Runtime,
    UsedPostProcessing,
    check_choices,
)

Thresholds: TypeAlias = float | Mapping[str, float]
"""One threshold for all classes, or one for each class that is named."""

Tile: TypeAlias = int | Literal["auto", "whole"]

LARGEST_OVERLAP = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """How a trained model is run; the first three options are settled when it is loaded.

    Attributes:
        runtime: ``keras``, ``onnx`` or ``openvino``; ``auto`` takes the fastest that is installed.
        precision: ``float32`` gives the same mask in every runtime, ``bfloat16`` is about twice as
            fast on a CPU that has it, ``int8`` needs a model that was exported so. ``auto`` takes
            bfloat16 in OpenVINO where the CPU has it and the training found that the masks of its
            validation images stay the same, to a Dice of 0.99 in every class; else float32.
        fold_weights: How much the network of each fold counts in the mean, for the model of a
            cross-validation: ``equal``, or ``validation`` for its mean Dice on the validation
            examples of its fold.
        tile: Side of the tiles in pixels; ``whole`` for the image at once, ``auto`` for tiles from
            about 1.5 megapixels on.
        overlap: Smallest share of a tile that its neighbor covers too, 0 to 0.9.
        tta: Whether to average over the flips and the transpose that the network was trained with,
            or over all where it was trained with none; only squares are transposed.
        thresholds: One for all classes, or by class name, instead of those that were tuned in
            training; sigmoid only.
        post_processing: ``stored`` does to the regions of the mask what was chosen in training;
            ``none`` leaves them as they are decided.
        batch_size: Tiles that the network sees at once.

    Raises:
        OptionError: If a value cannot be used.
    """

    runtime: Runtime = "auto"
    precision: ModelPrecision = "auto"
    fold_weights: FoldWeights = "equal"
    tile: Annotated[Tile, Range(1, 2**20)] = "auto"
    overlap: Annotated[float, Range(0, LARGEST_OVERLAP)] = 0.5
    tta: bool = False
    thresholds: Annotated[Thresholds | None, Range(0, 1)] = None
    post_processing: UsedPostProcessing = "stored"
    batch_size: Annotated[int, Range(1, 65_536)] = 4

    def __post_init__(self) -> None:
        check_choices(self)
