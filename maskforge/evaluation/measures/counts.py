"""Counts of right and wrong pixels per class, exact over any number of images."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Head
from maskforge.evaluation.measures import ratios, scores
from maskforge.evaluation.measures.regions import Regions, regions
from maskforge.masks.classes import ClassMap

_FEW_CLASSES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Pixels of one image or of many.

    Attributes:
        cells: (C, 4) int64: true positive, false positive, false negative and true negative pixels
            of every class, the background first.
        right: Pixels of which every class is right.
        valid: Pixels that are not void.
        background: Pixels without any class in the truth: what is right if nothing is predicted.
    """

    cells: NDArray[np.int64]
    right: int = 0
    valid: int = 0
    background: int = 0

    def __add__(self, other: Self) -> Counts:
        return Counts(
            self.cells + other.cells,
            self.right + other.right,
            self.valid + other.valid,
            self.background + other.background,
        )


def count(image: Regions) -> Counts:
    """Count the pixels of an image."""
    valid = int(np.count_nonzero(image.valid))
    cells = np.zeros((len(image.truth), 4), dtype=np.int64)
    for index, (truth, predicted) in enumerate(zip(image.truth, image.predicted, strict=True)):
        both = np.count_nonzero(truth & predicted)
        false_positive = np.count_nonzero(predicted) - both
        false_negative = np.count_nonzero(truth) - both
        rest = valid - both - false_positive - false_negative
        cells[index] = both, false_positive, false_negative, rest
    if image.exclusive:
        right = int(cells[:, 0].sum())
    else:
        wrong = (image.truth != image.predicted).any(axis=0)
        right = valid - int(np.count_nonzero(wrong))
    return Counts(cells, right, valid, int(cells[0, 0] + cells[0, 2]))


def confusion(image: Regions) -> NDArray[np.int64]:
    """Return the confusion matrix of an image with exclusive classes.

    Returns:
        (C, C): pixels of the class in the truth (row) by predicted class (column).
    """
    size = len(image.truth)
    if size <= _FEW_CLASSES:  # then comparing planes is many times as fast
        pairs = itertools.product(image.truth, image.predicted)
        found = np.array([np.count_nonzero(one & other) for one, other in pairs])
        return found.reshape(size, size).astype(np.int64)
    truth = image.truth.argmax(axis=0)[image.valid]
    predicted = image.predicted.argmax(axis=0)[image.valid]
    cells = np.bincount(truth * size + predicted, minlength=size * size)
    return cells.reshape(size, size).astype(np.int64)


class ClassCounts:
    """Dice and IoU per class of many images: sums of pixels, not means of images or batches.

    ``add`` takes the targets of ``maskforge.examples`` and predictions of the same form. Scores
    that are not defined, because a class is neither in the truth nor in the prediction, are None,
    and no part of a mean.
    """

    def __init__(self, classes: ClassMap, head: Head) -> None:
        """Begin with no image."""
        self._classes = classes
        self._head = head
        self.counts = Counts(np.zeros((len(classes.ids), 4), dtype=np.int64))

    def add(self, truth: NDArray[Any], prediction: NDArray[Any]) -> None:
        """Count an image.

        Args:
            truth: Softmax (H, W) channel index; sigmoid (H, W, K) of 0 and 1; 255 is void.
            prediction: Of the same form.

        Raises:
            ValueError: If the shapes do not belong together.
        """
        self.counts = self.counts + count(regions(truth, prediction, self._classes, self._head))

    def dice(self) -> Mapping[str, float | None]:
        """Return Dice per class name, the background's among them."""
        return self._named(scores.dice(self.counts.cells))

    def iou(self) -> Mapping[str, float | None]:
        """Return IoU per class name, the background's among them."""
        return self._named(scores.iou(self.counts.cells))

    def mean_dice(self) -> float | None:
        """Return the mean Dice over the classes without the background; None if undefined."""
        return self._mean(scores.dice(self.counts.cells))

    def mean_iou(self) -> float | None:
        """Return the mean IoU over the classes without the background; None if undefined."""
        return self._mean(scores.iou(self.counts.cells))

    def accuracy(self) -> float | None:
        """Return the share of the pixels of which every class is right."""
        return ratios.share(self.counts.right, self.counts.valid)

    def background_accuracy(self) -> float | None:
        """Return the accuracy of a prediction without any foreground."""
        return ratios.share(self.counts.background, self.counts.valid)

    def _named(self, values: NDArray[np.float64]) -> dict[str, float | None]:
        names = self._classes.names
        pairs = zip(self._classes.ids, values, strict=True)
        return {names[id_]: ratios.defined(value) for id_, value in pairs}

    def _mean(self, values: NDArray[np.float64]) -> float | None:
        return ratios.defined(ratios.mean(values[1:]))
