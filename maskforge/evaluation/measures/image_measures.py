"""All that is measured on one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.catalog import measures_of
from maskforge.evaluation.measures.class_regions import ClassRegions
from maskforge.evaluation.measures.counts import Counts, confusion, count
from maskforge.evaluation.measures.freeresponse import THRESHOLDS, count_by_threshold
from maskforge.evaluation.measures.histogram import ProbabilityHistogram
from maskforge.evaluation.measures.imagelevel import image_score
from maskforge.evaluation.measures.lesions import LesionMatcher
from maskforge.evaluation.measures.measure import OutlineMeasure
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.measured import Measured
from maskforge.evaluation.measures.regions import Regions


@dataclass(frozen=True, slots=True, eq=False)
class ImageMeasures:
    """What was measured on one image, for K classes without the background.

    Attributes:
        counts: Pixels, of K + 1 classes.
        matrix: (K + 1, K + 1) confusion matrix; None if pixels have several classes.
        outlines: By name of the measure (K,), NaN where truth or prediction is empty.
        lesions: (K, 4): lesions in the truth, found, predicted, false.
        scores: (K,): how sure it is that the image shows the class: the largest probability, or
            without probabilities the share of pixels.
        by_threshold: (K, T, 4): likewise at every threshold of the free-response curve; None
            without probabilities.
        histogram: Of the probabilities; None if there are none.
    """

    counts: Counts
    matrix: NDArray[np.int64] | None
    outlines: Mapping[str, NDArray[np.float64]]
    lesions: NDArray[np.int64]
    scores: NDArray[np.float64]
    by_threshold: NDArray[np.int64] | None
    histogram: ProbabilityHistogram | None


def measure(
    image: Regions, probabilities: NDArray[Any] | None, options: MeasureOptions
) -> ImageMeasures:
    """Measure one image.

    Args:
        image: Truth and prediction.
        probabilities: (H, W, K) per class without the background, or None.
        options: How.

    Raises:
        ValueError: If the probabilities are of another size or not finite.
    """
    classes = len(image.truth) - 1
    histogram = None
    if probabilities is not None:
        histogram = ProbabilityHistogram(classes)
        histogram.add_planes(probabilities, image.truth[1:], image.valid)
    outlines = {one.name: np.full(classes, np.nan) for one in measures_of(OutlineMeasure)}
    lesions, curves = np.zeros((classes, 4), dtype=np.int64), []
    scores = np.zeros(classes)
    pixels = max(1, int(np.count_nonzero(image.valid)))
    for number in range(classes):
        truth, predicted = image.truth[number + 1], image.predicted[number + 1]
        part = _bounds(truth | predicted)
        if truth.any() and predicted.any():
            regions = ClassRegions(truth[part], predicted[part], options)
            for one in measures_of(OutlineMeasure):
                outlines[one.name][number] = one.formula(regions)
        lesions[number] = _matcher(truth[part], options).match(predicted[part])
        if probabilities is not None:
            sure = np.where(image.valid, probabilities[..., number], 0)
            part = _bounds(truth | (sure >= THRESHOLDS[0]))
            curves.append(count_by_threshold(_matcher(truth[part], options), sure[part]))
        scores[number] = (
            np.count_nonzero(predicted) / pixels
            if probabilities is None
            else image_score(probabilities[..., number], image.valid, options.top_pixels)
        )
    return ImageMeasures(
        counts=count(image),
        matrix=confusion(image) if image.exclusive else None,
        outlines=outlines,
        lesions=lesions,
        scores=scores,
        by_threshold=None if probabilities is None else np.array(curves),
        histogram=histogram,
    )


def stack(images: Sequence[ImageMeasures]) -> Measured:
    """Return the measures of images as arrays; there must be at least one image."""
    return Measured(
        cells=np.stack([one.counts.cells for one in images]),
        totals=np.array(
            [(one.counts.right, one.counts.valid, one.counts.background) for one in images]
        ),
        outlines={
            name: np.stack([one.outlines[name] for one in images]) for name in images[0].outlines
        },
        lesions=np.stack([one.lesions for one in images]),
        scores=np.stack([one.scores for one in images]),
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
