"""Measuring one image: what any process can do for the one that adds up."""

from __future__ import annotations

from dataclasses import dataclass

from maskforge.errors import DatasetError, MaskforgeError
from maskforge.evaluation.measures.image_measures import ImageMeasures, measure
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.predictions import Sides
from maskforge.examples.example import Example
from maskforge.issues import Origin
from maskforge.prediction.model_source import NotLoadedError


@dataclass(frozen=True, slots=True)
class MeasureTask:
    """An image that is to be measured.

    Attributes:
        example: Its truth.
        sides: Where truth and prediction are.
        options: How it is measured.
    """

    example: Example
    sides: Sides
    options: MeasureOptions


@dataclass(frozen=True, slots=True)
class MeasuredImage:
    """What became of it.

    Attributes:
        measures: What was measured.
        has_void: Whether the prediction is void where the truth is not.
    """

    measures: ImageMeasures
    has_void: bool


def measure_image(task: MeasureTask) -> MeasuredImage | MaskforgeError:
    """Measure an image, or say why that cannot be done.

    Raises:
        NotLoadedError: If another machine cannot use the model.
    """
    try:
        image, predicted = task.sides.regions(task.example)
        has_void = bool((predicted.planes.void & image.valid).any())
        return MeasuredImage(measure(image, predicted.probabilities, task.options), has_void)
    except NotLoadedError:
        raise
    except MaskforgeError as error:
        return error
    except ValueError as error:
        return DatasetError(str(error), origin=Origin(task.example.mask, ""))
