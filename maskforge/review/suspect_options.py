"""Which labels are compared with what a model sees, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from maskforge.choices import Connectivity, PartName, Range, check_choices
from maskforge.files import PathLike
from maskforge.prediction.model_options import ModelOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectOptions:
    """Which labels are compared with what a model sees, and how.

    Attributes:
        model: How the model predicts.
        part: Part of its split; ``auto`` takes test, or else validation, which for the model of a
            cross-validation is all images of its folds, each predicted by the network that has not
            learned from it.
        split: Split file; that of the model by default.
        connectivity: 8 if pixels that touch at a corner belong to one region, else 4.
        min_size: Smaller regions, in pixels, are left out.
        tolerance: Distance between outlines that is no error, in pixels.
        most: Number of regions that the page shows.
    """

    model: ModelOptions = field(default_factory=ModelOptions)
    part: PartName = "auto"
    split: PathLike | None = None
    connectivity: Connectivity = 8
    min_size: Annotated[int, Range(1, 2**30)] = 4
    tolerance: Annotated[float, Range(0, 1e6)] = 2.0
    most: Annotated[int, Range(0, 1000)] = 40

    def __post_init__(self) -> None:
        check_choices(self)
