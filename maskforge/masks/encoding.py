"""Integer, binary, one-hot and multi-hot masks, and the ways between them.

An integer mask is (H, W); its values are class ids, 0 for background and 255 for void (to be
ignored). A binary mask is (H, W) uint8: 255 where its one class is, and 0 elsewhere. A one-hot mask
is (H, W, C) uint8 with a channel for every class, the background among them, in rising order of the
ids; a void pixel is 0 in every channel, so that a cross-entropy ignores it. A multi-hot mask is
(H, W, C) uint8 with a channel for every class but the background; a pixel may be 1 in several
channels or in none, and is 255 in all of them where it is void.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.display.brief import form_of_array
from maskforge.errors import OptionError, listing, shorten
from maskforge.masks.classes import BACKGROUND, LARGEST_ID, VOID

Mask: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]


def one_hot(mask: Mask, ids: Sequence[int]) -> NDArray[np.uint8]:
    """Turn an integer mask (H, W) into a one-hot mask (H, W, C) uint8.

    Args:
        mask: Class ids.
        ids: The id of every channel, the background's among them, such as ``class_map.ids``.

    Raises:
        OptionError: If the mask holds a value that is neither in ``ids`` nor void, or one of the
            two is of another form.

    Examples:
        >>> mask = np.array([[0, 1, 255]], dtype=np.uint8)
        >>> mf.one_hot(mask, (0, 1)).tolist()
        [[[1, 0], [0, 1], [0, 0]]]
    """
    ids = _whole_numbers(ids)
    _check_values(mask, {*ids, VOID})
    channel_of = np.full(max(*ids, VOID) + 1, -1, dtype=np.int32)
    channel_of[list(ids)] = np.arange(len(ids))
    rows = np.zeros((len(ids) + 1, len(ids)), dtype=np.uint8)
    np.fill_diagonal(rows, 1)
    channel_of[VOID] = len(ids)  # the row of zeros
    encoded: NDArray[np.uint8] = rows[channel_of[mask]]
    return encoded


def from_one_hot(encoded: NDArray[np.uint8], ids: Sequence[int]) -> Mask:
    """Turn a one-hot mask (H, W, C) back into an integer mask (H, W).

    Args:
        encoded: The mask; a pixel without any 1 is void.
        ids: The id of every channel, such as ``class_map.ids``.

    Raises:
        OptionError: If the number of channels is not that of ``ids``, or a pixel has several ones
            or another value.

    Examples:
        >>> mf.from_one_hot(np.array([[[1, 0], [0, 1], [0, 0]]], dtype=np.uint8), (0, 1))
        array([[  0,   1, 255]], dtype=uint8)
    """
    ids = _whole_numbers(ids)
    _check_channels(encoded, ids)
    claims = encoded.sum(axis=-1, dtype=np.int64)
    if encoded.min(initial=0) < 0 or encoded.max(initial=0) > 1 or claims.max(initial=0) > 1:
        raise OptionError(
            "a pixel of the one-hot mask has more than a single one",
            hint="decode masks whose classes overlap, or whose void is 255, with from_multi_hot",
        )
    mask: Mask = _array_of(ids)[encoded.argmax(axis=-1)]
    mask[claims == 0] = VOID
    return mask


def multi_hot(mask: Mask, ids: Sequence[int]) -> NDArray[np.uint8]:
    """Turn an integer mask (H, W) into a multi-hot mask (H, W, C) uint8 without overlaps.

    To keep what lies under another shape, draw with ``encoding="multihot"`` instead.

    Args:
        mask: Class ids.
        ids: The id of every channel, without the background, such as ``class_map.foreground_ids``.

    Raises:
        OptionError: If the mask holds a value that is neither in ``ids``, background nor void, or
            one of the two is of another form.

    Examples:
        >>> mask = np.array([[0, 1, 255]], dtype=np.uint8)
        >>> mf.multi_hot(mask, (1, 2)).tolist()
        [[[0, 0], [1, 0], [255, 255]]]
    """
    ids = _whole_numbers(ids)
    _check_values(mask, {*ids, BACKGROUND, VOID})
    encoded: NDArray[np.uint8] = (mask[..., None] == np.array(ids, np.int64)).astype(np.uint8)
    encoded[mask == VOID] = VOID
    return encoded


def from_multi_hot(encoded: NDArray[np.uint8], ids: Sequence[int]) -> Mask:
    """Turn a multi-hot mask (H, W, C) into an integer mask (H, W); later channels lie on top.

    Args:
        encoded: The mask; a pixel with 255 in any channel is void.
        ids: The id of every channel, without the background, such as ``class_map.foreground_ids``.

    Raises:
        OptionError: If the number of channels is not that of ``ids``, or a pixel is neither 0, 1
            nor 255.

    Examples:
        >>> mf.from_multi_hot(np.array([[[0, 0], [1, 1], [255, 255]]], dtype=np.uint8), (1, 2))
        array([[  0,   2, 255]], dtype=uint8)
    """
    ids = _whole_numbers(ids)
    _check_channels(encoded, ids)
    if not ids:
        return np.zeros(encoded.shape[:2], dtype=np.uint8)
    on, void = encoded == 1, encoded == VOID
    if not (on | void | (encoded == 0)).all():
        raise OptionError("a pixel of the multi-hot mask is neither 0, 1 nor 255")
    values = _array_of((BACKGROUND, *ids))
    last = on.shape[-1] - on[..., ::-1].argmax(axis=-1)
    mask: Mask = values[np.where(on.any(axis=-1), last, 0)]
    mask[void.any(axis=-1)] = VOID
    return mask


def binary_values(ids: Sequence[int]) -> dict[int, int]:
    """Return the id of both values of a binary mask.

    Args:
        ids: The ids of the classes, with or without the background's.

    Raises:
        OptionError: If there is not one class beside the background.

    Examples:
        >>> from maskforge.masks.encoding import binary_values
        >>> binary_values((0, 5))
        {0: 0, 255: 5}
    """
    shown = [one for one in ids if one != BACKGROUND]
    if len(shown) != 1:
        raise OptionError(
            f"a binary mask shows one class, and there are {len(shown)}",
            hint="make all others the background or leave them out, such as --class enamel=ignore; "
            "or choose --encoding integer",
        )
    return {BACKGROUND: BACKGROUND, VOID: shown[0]}


def translate(values: NDArray[Any], meaning: Mapping[int, int]) -> NDArray[np.uint16]:
    """Return values (H, W) with each replaced by what it means.

    Raises:
        OptionError: If a value has no meaning.
    """
    table = np.full(LARGEST_ID + 1, -1, dtype=np.int32)
    for value, id_ in meaning.items():
        table[value] = id_
    mask = table[values]
    if (mask < 0).any():
        strange = np.unique(values[mask < 0]).tolist()
        raise OptionError(f"holds values that no class has: {listing(map(str, strange))}")
    translated: NDArray[np.uint16] = mask.astype(np.uint16)
    return translated


def _array_of(ids: Sequence[int]) -> Mask:
    if max(ids) > VOID:
        return np.array(ids, dtype=np.uint16)
    return np.array(ids, dtype=np.uint8)


def _whole_numbers(ids: Sequence[int]) -> tuple[int, ...]:
    try:
        numbers = tuple(operator.index(one) for one in ids)
    except TypeError:
        numbers = (VOID,)
    valid = all(0 <= one <= LARGEST_ID and one != VOID for one in numbers)
    if not valid or len(set(numbers)) != len(numbers):
        raise OptionError(
            f"ids must be different numbers from 0 to {LARGEST_ID} without {VOID}, found "
            f"{shorten(ids)}",
            hint="give the ids of a class map: ids for one-hot, foreground_ids for multi-hot",
        )
    return numbers


def _check_values(mask: object, known: set[int]) -> None:
    if not isinstance(mask, np.ndarray) or mask.dtype.kind not in "iu":
        raise OptionError(
            f"a mask is an array (H, W) of whole numbers, found "
            f"{form_of_array(mask) or shorten(mask)}",
            hint="decide floats and convert bools first, for example with mask.astype(np.uint8)",
        )
    unknown = set(np.unique(mask).tolist()) - known
    if unknown:
        raise OptionError(
            f"the mask holds values that no class has: {listing(map(str, sorted(unknown)))}",
            hint="give the ids of all its classes; 255 is void and needs none",
        )


def _check_channels(encoded: object, ids: Sequence[int]) -> None:
    if (
        not isinstance(encoded, np.ndarray)
        or encoded.dtype.kind not in "biu"
        or encoded.ndim != 3
        or encoded.shape[-1] != len(ids)
    ):
        raise OptionError(
            f"expected (H, W, {len(ids)}) of whole numbers, a channel for every id, found "
            f"{form_of_array(encoded) or shorten(encoded)}",
            hint="give the ids of all channels, in their order",
        )
