"""What a search for better options is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from maskforge.choices import Range
from maskforge.training.train_options import TrainOptions

DEFAULT = "default"
"""Stands for all options whose type says what is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneOptions:
    """What a search for better options is told.

    Attributes:
        train: The options of every training, as far as they are not searched; the first training
            has exactly these.
        search: What is searched: ``default`` for the options whose type says what is tried, or
            keys such as ``loss``, ``loss=dice,focal`` or ``learning_rate=0.001..0.01``. A key that
            is named again counts as it is named last.
        time: Seconds that all trainings of the search may take together; None for no limit.
        trials: Number of trainings; None for no limit.
        startup: Trainings, the first among them, from which nothing is concluded yet: what they
            try is random, and none of them is stopped early.
        prune: Whether a training is stopped as soon as its validation score falls behind the median
            of the others at the same epoch.
    """

    train: TrainOptions = field(default_factory=TrainOptions)
    search: tuple[str, ...] = (DEFAULT,)
    time: Annotated[float | None, Range(0, 1e9)] = None
    trials: Annotated[int | None, Range(1, 1_000_000)] = None
    startup: Annotated[int, Range(1, 1_000_000)] = 5
    prune: bool = True
