"""Reading the pixels of an example: the image as it is, the mask as the network learns it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Head
from maskforge.errors import DatasetError, OptionError, check_type, listing
from maskforge.examples.example import Example
from maskforge.examples.maskvalues import read_values
from maskforge.images.pixels import Pixels, decode
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, VOID, ClassMap
from maskforge.masks.encoding import from_multi_hot, from_one_hot, multi_hot
from maskforge.shapes import Size

_LARGEST = 65535
_MOST_CHANNELS = 255
_OF_A_SET = "take one from a set that open_examples returned"


def read_image(example: Example) -> Pixels:
    """Return the image of an example in the frame of its mask.

    Palettes are applied, alpha is dropped, single bits become 0 and 255; 16-bit values stay as they
    are. The EXIF orientation is applied exactly if the mask was drawn on the turned image.

    Returns:
        (H, W, 1) or (H, W, 3), uint8 or uint16.

    Raises:
        DatasetError: If the image cannot be read, is not of the mask's size, or holds fractions
            or values that do not fit into 16 bits.

    Example:
        >>> example = mf.open_examples("masks").examples[0]
        >>> mf.read_image(example).shape
        (432, 576, 1)
    """
    check_type("example", example, Example, hint=_OF_A_SET)
    pixels = decode(example.image, upright=example.upright)
    if pixels.shape[:2] != (example.size.height, example.size.width):
        raise DatasetError(
            f"the image has {Size(pixels.shape[1], pixels.shape[0])} px, "
            f"its mask {example.size} px",
            origin=Origin(example.image, ""),
            hint="the image has changed since the mask was made",
        )
    return pixels


def read_target(example: Example, classes: ClassMap, head: Head) -> NDArray[np.uint8]:
    """Return the mask of an example as a network with that head learns it.

    Args:
        example: The example.
        classes: The classes of its set; pixels of other classes are background.
        head: ``softmax`` for exclusive classes, ``sigmoid`` for one channel per class.

    Returns:
        For softmax (H, W) uint8: the index of the class in ``classes.ids``, 255 for void. For
        sigmoid (H, W, C) uint8 of 0 and 1, 255 for void, with a channel for each of
        ``classes.foreground_ids``.

    Raises:
        DatasetError: If the mask cannot be read, or is not what it was.
        OptionError: If classes overlap and the head is softmax.

    Example:
        >>> examples = mf.open_examples("masks", only=["caries"])
        >>> target = mf.read_target(examples.examples[0], examples.classes, "sigmoid")
        >>> target.shape, np.unique(target).tolist()
        ((432, 576, 1), [0, 1])
    """
    check_type("example", example, Example, hint=_OF_A_SET)
    check_type("classes", classes, ClassMap)
    values = read_values(example.mask)
    origin = Origin(example.mask, "")
    if values.shape[:2] != (example.size.height, example.size.width):
        raise DatasetError(
            f"the mask has {Size(values.shape[1], values.shape[0])} px, expected {example.size}",
            origin=origin,
        )
    if values.ndim != (2 if example.encoding == "integer" else 3):
        raise DatasetError(f"is no {example.encoding} mask: its shape is {values.shape}")
    if example.encoding == "multihot":
        return _from_multi_hot(values, example, classes, head)
    try:
        if example.encoding == "onehot":
            ids = from_one_hot(values, example.channels)
            kept = {id_: id_ if id_ in classes.ids else BACKGROUND for id_ in example.channels}
            mask = _translate(ids, kept | {VOID: VOID}, origin)
        elif example.values is not None:
            mask = _translate(values, example.values, origin)
        else:
            mask = values
        if head == "sigmoid":
            return multi_hot(mask, classes.foreground_ids)
    except OptionError as error:
        raise DatasetError(error.message, origin=origin) from None
    return _indices(mask, classes, origin)


def _translate(
    values: NDArray[Any],
    meaning: Mapping[int, int],
    origin: Origin,
) -> NDArray[np.uint16]:
    table = np.full(_LARGEST + 1, -1, dtype=np.int32)
    for value, id_ in meaning.items():
        table[value] = id_
    mask = table[values]
    if (mask < 0).any():
        strange = np.unique(values[mask < 0]).tolist()
        raise DatasetError(
            f"holds values that no class has: {listing(map(str, strange))}", origin=origin
        )
    translated: NDArray[np.uint16] = mask.astype(np.uint16)
    return translated


def _indices(mask: NDArray[Any], classes: ClassMap, origin: Origin) -> NDArray[np.uint8]:
    if len(classes.ids) > _MOST_CHANNELS:
        raise OptionError(f"{len(classes.ids)} classes are more than a network can have here: 255")
    ranks = {id_: rank for rank, id_ in enumerate(classes.ids)}
    return _translate(mask, ranks | {VOID: VOID}, origin).astype(np.uint8)


def _from_multi_hot(
    values: NDArray[np.uint8], example: Example, classes: ClassMap, head: Head
) -> NDArray[np.uint8]:
    origin = Origin(example.mask, "")
    if values.shape[-1] != len(example.channels):
        raise DatasetError(
            f"has {values.shape[-1]} channels, expected {len(example.channels)}", origin=origin
        )
    void = (values == VOID).any(axis=-1)
    chosen = np.zeros((*values.shape[:2], len(classes.foreground_ids)), dtype=np.uint8)
    for index, id_ in enumerate(classes.foreground_ids):
        if id_ in example.channels:
            chosen[..., index] = values[..., example.channels.index(id_)]
    chosen[void] = VOID
    if head == "sigmoid":
        return chosen
    overlapping = int(((chosen == 1).sum(axis=-1) > 1).sum())
    if overlapping:
        raise OptionError(
            f"{example.mask}: {overlapping} pixels belong to several classes, but a softmax head "
            "has one class for every pixel",
            hint="use the head sigmoid, or convert with --encoding integer, which decides overlaps",
        )
    return _indices(from_multi_hot(chosen, classes.foreground_ids), classes, origin)
