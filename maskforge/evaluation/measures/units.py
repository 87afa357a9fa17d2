"""Teeth, not pixels, told apart: is there a lesion in a unit, such as a tooth, a surface or a cell?

A unit is a part of an image. ``UnitMap`` says which pixel belongs to which: make one of the
connected regions of a class with ``regions_as_units``, or of an instance map with
``instances_as_units``. Two steps lead to figures; nothing here reads files:

1. One image. ``hits(units, lesions, ...)`` tells for every unit whether a lesion lies in it, for
   any plane of lesions: a truth, a prediction, what one of several people drew. Raters are
   compared unit by unit by calling it once for each with the same ``UnitMap``.
   ``unit_scores(units, probabilities, ...)`` tells how sure a prediction is of each.
2. Many images. A ``UnitTable`` has a row for every unit, with the number of its image.
   ``unit_statistics(table, weights)`` gives all ``UNIT_MEASURES`` for weights of the images, such
   as those of ``bootstrap.resampled_weights``, which draws them by patient. ``table.per_image``
   counts units of any kind by image, from which other figures can be resampled likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maskforge.choices import Connectivity
from maskforge.evaluation.measures.imagelevel import auc, image_score
from maskforge.evaluation.measures.lesions import components
from maskforge.evaluation.measures.measure import Measure, Values
from maskforge.evaluation.measures.ratios import divide
from maskforge.evaluation.measures.scores import precision, recall, specificity

LEAST_PIXELS = 10
"""Of a lesion in a unit, by default: fewer are mostly the rim of a lesion of the next tooth."""

_SAMPLES_AT_A_TIME = 64


@dataclass(frozen=True, slots=True, eq=False)
class UnitMap:
    """Which pixels of an image belong to which unit.

    Attributes:
        numbers: (H, W) int32: 0 where there is no unit, else 1 for the first, ...
        names: The name of unit 1, 2, ..., such as the FDI number of a tooth; empty if it has none.
    """

    numbers: NDArray[np.int32]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def covered(self) -> NDArray[np.bool_]:
        """(H, W) where there is a unit."""
        return self.numbers > 0

    def within(self, valid: NDArray[np.bool_], least: int = 1) -> UnitMap:
        """Return the units as far as pixels are valid, without those of which too little is left.

        Args:
            valid: (H, W) bool.
            least: Number of pixels that a unit must have left.
        """
        numbers = np.where(valid, self.numbers, 0)
        sizes = np.bincount(numbers.ravel(), minlength=len(self) + 1)
        kept = np.flatnonzero(sizes[1:] >= least) + 1
        new = np.zeros(len(self) + 1, dtype=np.int32)
        new[kept] = np.arange(1, len(kept) + 1)
        return UnitMap(new[numbers], tuple(self.names[one - 1] for one in kept))


def regions_as_units(region: NDArray[np.bool_], connectivity: Connectivity = 8) -> UnitMap:
    """Return the connected regions of a plane (H, W) as units without names."""
    numbers, sizes = components(region, connectivity)
    return UnitMap(numbers, ("",) * (len(sizes) - 1))


def instances_as_units(instances: NDArray[Any], wanted: Mapping[int, str]) -> UnitMap:
    """Return the units of an instance map.

    Args:
        instances: (H, W) whole numbers.
        wanted: The instances that count, with what they are called. Instances of one name are one
            unit: enamel and dentine of tooth 36, for example. One without name is its own unit.

    Returns:
        The units, in the order of ``wanted``, without those that have no pixel.
    """
    names: dict[object, int] = {}
    numbers = np.zeros(max(wanted, default=0) + 1, dtype=np.int32)
    for instance, name in wanted.items():
        numbers[instance] = names.setdefault(name or (instance,), len(names) + 1)
    called = tuple(name if isinstance(name, str) else "" for name in names)
    # Whatever else a file holds, however large, is none of them.
    drawn = UnitMap(numbers[np.where(instances < len(numbers), instances, 0)], called)
    return drawn.within(drawn.covered)


def hits(
    units: UnitMap,
    lesions: NDArray[np.bool_],
    least: int = LEAST_PIXELS,
    connectivity: Connectivity = 8,
) -> NDArray[np.bool_]:
    """Return which units are positive: a lesion has at least so many pixels in them.

    A lesion is a connected region. One that lies in two units counts in each by the pixels inside.

    Args:
        units: The units of an image.
        lesions: (H, W) bool.
        least: Number of pixels.
        connectivity: 8 if pixels that touch at a corner are connected, else 4.

    Returns:
        (U,) bool.
    """
    return holding(units, counted_lesions(units, lesions, least, connectivity))


def holding(units: UnitMap, pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which units (U,) hold any of some pixels (H, W)."""
    found = np.zeros(len(units) + 1, dtype=np.bool_)
    found[units.numbers[pixels]] = True
    return found[1:]


def counted_lesions(
    units: UnitMap,
    lesions: NDArray[np.bool_],
    least: int = LEAST_PIXELS,
    connectivity: Connectivity = 8,
) -> NDArray[np.bool_]:
    """Return the pixels (H, W) that make their units positive; arguments as of ``hits``."""
    regions, sizes = components(lesions, connectivity)
    inside = units.covered & lesions
    pairs = units.numbers[inside].astype(np.int64) * len(sizes) + regions[inside]
    _, which, pixels = np.unique(pairs, return_inverse=True, return_counts=True)
    counted = np.zeros_like(inside)
    counted[inside] = (pixels >= least)[which]
    return counted


def unit_scores(
    units: UnitMap, probabilities: NDArray[Any], top_pixels: int = 1
) -> NDArray[np.float64]:
    """Return how sure a prediction is that there is a lesion in each unit.

    Args:
        units: The units of an image.
        probabilities: (H, W) of a lesion.
        top_pixels: The score is the mean of as many of the largest probabilities.

    Returns:
        (U,).
    """
    parts = ndimage.find_objects(units.numbers, max_label=len(units))
    scores = [
        image_score(probabilities[part], units.numbers[part] == number, top_pixels)
        for number, part in enumerate(parts, 1)
    ]
    return np.array(scores, dtype=np.float64)


def outside(
    units: UnitMap, lesions: NDArray[np.bool_], connectivity: Connectivity = 8
) -> tuple[int, int]:
    """Return how many pixels of lesions lie in no unit, and how many lesions lie there whole."""
    regions, sizes = components(lesions, connectivity)
    touched = np.unique(regions[units.covered & lesions])
    pixels = int(np.count_nonzero(lesions & ~units.covered))
    return pixels, len(sizes) - 1 - len(touched)


@dataclass(frozen=True, slots=True, eq=False)
class UnitTable:
    """The units of many images.

    Attributes:
        images: (U,) number of the image of every unit, from 0.
        truth: (U,) bool: whether there is a lesion.
        predicted: (U,) bool: whether one was predicted.
        scores: (U,) how sure the prediction is; NaN without probabilities.
    """

    images: NDArray[np.int64]
    truth: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    scores: NDArray[np.float64]

    def per_image(self, kinds: Sequence[NDArray[np.bool_]], images: int) -> NDArray[np.float64]:
        """Return (N, K): of K kinds (U,) of units, how many each of N images has."""
        counts = [np.bincount(self.images[one], minlength=images) for one in kinds]
        return np.stack(counts, axis=-1).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class UnitSample:
    """B data sets, each of which has every image, with all its units, so many times.

    Attributes:
        table: The units.
        weights: (B, N): how often each image is in each data set.
        cells: (B, 4) units: TP, FP, FN, TN.
    """

    table: UnitTable
    weights: NDArray[np.float64]
    cells: NDArray[np.float64]


class UnitMeasure(Measure):
    """A measure of units; the formula takes a ``UnitSample`` and gives (B,)."""

    __slots__ = ()
    counted = section = "units"


def cells_of(table: UnitTable, weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return (B, 4): TP, FP, FN, TN of the units for weights (B, N) of the images."""
    truth, predicted = table.truth, table.predicted
    kinds = (truth & predicted, ~truth & predicted, truth & ~predicted, ~(truth | predicted))
    cells: NDArray[np.float64] = weights @ table.per_image(kinds, weights.shape[1])
    return cells


def unit_statistics(
    table: UnitTable,
    weights: NDArray[Any],
    measures: Sequence[UnitMeasure] | None = None,
) -> dict[str, Values]:
    """Return every measure of units for data sets made of the images.

    Args:
        table: The units of N images.
        weights: (B, N): how often each image is in each data set.
        measures: Which; all if None.

    Returns:
        By name (B,), NaN where undefined.
    """
    chosen = UNIT_MEASURES if measures is None else measures
    parts: dict[str, list[Values]] = {one.name: [] for one in chosen}
    for start in range(0, len(weights), _SAMPLES_AT_A_TIME):
        counted = weights[start : start + _SAMPLES_AT_A_TIME].astype(np.float64)
        sample = UnitSample(table, counted, cells_of(table, counted))
        for one in chosen:
            parts[one.name].append(np.asarray(one.formula(sample)))
    return {name: np.concatenate(values) for name, values in parts.items()}


def _by_cells(formula: Callable[[NDArray[Any]], Values]) -> Callable[[UnitSample], Values]:
    return lambda sample: formula(sample.cells)


def _negative_value(cells: NDArray[Any]) -> Values:
    return divide(cells[..., 3], cells[..., 3] + cells[..., 2])


def _accuracy(cells: NDArray[Any]) -> Values:
    return divide(cells[..., 0] + cells[..., 3], cells.sum(axis=-1))


def _area(sample: UnitSample) -> Values:
    table = sample.table
    if np.isnan(table.scores).any():
        return np.full(len(sample.weights), np.nan)
    return auc(table.truth, table.scores, sample.weights[:, table.images])


UNIT_MEASURES = (
    UnitMeasure(
        "sensitivity",
        "sensitivity",
        "share of the units with a lesion that are marked",
        _by_cells(recall),
        unit="share",
    ),
    UnitMeasure(
        "specificity",
        "specificity",
        "share of the units without a lesion that are not marked",
        _by_cells(specificity),
        unit="share",
    ),
    UnitMeasure(
        "ppv",
        "PPV",
        "positive predictive value: share of the marked units that have a lesion",
        _by_cells(precision),
        unit="share",
    ),
    UnitMeasure(
        "npv",
        "NPV",
        "negative predictive value: share of the units not marked that have none",
        _by_cells(_negative_value),
        unit="share",
    ),
    UnitMeasure(
        "accuracy",
        "accuracy",
        "share of the units of which it is right whether there is a lesion",
        _by_cells(_accuracy),
        unit="share",
    ),
    UnitMeasure(
        "auc",
        "AUC",
        "area under the ROC curve: the probability that a unit with a lesion has a higher score "
        "than one without",
        _area,
    ),
)
"""In the order of tables."""
