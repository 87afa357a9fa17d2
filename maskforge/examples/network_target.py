"""From the values of a mask file to what a network learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Encoding, Head
from maskforge.errors import DatasetError, OptionError
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, VOID, ClassMap
from maskforge.masks.encoding import binary_values, from_multi_hot, from_one_hot, translate
from maskforge.masks.targets import channel_ids, to_target


def network_target(
    values: NDArray[Any],
    encoding: Encoding,
    channels: tuple[int, ...],
    meaning: Mapping[int, int] | None,
    classes: ClassMap,
    head: Head,
    origin: Origin,
) -> NDArray[np.uint8]:
    """Return a mask as a network with that head learns it; see ``Example.read_target``.

    Args:
        values: What the file holds: (H, W), or (H, W, C) as the encoding says.
        encoding: What it means.
        channels: Class id of every channel; of a binary mask, of the class that it shows.
        meaning: Class id of every value; None if the values are ids.
        classes: The classes that count.
        head: What the network ends in.
        origin: The file.

    Raises:
        DatasetError: If the values are no such mask.
        OptionError: If classes overlap and the head is softmax.
    """
    channel_ids(classes, head)  # too many of them are no fault of the mask
    if encoding == "binary":
        encoding, meaning = "integer", binary_values(channels)
    if values.ndim != (2 if encoding == "integer" else 3):
        raise DatasetError(
            f"is not a mask of the encoding {encoding}: its shape is {values.shape}", origin=origin
        )
    if encoding == "multihot":
        return _from_multi_hot(values, channels, classes, head, origin)
    try:
        if encoding == "onehot":
            ids = from_one_hot(values, channels)
            kept = {id_: id_ if id_ in classes.ids else BACKGROUND for id_ in channels}
            mask = translate(ids, kept | {VOID: VOID})
        else:
            mask = values if meaning is None else translate(values, meaning)
        return to_target(mask, classes, head)
    except OptionError as error:
        raise DatasetError(error.message, origin=origin) from None


def _from_multi_hot(
    values: NDArray[np.uint8],
    channels: tuple[int, ...],
    classes: ClassMap,
    head: Head,
    origin: Origin,
) -> NDArray[np.uint8]:
    if values.shape[-1] != len(channels):
        raise DatasetError(
            f"has {values.shape[-1]} channels, expected {len(channels)}", origin=origin
        )
    void = (values == VOID).any(axis=-1)
    chosen = np.zeros((*values.shape[:2], len(classes.foreground_ids)), dtype=np.uint8)
    for index, id_ in enumerate(classes.foreground_ids):
        if id_ in channels:
            chosen[..., index] = values[..., channels.index(id_)]
    chosen[void] = VOID
    if head == "sigmoid":
        return chosen
    overlapping = int(((chosen == 1).sum(axis=-1) > 1).sum())
    if overlapping:
        raise OptionError(
            f"{overlapping} pixels belong to several classes, but a softmax head has one class for "
            "every pixel",
            origin=origin,
            hint="use the head sigmoid, or convert with --encoding integer, which decides overlaps",
        )
    return to_target(from_multi_hot(chosen, classes.foreground_ids), classes, head)
