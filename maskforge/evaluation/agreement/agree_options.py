"""How annotators are compared, and what becomes of their masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from maskforge.choices import (
    Consensus,
    Partial,
    Range,
    Unfinished,
    VoidWhere,
)
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.units.unit_options import UnitOptions
from maskforge.masks.classes import ClassMap


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreeOptions:
    """How annotators are compared, and how a consensus is made of their masks.

    Attributes:
        measure: How images are measured.
        per_unit: Units, such as teeth, on which kappa is, and where they come from; without, it is
            on images.
        bootstrap: Resampled data sets for the intervals; 0 for no intervals.
        seed: Of the resampling.
        group_column: Column of the first annotator's data set that names the group, such as the
            patient; groups are resampled as a whole.
        group_pattern: Regular expression over the name of the image; its first group, or the whole
            match, names the group.
        worst: Number of images that are drawn, those first on which they differ most.
        method: How the consensus is made. ``majority``: the class that most have marked, pixel by
            pixel. ``staple``: STAPLE estimates from each image how reliable everybody is, and
            weights what they marked; it needs SimpleITK.
        void_where: Which pixels of the consensus are void. ``tie``: where neither class has the
            majority, or neither is the likelier one; ``disagree``: wherever two have marked
            different classes.
        classes: Class map of masks that have none beside them.
        mask_values: Value in the masks to class name, ``background`` or ``void``.
        partial: What becomes of images whose mask lacks something that somebody drew: ``skip``
            leaves them out, ``use`` takes them as they are, ``error`` refuses the set.
        unfinished: Whether data sets whose run has not finished are refused, or used as far as they
            are there.
        workers: Processes that measure; None for one for each core, if there are many images. What
            [`ConvertOptions`][maskforge.ConvertOptions] says of workers holds here, too.
    """

    measure: MeasureOptions = field(default_factory=MeasureOptions)
    per_unit: UnitOptions = field(default_factory=UnitOptions)
    bootstrap: Annotated[int, Range(0, 1_000_000)] = 1000
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    group_column: str | None = None
    group_pattern: str | None = None
    worst: Annotated[int, Range(0, 1_000_000)] = 12
    method: Consensus = "majority"
    void_where: VoidWhere = "tie"
    classes: ClassMap | None = None
    mask_values: Mapping[str, str] = field(default_factory=dict)
    partial: Partial = "skip"
    unfinished: Unfinished = "error"
    workers: Annotated[int | None, Range(1, 1024)] = 1
