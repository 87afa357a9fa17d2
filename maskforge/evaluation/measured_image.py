"""Measuring one image: what any process can do for the one that adds up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from maskforge.errors import DatasetError, MaskforgeError
from maskforge.evaluation.measures.band_measures import measure_bands
from maskforge.evaluation.measures.image_measures import ImageMeasures, measure
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.regions import Regions
from maskforge.evaluation.predictions import Sides
from maskforge.examples.example import Example
from maskforge.images.containers.base import Window
from maskforge.issues import Origin

_PIXELS_AT_A_TIME = 2**22


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
    """Measure an image, or say why that cannot be done."""
    try:
        if windows := task.sides.bands(task.example):
            return _measured_in_bands(task, windows)
        image, predicted = task.sides.regions(task.example)
        has_void = bool((predicted.planes.void & image.valid).any())
        return MeasuredImage(measure(image, predicted.probabilities, task.options), has_void)
    except MaskforgeError as error:
        return error
    except ValueError as error:
        return DatasetError(str(error), origin=Origin(task.example.mask, ""))


def _measured_in_bands(task: MeasureTask, windows: Sequence[Window]) -> MeasuredImage:
    has_void = False

    def bands() -> Iterator[Regions]:
        nonlocal has_void
        for window in windows:
            rows = max(1, _PIXELS_AT_A_TIME // window.width)
            image, predicted = task.sides.regions(task.example, window)
            has_void |= bool((predicted.planes.void & image.valid).any())
            yield from (image.rows(top, top + rows) for top in range(0, window.height, rows))

    return MeasuredImage(measure_bands(bands(), task.options), has_void)
