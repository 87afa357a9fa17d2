"""Which images are ranked by what a model doubts, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from maskforge.choices import Compared, Connectivity, Range, check_choices
from maskforge.prediction.model_options import ModelOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class RankOptions:
    """How images are ranked by what a model doubts.

    Attributes:
        model: How the model is run.
        by: What is compared: the networks of a cross-validation (``folds``), a network with itself
            in the ``flips`` that it was trained with, or ``thresholds``; ``auto`` takes the first
            of these that the model has.
        diversity: How much an image loses that looks like one before it, from 0 (nothing) to 1.
        connectivity: 8 if pixels that touch at a corner belong to one region, else 4.
        min_size: Smaller regions, in pixels, are left out.
        most: Number of images that the page shows.
    """

    model: ModelOptions = field(default_factory=ModelOptions)
    by: Compared = "auto"
    diversity: Annotated[float, Range(0, 1)] = 0.5
    connectivity: Connectivity = 8
    min_size: Annotated[int, Range(1, 2**30)] = 4
    most: Annotated[int, Range(0, 1000)] = 40

    def __post_init__(self) -> None:
        check_choices(self)
