"""What is in a mask file of any origin, before anybody has said what its values mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Encoding
from maskforge.errors import DatasetError
from maskforge.images import decoder
from maskforge.images.containers.base import Window
from maskforge.images.decoder import Source, is_read_in_parts, read_header
from maskforge.issues import Origin
from maskforge.masks.classes import VOID
from maskforge.shapes import Size

_MOST_VALUES = 2**16
_PIXELS_AT_A_TIME = 2**20
_SMALL = 2**26  # pixels that are read at once
_ROWS = 512  # a row of the tiles that maskforge writes


@dataclass(frozen=True, slots=True)
class MaskLook:
    """What is in a mask file.

    Attributes:
        size: Size.
        channels: Number of channels of a one-hot or multi-hot mask; 0 for (H, W).
        counts: Pixels per value; for a mask with channels pixels per set of channels that are 1,
            as a number whose bit ``c`` is channel ``c``.
        void: Pixels that are 255 in a mask with channels.
        lossy: Whether the file is a JPEG, which changes values.
    """

    size: Size
    channels: int
    counts: Mapping[int, int]
    void: int = 0
    lossy: bool = False


def bands(source: Source) -> list[Window]:
    """Return the bands of rows in which a large mask is read, from top to bottom.

    There are none for a mask that is small, or cannot be read in parts.
    """
    try:
        size = read_header(source).stored
        if size.width * size.height <= _SMALL or not is_read_in_parts(source):
            return []
    except OSError:  # whoever reads it will say so
        return []
    tops = range(0, size.height, _ROWS)
    return [Window(0, top, size.width, min(_ROWS, size.height - top)) for top in tops]


def read_values(
    path: Path, source: Source | None = None, window: Window | None = None, *, step: int = 1
) -> NDArray[Any]:
    """Return the values of a mask file: palettes not applied, opacity dropped, bits as 0 and 1.

    Colors with equal channels are taken as gray.

    Args:
        path: PNG, TIFF, NPY or any image.
        source: Its content, if it was read already.
        window: The part that is wanted; None for all.
        step: Of every so many rows and columns of it, the first is returned.

    Returns:
        (H, W) of any unsigned integers, or (H, W, C) uint8 for NPY with channels.

    Raises:
        DatasetError: If the file cannot be read, or its pixels are colors or fractions.
    """
    given = path if source is None else source
    values = decoder.read_values(given, path, window=window, step=step)
    return _whole_numbers(values, Origin(path, ""))


def _whole_numbers(array: NDArray[Any], origin: Origin) -> NDArray[Any]:
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if 0 in array.shape:
        raise DatasetError(
            f"holds an array of the shape {array.shape}, expected (H, W) or (H, W, classes)",
            origin=origin,
        )
    if array.dtype.kind not in "uif":
        raise DatasetError(f"holds {array.dtype}, expected class ids", origin=origin)
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array % 1 == 0).all()):
        raise DatasetError(
            "holds fractions, expected class ids", origin=origin, hint="save class ids as integers"
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= _MOST_VALUES:
        raise DatasetError(
            f"holds values from {low} to {high}, expected class ids from 0 to 65535", origin=origin
        )
    if array.ndim == 3 and not np.isin(array, (0, 1, VOID)).all():
        raise DatasetError(
            f"has {array.shape[-1]} channels with other values than 0, 1 and 255",
            origin=origin,
            hint="one-hot and multi-hot masks hold 0 and 1; other masks are (H, W)",
        )
    return array.astype(np.uint8 if high <= VOID else np.uint16, copy=False)


def look(path: Path, source: Source | None = None) -> MaskLook:
    """Read a mask file and count its values; raises as ``read_values``."""
    parts = bands(path if source is None else source)
    if parts:
        return _look_at_bands(path, source, parts)
    values = read_values(path, source)
    size = Size(values.shape[1], values.shape[0])
    if values.ndim == 3:
        void = (values == VOID).any(axis=-1)
        counts = _count_sets(values[~void] == 1)
        return MaskLook(size, values.shape[-1], counts, int(void.sum()))
    lossy = path.suffix.lower() in (".jpg", ".jpeg", ".jpe", ".jfif")
    return MaskLook(size, 0, count_values(values), lossy=lossy)


def _look_at_bands(path: Path, source: Source | None, parts: Sequence[Window]) -> MaskLook:
    counts: Counter[int] = Counter()
    for part in parts:
        counts.update(count_values(read_values(path, source, part)))
    size = read_header(path if source is None else source).stored
    return MaskLook(size, 0, dict(sorted(counts.items())))


def count_values(values: NDArray[Any]) -> dict[int, int]:
    """Return pixels per value; in pieces, because counting turns them into 64-bit integers."""
    values = values.ravel()
    total = np.zeros(_MOST_VALUES if values.dtype.itemsize > 1 else 256, dtype=np.int64)
    for start in range(0, values.size, _PIXELS_AT_A_TIME):
        total += np.bincount(values[start : start + _PIXELS_AT_A_TIME], minlength=total.size)
    return {int(value): int(total[value]) for value in np.flatnonzero(total)}


def _count_sets(on: NDArray[np.bool_]) -> dict[int, int]:
    """Return pixels (N, C) per set of channels that are on, as numbers with bit c for channel c."""
    packed = np.packbits(on, axis=-1, bitorder="little")
    if packed.shape[-1] == 1:
        return count_values(packed[:, 0])
    rows, counts = np.unique(packed, axis=0, return_counts=True)
    return {
        int.from_bytes(row.tobytes(), "little"): int(count)
        for row, count in zip(rows, counts, strict=True)
    }


def class_counts(
    seen: MaskLook,
    values: Mapping[int, int] | None,
    channels: tuple[int, ...],
    encoding: Encoding,
    kept: frozenset[int],
) -> dict[int, int]:
    """Return pixels per class id of a mask.

    Args:
        seen: What is in the file.
        values: Class id of every value, None if values are ids.
        channels: Class id of every channel of a mask with channels.
        encoding: What the mask holds.
        kept: Class ids that count; pixels of no kept class are background.
    """
    totals: dict[int, int] = {}
    for value, count in seen.counts.items():
        if seen.channels:
            ids = [id_ for bit, id_ in enumerate(channels) if value >> bit & 1 and id_ in kept]
            if encoding == "onehot" and not value:
                ids = [VOID]
        else:
            id_ = value if values is None else values[value]
            ids = [id_ if id_ in kept or id_ == VOID else 0]
        for id_ in ids or [0]:
            totals[id_] = totals.get(id_, 0) + count
    if seen.void:
        totals[VOID] = totals.get(VOID, 0) + seen.void
    return dict(sorted(totals.items()))
