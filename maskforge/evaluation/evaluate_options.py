"""How predictions are evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from maskforge.choices import Partial, PartName, Range, Unfinished, check_choices
from maskforge.errors import OptionError
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.units.unit_options import UnitOptions, check_unit_options
from maskforge.files import PathLike
from maskforge.masks.classes import ClassMap
from maskforge.prediction.model_options import ModelOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """How predictions are evaluated.

    Attributes:
        measure: How images are measured.
        per_unit: Which units, such as teeth, are told apart, and where they come from.
        model: How a model predicts.
        bootstrap: Resampled data sets for the intervals; 0 for no intervals.
        seed: Of the resampling.
        group_column: Column of the truth by whose values there are tables; ``group`` for the
            groups of the examples.
        split: Split file; that of the model by default.
        part: Part of the split; ``auto`` takes test, or else validation.
        worst: Number of worst images that are drawn; with 0, no image is.
        charts: Whether confusion matrix, ROC curve and calibration are drawn, too.
        classes: Class map of masks that have none beside them.
        mask_values: Value in the predicted masks to class name, ``background`` or ``void``.
        partial: What becomes of images whose mask lacks something that somebody drew: ``skip``
            leaves them out, ``use`` takes them as they are, ``error`` refuses the set.
        unfinished: Whether data sets whose run has not finished are refused, or used as far as they
            are there.
        workers: Processes that measure; None for one for each core, if there are many images. A
            network stays in this process. What [`ConvertOptions`][maskforge.ConvertOptions] says of
            workers holds here, too.
        dask: Address of the scheduler of a Dask cluster that measures, and predicts if there is a
            model, such as ``tcp://10.0.0.1:8786``; empty for this machine.
    """

    measure: MeasureOptions = field(default_factory=MeasureOptions)
    per_unit: UnitOptions = field(default_factory=UnitOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    bootstrap: Annotated[int, Range(0, 1_000_000)] = 1000
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    group_column: str | None = None
    split: PathLike | None = None
    part: PartName = "auto"
    worst: Annotated[int, Range(0, 1_000_000)] = 12
    charts: bool = True
    classes: ClassMap | None = None
    mask_values: Mapping[str, str] = field(default_factory=dict)
    partial: Partial = "skip"
    unfinished: Unfinished = "error"
    workers: Annotated[int | None, Range(1, 1024)] = 1
    dask: str = ""


def check_options(options: EvaluateOptions) -> None:
    """Check what can be checked before any data set is opened.

    Raises:
        OptionError: If an option cannot be used.
    """
    check_choices(options)
    check_unit_options(options.per_unit)
    if options.split is not None and not Path(options.split).is_file():
        raise OptionError(f"the split file {options.split} does not exist")
