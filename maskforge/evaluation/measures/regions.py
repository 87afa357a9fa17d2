"""Truth and prediction of one image in one form, whatever the masks held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Head
from maskforge.masks.classes import VOID, ClassMap


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """What a mask holds, class by class.

    Attributes:
        planes: (K, H, W) bool, a plane for every class but the background. Planes overlap where a
            pixel has several classes.
        void: (H, W) bool: pixels that say nothing.
    """

    planes: NDArray[np.bool_]
    void: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Where every class is in the truth, and where it was predicted.

    Void pixels belong to nothing: they are False in both stacks.

    Attributes:
        truth: (C, H, W) bool: first a plane for the background, where there is no class, then one
            for every class in rising order of the ids.
        predicted: Likewise.
        marked: (K, H, W) bool: where every class but the background was predicted, also where the
            truth is void.
        valid: (H, W) bool: False where the truth is void.
        exclusive: Whether no pixel has several classes.
    """

    truth: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    marked: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    exclusive: bool

    @property
    def void(self) -> NDArray[np.bool_] | None:
        """(H, W) bool: where the truth is void; None if nowhere."""
        return None if self.valid.all() else ~self.valid

    def rows(self, start: int, stop: int) -> Regions:
        """Return some rows of the image."""
        rows = slice(start, stop)
        truth, predicted, marked = (
            planes[:, rows] for planes in (self.truth, self.predicted, self.marked)
        )
        return Regions(truth, predicted, marked, self.valid[rows], self.exclusive)


def target_planes(target: NDArray[Any], head: Head, classes: int) -> Planes:
    """Return the planes of a target of a network, or of a prediction in that form.

    Args:
        target: For softmax (H, W) with the rank of the class among all, the background's being 0;
            for sigmoid (H, W, K) of 0 and 1 with a channel for every class but the background. A
            pixel that is 255, in whichever channel, is void.
        head: The form.
        classes: Number of classes without the background.

    Raises:
        ValueError: If the shape does not belong to the head.
    """
    channels = () if head == "softmax" else (classes,)
    if target.ndim != 2 + len(channels) or target.shape[2:] != channels:
        raise ValueError(f"a target for {head} cannot have the shape {target.shape}")
    planes = np.empty((classes, *target.shape[:2]), dtype=np.bool_)
    for number in range(classes):
        if head == "softmax":
            np.equal(target, number + 1, out=planes[number])
        else:
            np.equal(target[..., number], 1, out=planes[number])
    void = target == VOID
    return Planes(planes, void if head == "softmax" else void.any(axis=-1))


def pick(planes: Planes, numbers: Sequence[int]) -> Planes:
    """Return some of the planes, in the given order; pixels of the others become background."""
    return Planes(planes.planes[list(numbers)], planes.void)


def compose(truth: Planes, prediction: Planes) -> Regions:
    """Put truth and prediction side by side. What is void in the prediction is background.

    Raises:
        ValueError: If they differ in size or number of classes.
    """
    if truth.planes.shape != prediction.planes.shape:
        raise ValueError(
            f"the truth is {truth.planes.shape}, the prediction {prediction.planes.shape}"
        )
    valid = ~truth.void
    marked = prediction.planes & ~prediction.void
    first, second = (_with_background(planes, valid) for planes in (truth.planes, marked))
    pixels = np.count_nonzero(valid)
    exclusive = len(first) <= 2 or all(np.count_nonzero(one) == pixels for one in (first, second))
    return Regions(first, second, marked, valid, exclusive)


def _with_background(planes: NDArray[np.bool_], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    result = np.empty((len(planes) + 1, *valid.shape), dtype=np.bool_)
    np.logical_and(planes, valid, out=result[1:])
    np.logical_and(~planes.any(axis=0), valid, out=result[0])
    return result


def regions(
    truth: NDArray[Any], prediction: NDArray[Any], classes: ClassMap, head: Head
) -> Regions:
    """Return the regions of a truth and a prediction in the form of ``target_planes``.

    Raises:
        ValueError: If the shapes differ, or do not belong to the head.
    """
    number = len(classes.foreground_ids)
    return compose(target_planes(truth, head, number), target_planes(prediction, head, number))
