"""The forms in which networks give and learn masks, and the way back to class ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Head
from maskforge.masks.classes import ClassMap


def channel_ids(classes: ClassMap, head: Head) -> tuple[int, ...]:
    """Return the class id of every channel of a network with that head.

    Softmax has a channel for the background, sigmoid has none.
    """
    return classes.ids if head == "softmax" else classes.foreground_ids


DEFAULT_THRESHOLD = 0.5


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
