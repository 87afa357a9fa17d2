"""Truth and prediction of one image in one form, whatever the masks held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Head
from maskforge.classes import BACKGROUND, VOID, ClassMap


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Where every class is in the truth, and where it was predicted.

    Void pixels belong to nothing: they are False in both stacks.

    Attributes:
        ids: Class ids in rising order, the background's first.
        truth: (C, H, W) bool, a plane for every id. Planes overlap where a pixel has several
            classes; the background is where there is no other.
        predicted: Likewise.
        valid: (H, W) bool: False where the truth is void.
        exclusive: Whether no pixel can have several classes.
    """

    ids: tuple[int, ...]
    truth: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    exclusive: bool


def regions(
    truth: NDArray[Any], prediction: NDArray[Any], classes: ClassMap, head: Head
) -> Regions:
    """Return the regions of a truth and a prediction.

    Args:
        truth: For softmax (H, W) with the rank of the class id in ``classes.ids``; for sigmoid
            (H, W, K) of 0 and 1 with a channel for each of ``classes.foreground_ids``. A pixel
            that is 255, in whichever channel, is void.
        prediction: Of the same form. What is void in it counts as background.
        classes: The class map.
        head: The form.

    Raises:
        ValueError: If the shapes differ, or do not belong to the head.
    """
    ids = tuple(classes.ids)
    channels = () if head == "softmax" else (len(ids) - 1,)
    if truth.ndim != 2 + len(channels) or truth.shape[2:] != channels:
        raise ValueError(f"a truth for {head} cannot have the shape {truth.shape}")
    if truth.shape != prediction.shape:
        raise ValueError(f"the truth is {truth.shape}, the prediction {prediction.shape}")
    void = truth == VOID
    valid = ~(void if head == "softmax" else void.any(axis=-1))
    return Regions(
        ids=ids,
        truth=_planes(truth, ids, head, valid),
        predicted=_planes(prediction, ids, head, valid),
        valid=valid,
        exclusive=head == "softmax" or len(ids) <= 2,
    )


def _planes(
    target: NDArray[Any], ids: tuple[int, ...], head: Head, valid: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    planes = np.empty((len(ids), *target.shape[:2]), dtype=np.bool_)
    background = ids.index(BACKGROUND)
    for plane, _ in enumerate(ids):
        if plane == background:
            continue
        channel = target == plane if head == "softmax" else target[..., plane - 1] == 1
        np.logical_and(channel, valid, out=planes[plane])
    planes[background] = False
    np.logical_and(~planes.any(axis=0), valid, out=planes[background])
    return planes
