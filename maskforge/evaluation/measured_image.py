"""Measuring one image: what any process can do for the one that adds up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import DatasetError, MaskforgeError
from maskforge.evaluation.measures.band_measures import measure_bands
from maskforge.evaluation.measures.image_measures import ImageMeasures, measure
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.measured import Measured
from maskforge.evaluation.measures.regions import Planes, Regions, compose
from maskforge.evaluation.measures.unit_rows import UnitRows
from maskforge.evaluation.predictions import Sides, check_size
from maskforge.evaluation.units.measured_units import measure_units
from maskforge.evaluation.units.rated_units import rate_units
from maskforge.evaluation.units.unit_source import UnitSource
from maskforge.examples.example import Example
from maskforge.images.containers.base import Window
from maskforge.issues import Origin
from maskforge.prediction.model_source import NotLoadedError

_PIXELS_AT_A_TIME = 2**22


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
        pairs: Every two raters, in the order of ``combinations``; empty if there are none, or one
            of them has no mask of the image.
        ratings: (U, K, A) where each rater marked a lesion in its units; None without units.
    """

    measures: ImageMeasures
    has_void: bool
    units: UnitRows | None = None
    pairs: tuple[Measured, ...] = ()
    ratings: NDArray[np.bool_] | None = None


def measure_image(task: MeasureTask) -> MeasuredImage | MaskforgeError:
    """Measure an image, or say why that cannot be done.

    Raises:
        NotLoadedError: If another machine cannot use the model.
    """
    example, raters = task.example, task.sides.raters
    try:
        if windows := _bands(task):
            return _measured_in_bands(task, windows)
        truth, predicted = task.sides.read(example)
        rated: tuple[Planes, ...] = ()
        if raters is not None and example.name in raters.images:
            rated = raters.planes(example, truth, predicted.planes)
        check_size(example, truth, predicted.planes)
        image = compose(truth, predicted.planes)
        measures = measure(image, predicted.probabilities, task.options, example.spacing)
        pairs = list(side_by_side(rated))
        # Without void of anybody else, the first pair is measured already.
        known = bool(pairs) and _is_same(pairs[0], image)
        rows = [measure(one, None, task.options).row for one in pairs[known:]]
        has_void = bool((predicted.planes.void & image.valid).any())
        units = ratings = None
        if task.units is not None:
            if rated:
                connectivity = task.options.connectivity
                ratings = rate_units(task.units, example, truth, rated, connectivity)
            units = measure_units(task.units, example, image, predicted.probabilities, task.options)
        return MeasuredImage(measures, has_void, units, (*[measures.row][:known], *rows), ratings)
    except NotLoadedError:
        raise
    except MaskforgeError as error:
        return error
    except ValueError as error:
        return DatasetError(str(error), origin=Origin(task.example.mask, ""))


def _bands(task: MeasureTask) -> list[Window]:
    """Return the bands in which an image is measured; none if something needs it as a whole."""
    example, raters = task.example, task.sides.raters
    is_rated = raters is not None and example.name in raters.images
    if task.units is not None or is_rated or example.spacing is not None:
        return []
    return task.sides.bands(example)


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


def side_by_side(rated: Sequence[Planes]) -> Iterator[Regions]:
    """Yield every two raters side by side; what is void for anybody counts for nobody.

    Args:
        rated: What each has marked, in one size.
    """
    void = np.logical_or.reduce([one.void for one in rated]) if rated else None
    for first, second in combinations(rated, 2):
        assert void is not None
        yield compose(Planes(first.planes, void), Planes(second.planes, void))


def _is_same(pair: Regions, image: Regions) -> bool:
    return len(pair.truth) == len(image.truth) and np.array_equal(pair.valid, image.valid)
