"""Integer, one-hot and multi-hot masks, and the ways between them.

An integer mask is (H, W); its values are class ids, 0 for background and 255 for void (to be
ignored). A one-hot mask is (H, W, C) uint8 with a channel for every class, the background among
them, in rising order of the ids; a void pixel is 0 in every channel, so that a cross-entropy
ignores it. A multi-hot mask is (H, W, C) uint8 with a channel for every class but the background; a
pixel may be 1 in several channels or in none, and is 255 in all of them where it is void.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.masks.classes import BACKGROUND, VOID

Mask: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]


def one_hot(mask: Mask, ids: Sequence[int]) -> NDArray[np.uint8]:
    """Turn an integer mask (H, W) into a one-hot mask (H, W, C) uint8.

    Args:
        mask: Class ids.
        ids: The id of every channel, the background's among them.

    Raises:
        ValueError: If the mask holds a value that is neither in ``ids`` nor void.
    """
    channel_of = np.full(max(*ids, VOID) + 1, -1, dtype=np.int32)
    channel_of[list(ids)] = np.arange(len(ids))
    rows = np.zeros((len(ids) + 1, len(ids)), dtype=np.uint8)
    np.fill_diagonal(rows, 1)
    channel_of[VOID] = len(ids)  # the row of zeros
    _check_values(mask, {*ids, VOID})
    encoded: NDArray[np.uint8] = rows[channel_of[mask]]
    return encoded


def from_one_hot(encoded: NDArray[np.uint8], ids: Sequence[int]) -> Mask:
    """Turn a one-hot mask (H, W, C) back into an integer mask (H, W).

    Args:
        encoded: The mask; a pixel without any 1 is void.
        ids: The id of every channel.

    Raises:
        ValueError: If the number of channels is not that of ``ids``, or a pixel has several ones.
    """
    _check_channels(encoded, ids)
    claims = encoded.sum(axis=-1, dtype=np.int64)
    if encoded.max(initial=0) > 1 or claims.max(initial=0) > 1:
        raise ValueError("a pixel of the one-hot mask has more than a single one")
    mask: Mask = _array_of(ids)[encoded.argmax(axis=-1)]
    mask[claims == 0] = VOID
    return mask


def multi_hot(mask: Mask, ids: Sequence[int]) -> NDArray[np.uint8]:
    """Turn an integer mask (H, W) into a multi-hot mask (H, W, C) uint8 without overlaps.

    To keep what lies under another shape, draw with ``encoding="multihot"`` instead.

    Args:
        mask: Class ids.
        ids: The id of every channel, without the background.

    Raises:
        ValueError: If the mask holds a value that is neither in ``ids``, background nor void.
    """
    _check_values(mask, {*ids, BACKGROUND, VOID})
    encoded: NDArray[np.uint8] = (mask[..., None] == np.array(ids)).astype(np.uint8)
    encoded[mask == VOID] = VOID
    return encoded


def from_multi_hot(encoded: NDArray[np.uint8], ids: Sequence[int]) -> Mask:
    """Turn a multi-hot mask (H, W, C) into an integer mask (H, W); later channels lie on top.

    Args:
        encoded: The mask; a pixel with 255 in any channel is void.
        ids: The id of every channel, without the background.

    Raises:
        ValueError: If the number of channels is not that of ``ids``.
    """
    _check_channels(encoded, ids)
    if not ids:
        return np.zeros(encoded.shape[:2], dtype=np.uint8)
    values = _array_of((BACKGROUND, *ids))
    on = encoded == 1
    last = on.shape[-1] - on[..., ::-1].argmax(axis=-1)
    mask: Mask = values[np.where(on.any(axis=-1), last, 0)]
    mask[(encoded == VOID).any(axis=-1)] = VOID
    return mask


def _array_of(ids: Sequence[int]) -> Mask:
    if max(ids) > VOID:
        return np.array(ids, dtype=np.uint16)
    return np.array(ids, dtype=np.uint8)


def _check_values(mask: Mask, known: set[int]) -> None:
    unknown = set(np.unique(mask).tolist()) - known
    if unknown:
        raise ValueError(f"the mask holds the values {sorted(unknown)[:5]}, which no class has")


def _check_channels(encoded: NDArray[np.uint8], ids: Sequence[int]) -> None:
    if encoded.ndim != 3 or encoded.shape[-1] != len(ids):
        raise ValueError(f"expected (H, W, {len(ids)}), found {encoded.shape}")
