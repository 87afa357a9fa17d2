"""All that is measured on one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.catalog import measures_of
from maskforge.evaluation.measures.counts import confusion, count
from maskforge.evaluation.measures.freeresponse import THRESHOLDS, count_by_threshold
from maskforge.evaluation.measures.histogram import ProbabilityHistogram
from maskforge.evaluation.measures.imagelevel import image_score
from maskforge.evaluation.measures.lesions import LesionMatcher
from maskforge.evaluation.measures.measure import OutlineMeasure
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.measured import Measured
from maskforge.evaluation.measures.millimeters import MILLIMETERS, in_millimeters
from maskforge.evaluation.measures.outlines import ClassRegions
from maskforge.evaluation.measures.regions import Regions
from maskforge.evaluation.measures.uncertainty import uncertainty
from maskforge.shapes import Spacing


@dataclass(frozen=True, slots=True, eq=False)
class ImageMeasures:
    """What was measured on one image, for K classes without the background.

    Attributes:
        row: What there is of every image, with N = 1.
        matrix: (K + 1, K + 1) confusion matrix; None if pixels have several classes.
        by_threshold: (K, T, 4): lesions at every threshold of the free-response curve; None
            without probabilities.
        histogram: Of the probabilities; None if there are none.
    """

    row: Measured
    matrix: NDArray[np.int64] | None
    by_threshold: NDArray[np.int64] | None
    histogram: ProbabilityHistogram | None


def measure(
    image: Regions,
    probabilities: NDArray[Any] | None,
    options: MeasureOptions,
    spacing: Spacing | None = None,
) -> ImageMeasures:
    """Measure one image.

    Args:
        image: Truth and prediction.
        probabilities: (H, W, K) per class without the background, or None.
        options: How.
        spacing: Size of a pixel in millimeters, if it is known.

    Raises:
        ValueError: If the probabilities are of another size or not finite.
    """
    classes = len(image.truth) - 1
    histogram = None
    if probabilities is not None:
        histogram = ProbabilityHistogram(classes)
        histogram.add_planes(probabilities, image.truth[1:], image.valid)
    outlines = {one.name: np.full((1, classes), np.nan) for one in measures_of(OutlineMeasure)}
    outlines |= {name: np.full((1, classes), np.nan) for name in MILLIMETERS}
    lesions, curves = np.zeros((1, classes, 4), dtype=np.int64), []
    scores, doubts = np.zeros((1, classes)), np.full((1, classes), np.nan)
    pixels, void = max(1, int(np.count_nonzero(image.valid))), image.void
    for number in range(classes):
        truth, predicted = image.truth[number + 1], image.predicted[number + 1]
        part = _bounds(truth | predicted)
        if truth.any() and predicted.any():
            regions = ClassRegions(truth[part], predicted[part], options)
            for one in measures_of(OutlineMeasure):
                outlines[one.name][0, number] = one.formula(regions)
        if spacing is not None:
            for name, value in in_millimeters(truth[part], predicted[part], spacing).items():
                outlines[name][0, number] = value
        marked = image.marked[number]
        part = _bounds(truth | marked)
        unknown = None if void is None else void[part]
        lesions[0, number] = _matcher(truth[part], options).match(marked[part], unknown)
        if probabilities is not None:
            likely = probabilities[..., number]
            sure = np.where(image.valid, likely, 0)
            doubts[0, number] = uncertainty(sure, image.valid, options.connectivity)
            part = _bounds(truth | (likely >= THRESHOLDS[0]))
            unknown = None if void is None else void[part]
            matcher = _matcher(truth[part], options)
            curves.append(count_by_threshold(matcher, likely[part], unknown))
        scores[0, number] = (
            np.count_nonzero(predicted) / pixels
            if probabilities is None
            else image_score(probabilities[..., number], image.valid, options.top_pixels)
        )
    counts = count(image)
    totals = np.array([[counts.right, counts.valid, counts.background]])
    return ImageMeasures(
        row=Measured(counts.cells[None], totals, outlines, lesions, scores, doubts),
        matrix=confusion(image) if image.exclusive else None,
        by_threshold=None if probabilities is None else np.array(curves),
        histogram=histogram,
    )


def _matcher(truth: NDArray[np.bool_], options: MeasureOptions) -> LesionMatcher:
    return LesionMatcher(
        truth,
        connectivity=options.connectivity,
        match_iou=options.match_iou,
        min_size=options.min_size,
    )


def _bounds(region: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and columns of a region; a single pixel if it is empty."""
    rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 1), slice(0, 1)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
