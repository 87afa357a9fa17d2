"""The forms in which networks give and learn masks, and the way back to class ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Head
from maskforge.errors import OptionError
from maskforge.masks.classes import BACKGROUND, VOID, ClassMap
from maskforge.masks.encoding import Mask, from_multi_hot, multi_hot, translate

DEFAULT_THRESHOLD = 0.5

_MOST_CHANNELS = 255


def channel_ids(classes: ClassMap, head: Head) -> tuple[int, ...]:
    """Return the class id of every channel of a network with that head.

    Softmax has a channel for the background, sigmoid has none.

    Raises:
        OptionError: If there are more classes than a target can tell apart.
    """
    if head == "softmax" and len(classes.ids) > _MOST_CHANNELS:
        raise OptionError(f"{len(classes.ids)} classes are more than a network can have here: 255")
    return classes.ids if head == "softmax" else classes.foreground_ids


def decide(
    probabilities: NDArray[Any], head: Head, thresholds: Sequence[float] = ()
) -> NDArray[np.uint8]:
    """Turn probabilities (..., K) into a prediction of the form of a target.

    Args:
        probabilities: Floats from 0 to 1, one channel per class as the head has them.
        head: For softmax the result (...) is the index of the largest channel, the first of equal
            ones; for sigmoid (..., K) of 0 and 1.
        thresholds: For sigmoid, the probability from which on a pixel has the class, for every
            channel; 0.5 if there are none.

    Raises:
        ValueError: If the number of thresholds is not that of the channels.
    """
    if head == "softmax":
        index: NDArray[np.uint8] = probabilities.argmax(axis=-1).astype(np.uint8)
        return index
    channels = probabilities.shape[-1]
    limits = tuple(thresholds) or (DEFAULT_THRESHOLD,) * channels
    if len(limits) != channels:
        raise ValueError(f"{len(limits)} thresholds for {channels} channels")
    reached: NDArray[np.bool_] = probabilities >= np.array(limits, probabilities.dtype)
    return reached.astype(np.uint8)


def to_target(mask: Mask, classes: ClassMap, head: Head) -> NDArray[np.uint8]:
    """Return a mask of class ids (H, W) as a network with that head learns it.

    Returns:
        For softmax (H, W): the index of the class in ``classes.ids``; for sigmoid (H, W, K) of 0
        and 1, a channel for each of ``classes.foreground_ids``. Void is 255, in every channel.

    Raises:
        OptionError: If the mask holds a value that no class has.
    """
    if head == "sigmoid":
        return multi_hot(mask, classes.foreground_ids)
    ranks = {id_: rank for rank, id_ in enumerate(channel_ids(classes, head))}
    return translate(mask, ranks | {VOID: VOID}).astype(np.uint8)


def to_ids(
    target: NDArray[np.uint8],
    classes: ClassMap,
    head: Head,
    probabilities: NDArray[Any] | None = None,
) -> Mask:
    """Return a target, or a prediction in its form, as a mask of class ids (H, W).

    Args:
        target: As ``to_target`` returns it.
        classes: The class map.
        head: Of the network.
        probabilities: (H, W, K) of a sigmoid head: where classes overlap, the most probable one is
            on top; the last one if None.
    """
    if head == "softmax":
        ids = np.full(VOID + 1, VOID, dtype=classes.dtype)
        ids[: len(classes.ids)] = classes.ids
        mask: Mask = ids[target]
        return mask
    if probabilities is None:
        return from_multi_hot(target, classes.foreground_ids)
    ids = np.array(classes.foreground_ids, dtype=classes.dtype)
    if len(ids) == 1:  # as below, and faster
        mask = (target[..., 0] != 0) * ids[0]
    else:
        mask = ids[np.where(target == 1, probabilities, -1).argmax(axis=-1)]
        mask[~target.any(axis=-1)] = BACKGROUND
    return mask


def to_channels(target: NDArray[np.uint8], classes: ClassMap, head: Head) -> NDArray[np.uint8]:
    """Return a target with a channel of 0 and 1 for every output of the network, 255 for void."""
    if head == "sigmoid":
        return target
    ranks = np.arange(len(classes.ids), dtype=np.uint8)
    channels: NDArray[np.uint8] = (target[..., None] == ranks).astype(np.uint8)
    channels[target == VOID] = VOID
    return channels
