"""Weights of the classes in a loss: given by name, or from how common each class is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from maskforge.errors import OptionError, did_you_mean, shorten
from maskforge.masks.classes import BACKGROUND, VOID

LARGEST_WEIGHT = 20.0
"""Balanced class weights stop here: above, single pixels of a rare class outweigh whole images."""


class ClassWeights(NamedTuple):
    """Weights of the classes in a loss, and what is to be said about them.

    Attributes:
        values: Weight of every channel.
        absent: Ids of classes without any pixel; their weight is 1.
        capped: Ids of classes whose weight would be larger than ``LARGEST_WEIGHT``.
    """

    values: tuple[float, ...]
    absent: tuple[int, ...] = ()
    capped: tuple[int, ...] = ()


def class_weights(
    pixels: Mapping[int, int], ids: Sequence[int], choice: Literal["none", "balanced"]
) -> ClassWeights:
    """Return weights that give rare classes the same say as common ones.

    With N pixels in all, n of a class, and C classes, ``balanced`` is N / (C n) for a softmax head
    (``ids`` with the background; the mean weight over all pixels is 1), and for a sigmoid head
    (``ids`` without it) the weight of a positive pixel, (N - n) / n. Void pixels do not count.

    Args:
        pixels: Number of pixels of every id in the training masks, the background among them.
        ids: The id of every channel of the network.
        choice: ``none`` gives 1 to all.
    """
    if choice == "none":
        return ClassWeights((1.0,) * len(ids))
    total = sum(count for value, count in pixels.items() if value != VOID)
    present = [value for value in ids if pixels.get(value, 0) > 0]
    values, capped = [], []
    for value in ids:
        count = pixels.get(value, 0)
        if not count:
            weight = 1.0
        elif BACKGROUND in ids:
            weight = total / (len(present) * count)
        else:
            weight = (total - count) / count
        if weight > LARGEST_WEIGHT:
            capped.append(value)
        values.append(min(max(weight, 1 / LARGEST_WEIGHT), LARGEST_WEIGHT))
    absent = tuple(value for value in ids if value not in present)
    return ClassWeights(tuple(values), absent, tuple(capped))


def named_class_weights(
    weights: Mapping[str, float], names: Mapping[int, str], ids: Sequence[int]
) -> ClassWeights:
    """Return weights that were given by class name; classes that are not named have weight 1.

    Args:
        weights: Weight by class name.
        names: Name of every id, as ``ClassMap.names`` has it.
        ids: The id of every channel of the network.

    Raises:
        OptionError: If a name is unknown or has no channel, or a weight is not positive.
    """
    check_weights(weights)
    of_channel = {names[value]: value for value in ids}
    for name in weights:
        if name not in of_channel:
            raise OptionError(
                f"a weight is given for {shorten(name)}, which is not a class of the network"
                f"{did_you_mean(name, of_channel)}",
                hint=f"the classes are {', '.join(of_channel)}",
            )
    return ClassWeights(tuple(float(weights.get(name, 1.0)) for name in of_channel))


def check_weights(weights: Mapping[str, float]) -> None:
    """Make sure that weights are positive.

    Raises:
        OptionError: If one is not.
    """
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight > 0):
            raise OptionError(f"the weight of class {shorten(name)} is {weight:g}, not above 0")
