"""All that is measured on one image that comes in bands of rows; see ``image_measures``."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from maskforge.evaluation.measures.band_lesions import BandLesions
from maskforge.evaluation.measures.band_outlines import BandBorder, BandRegions
from maskforge.evaluation.measures.catalog import measures_of
from maskforge.evaluation.measures.counts import Counts, confusion, count
from maskforge.evaluation.measures.image_measures import ImageMeasures
from maskforge.evaluation.measures.measure import OutlineMeasure
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.measured import Measured
from maskforge.evaluation.measures.millimeters import MILLIMETERS
from maskforge.evaluation.measures.regions import Regions


class _BandClass:
    """What is known of a class so far."""

    def __init__(self, options: MeasureOptions) -> None:
        self.lesions = BandLesions(options)
        self.borders = BandBorder(), BandBorder()


def measure_bands(bands: Iterable[Regions], options: MeasureOptions) -> ImageMeasures:
    """Measure one image without probabilities; the numbers are those of ``measure``.

    Held at one time are a band, the border pixels, and the numbers of connected regions.

    Args:
        bands: Truth and prediction from top to bottom, of one width, at least one.
        options: How.
    """
    counts: Counts | None = None
    classes: list[_BandClass] = []
    matrix = np.zeros((0, 0), np.int64)
    is_exclusive = True
    for band in bands:
        if counts is None:
            classes = [_BandClass(options) for _ in band.truth[1:]]
            matrix = np.zeros((len(band.truth), len(band.truth)), np.int64)
        found = count(band)
        counts = found if counts is None else counts + found
        is_exclusive &= band.exclusive
        if is_exclusive:
            matrix += confusion(band)
        void = band.void
        planes = zip(band.truth[1:], band.predicted[1:], band.marked, strict=True)
        for one, (truth, predicted, marked) in zip(classes, planes, strict=True):
            one.lesions.add(truth, marked, void)
            for outline, region in zip(one.borders, (truth, predicted), strict=True):
                outline.add(region)
    assert counts is not None
    names = (*(one.name for one in measures_of(OutlineMeasure)), *MILLIMETERS)
    outlines = {name: np.full((1, len(classes)), np.nan) for name in names}
    for number, one in enumerate(classes):
        first, second = (border.points() for border in one.borders)
        if len(first) and len(second):
            regions = BandRegions(first, second, options)
            for measure in measures_of(OutlineMeasure):
                outlines[measure.name][0, number] = measure.formula(regions)
    found_pixels = counts.cells[1:, :2].sum(axis=1)  # true and false positive
    return ImageMeasures(
        row=Measured(
            counts.cells[None],
            np.array([[counts.right, counts.valid, counts.background]]),
            outlines,
            np.array([[one.lesions.matched() for one in classes]], np.int64).reshape(1, -1, 4),
            (found_pixels / max(1, counts.valid))[None],
            np.full((1, len(classes)), np.nan),
        ),
        matrix=matrix if is_exclusive else None,
        by_threshold=None,
        histogram=None,
    )
