"""The regions of equal pixels of a mask: where each value is found, and its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.shapes import Bitmap


@dataclass(frozen=True, slots=True)
class Region:
    """Where a value is found.

    Attributes:
        value: The value.
        top: First row.
        bottom: Row behind the last.
        left: First column.
        right: Column behind the last.
        count: Number of pixels.
    """

    value: int
    top: int
    bottom: int
    left: int
    right: int
    count: int

    @property
    def box_pixels(self) -> int:
        """Number of pixels of the box around it."""
        return (self.bottom - self.top) * (self.right - self.left)

    def bitmap(self, values: NDArray[Any]) -> Bitmap:
        """Return its pixels of the mask that it is of."""
        inside = values[self.top : self.bottom, self.left : self.right] == self.value
        inside.flags.writeable = False
        return Bitmap(self.top, self.left, inside)


def regions(values: NDArray[Any], lowest: int = 0) -> dict[int, Region]:
    """Return the region of every value, by the value, in rising order.

    Takes time in proportion to the pixels, however many values there are.

    Args:
        values: (H, W) of any unsigned integers.
        lowest: The smallest value that counts.
    """
    width = values.shape[1]
    flat = values.ravel()
    is_last = np.empty(flat.size, dtype=np.bool_)
    np.not_equal(flat[1:], flat[:-1], out=is_last[:-1])
    is_last[width - 1 :: width] = True
    stops = np.flatnonzero(is_last) + 1
    starts = np.concatenate(([0], stops[:-1]))
    keys = flat[starts]
    order = np.argsort(keys, kind="stable")
    order = order[np.searchsorted(keys, lowest, sorter=order) :]
    if not order.size:
        return {}
    keys, starts, stops = keys[order], starts[order], stops[order]
    rows, left = np.divmod(starts, width)
    firsts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    columns = (
        keys[firsts],
        np.minimum.reduceat(rows, firsts),
        np.maximum.reduceat(rows, firsts) + 1,
        np.minimum.reduceat(left, firsts),
        np.maximum.reduceat(left + stops - starts, firsts),
        np.add.reduceat(stops - starts, firsts),
    )
    table = zip(*(column.tolist() for column in columns), strict=True)
    return {row[0]: Region(*row) for row in table}
