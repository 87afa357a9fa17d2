"""Measuring one image: what any process can do for the one that adds up."""

from __future__ import annotations

from dataclasses import dataclass

from maskforge.errors import DatasetError, MaskforgeError
from maskforge.evaluation.measures.image_measures import ImageMeasures, measure
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.unit_rows import UnitRows
from maskforge.evaluation.predictions import Sides
from maskforge.evaluation.units.measured_units import measure_units
from maskforge.evaluation.units.unit_source import UnitSource
from maskforge.examples.example import Example
from maskforge.issues import Origin


@dataclass(frozen=True, slots=True)
class MeasureTask:
    """An image that is to be measured.

    Attributes:
        example: Its truth.
        sides: Where truth and prediction are.
        options: How it is measured.
        units: Its units; None if nobody asked.
    """

    example: Example
    sides: Sides
    options: MeasureOptions
    units: UnitSource | None = None


@dataclass(frozen=True, slots=True)
class MeasuredImage:
    """What became of it.

    Attributes:
        measures: What was measured.
        has_void: Whether the prediction is void where the truth is not.
        units: What lies in its units; None if nothing is known of them.
    """

    measures: ImageMeasures
    has_void: bool
    units: UnitRows | None = None


def measure_image(task: MeasureTask) -> MeasuredImage | MaskforgeError:
    """Measure an image, or say why that cannot be done."""
    try:
        image, predicted = task.sides.regions(task.example)
        has_void = bool((predicted.planes.void & image.valid).any())
        measures = measure(image, predicted.probabilities, task.options)
        units = None
        if task.units is not None:
            units = measure_units(
                task.units, task.example, image, predicted.probabilities, task.options
            )
        return MeasuredImage(measures, has_void, units)
    except MaskforgeError as error:
        return error
    except ValueError as error:
        return DatasetError(str(error), origin=Origin(task.example.mask, ""))
