"""How a trained model is run: what is settled when it is loaded, and what for every image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from maskforge.choices import Precision, Runtime
from maskforge.errors import OptionError

Thresholds: TypeAlias = float | Mapping[str, float]
"""One threshold for all classes, or one for each class that is named."""

Tile: TypeAlias = int | Literal["auto", "whole"]

LARGEST_OVERLAP = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """How a trained model is run; the first two options are settled when it is loaded.

    Attributes:
        runtime: ``keras``, ``onnx`` or ``openvino``; ``auto`` takes the fastest that is installed.
        precision: ``float32`` or ``bfloat16``; ``auto`` is float32: the same mask in every runtime.
            bfloat16 is about twice as fast on a CPU that has it, and changes probabilities by some
            thousandths.
        tile: Side of the tiles in pixels; ``whole`` for the image at once, ``auto`` for tiles from
            about 1.5 megapixels on.
        overlap: Smallest share of a tile that its neighbor covers too, 0 to 0.9.
        tta: Whether to average over the flips and the transpose that the network was trained with,
            or over all where it was trained with none; only squares are transposed.
        thresholds: One for all classes, or by class name, instead of those that were tuned in
            training; sigmoid only.
        batch_size: Tiles that the network sees at once.

    Raises:
        OptionError: If a value cannot be used.
    """

    runtime: Runtime = "auto"
    precision: Precision = "auto"
    tile: Tile = "auto"
    overlap: float = 0.5
    tta: bool = False
    thresholds: Thresholds | None = None
    batch_size: int = 4

    def __post_init__(self) -> None:
        if self.precision == "float16":
            raise OptionError("prediction computes in float32 or bfloat16, not in float16")
        is_side = isinstance(self.tile, int) and not isinstance(self.tile, bool) and self.tile > 0
        if self.tile not in ("auto", "whole") and not is_side:
            raise OptionError(
                f"tile cannot be {self.tile!r}", hint="use auto, whole or a side in pixels"
            )
        if not 0 <= self.overlap <= LARGEST_OVERLAP:
            raise OptionError(f"overlap cannot be {self.overlap}, expected 0 to {LARGEST_OVERLAP}")
        if self.batch_size < 1:
            raise OptionError(f"batch_size cannot be {self.batch_size}, expected 1 or more")
        given = self.thresholds
        for name, value in given.items() if isinstance(given, Mapping) else [("", given)]:
            if value is not None and not 0 <= value <= 1:
                of = f" of {name}" if name else ""
                raise OptionError(f"the threshold{of} cannot be {value}, expected 0 to 1")
