"""COCO's run lengths: pixels counted down the columns, as numbers or packed into text.

What they mean was read in ``common/maskApi.c`` of cocodataset/cocoapi. The first run is background.
In text, each number takes five bits a character, the lowest first, with a sixth bit that says that
more follow; from the fourth on it is the difference from the number two before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskforge.formats.runlength import cropped, from_spans
from maskforge.limits.allowance import Allowance
from maskforge.shapes import MOST_PIXELS, Bitmap, Size

_FIRST_CHARACTER = 48
_LAST_CHARACTER = _FIRST_CHARACTER + 63
_MORE = 0x20
_SIGN = 0x10
_LONGEST = 7
"""Characters of one number; as many as 32 bits take."""


def from_runs(counts: str | Sequence[int], size: Size, pixels: Allowance) -> Bitmap | None:
    """Return run lengths as a bitmap, cut to what they cover; None if that is nothing.

    Args:
        counts: Numbers, or numbers packed into text.
        size: Size of the image.
        pixels: Counts the pixels that are made.

    Raises:
        ValueError: If they are damaged, or are of another number of pixels.
        LimitError: If there are more pixels than are left.
    """
    if size.width * size.height > MOST_PIXELS:
        raise ValueError(f"{size} px are more than a mask may have")
    lengths = _unpacked(counts) if isinstance(counts, str) else _checked(counts)
    if len(lengths) and not 0 <= lengths.min() <= lengths.max() <= MOST_PIXELS:
        raise ValueError("a run length is negative or too large")
    edges = np.cumsum(lengths)
    total = int(edges[-1]) if len(edges) else 0
    if total != size.width * size.height:
        raise ValueError(f"the run lengths cover {total:,} pixels, not those of {size} px")
    starts, stops = edges[0::2], edges[1::2]
    upright = from_spans(starts[: len(stops)], stops, size.height, pixels)
    if upright is None:
        return None
    inside = np.ascontiguousarray(upright.pixels.T)
    inside.flags.writeable = False
    return Bitmap(upright.column, upright.row, inside)


def to_runs(bitmap: Bitmap, size: Size) -> list[int]:
    """Return the run lengths of a bitmap, without what hangs over the edges of the image."""
    inside = cropped(bitmap, size)
    height, width = inside.pixels.shape
    framed = np.zeros((width, height + 2), np.bool_)
    framed[:, 1:-1] = inside.pixels.T
    column, row = np.nonzero(framed[:, 1:] != framed[:, :-1])
    edges = (column + inside.column) * size.height + row + inside.row
    # A run that reaches the lower edge goes on at the upper edge of the next column.
    meets = np.flatnonzero(edges[1:-1:2] == edges[2::2]) * 2 + 1
    edges = np.delete(edges, np.concatenate((meets, meets + 1)))
    runs: list[int] = np.diff(edges, prepend=0, append=size.width * size.height).tolist()
    return runs if runs[-1] else runs[:-1]


def packed(counts: Sequence[int]) -> str:
    """Return numbers packed into text."""
    numbers = np.array(counts, np.int64)
    numbers[3:] -= np.array(counts[1:-2], np.int64)
    digits = numbers[:, None] >> np.arange(0, 5 * _LONGEST, 5)
    # A number ends with the digit whose highest bit and all that is above are its sign.
    ends = (digits >> 4 == 0) | (digits >> 4 == -1)
    last = np.argmax(ends, axis=1)[:, None]
    place = np.arange(_LONGEST)
    characters = (digits & 31) + (place < last) * _MORE + _FIRST_CHARACTER
    return bytes(characters[place <= last].astype(np.uint8)).decode("ascii")


def _checked(counts: Sequence[int]) -> NDArray[np.int64]:
    try:
        return np.array(counts, np.int64)
    except OverflowError:
        raise ValueError("a run length is negative or too large") from None


def _unpacked(text: str) -> NDArray[np.int64]:
    """Return the numbers that are packed into a text.

    Raises:
        ValueError: If it is not such a text.
    """
    data = np.frombuffer(text.encode("utf-8"), np.uint8).astype(np.int64)
    if not len(data):
        return data
    if data.min() < _FIRST_CHARACTER or data.max() > _LAST_CHARACTER:
        raise ValueError("the text holds characters that run lengths are not written with")
    data -= _FIRST_CHARACTER
    ends = np.flatnonzero(data & _MORE == 0)
    starts = np.concatenate(([0], ends[:-1] + 1))
    if not len(ends) or ends[-1] != len(data) - 1:
        raise ValueError("the text is cut off")
    if (ends - starts).max() >= _LONGEST:
        raise ValueError("a run length is negative or too large")
    place = np.arange(len(data)) - np.repeat(starts, ends - starts + 1)
    numbers = np.add.reduceat((data & 31) << (5 * place), starts)
    numbers -= (data[ends] & _SIGN != 0) * (1 << (5 * (place[ends] + 1)))
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers
