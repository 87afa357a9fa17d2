"""Whether two image files are one image: byte by byte, or by what they show."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskforge.images.decoder import Source, read_header, read_stored

_CELL = 8
_MOST_CELLS = 64
_MOST_DIFFERENT = 12
_MOST_ON_AVERAGE = 3
_LEAST_CORRELATION = 0.995
_LEAST_LIKENESS = 0.7
"""Below it, images are different ones: what enhances contrast hardly reaches it."""


def digest(path: Path) -> bytes:
    """Return the SHA-256 of a file.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def shows_same(first: Source, second: Source, *, enhanced: bool = False) -> bool:
    """Tell whether two images of one size show the same, however each is compressed.

    They are compared in gray, in up to 64 x 64 cells of at least 8 x 8 pixels. Saving as JPEG
    changes the mean of a cell by a few of 256 levels. If one of the two has more than 8 bits, their
    levels need only follow each other, because there are many ways to reduce 16 bits to 8.

    Args:
        first: An image; compared as it is stored, and with its EXIF orientation applied.
        second: An image as it is stored.
        enhanced: Whether brightness and contrast may have been changed, or turned into the
            negative.

    Raises:
        OSError: If one of them cannot be read.
        ValueError: Likewise.
    """
    wanted, deep = _cells(second, upright=False)
    turned = read_header(first).orientation != 1
    for upright in (False, True)[: 1 + turned]:
        found, deeper = _cells(first, upright=upright)
        if found.shape == wanted.shape and (
            _alike(found, wanted, deep=deep or deeper)
            or (enhanced and _likeness(found, wanted) >= _LEAST_LIKENESS)
        ):
            return True
    return False


def _cells(source: Source, *, upright: bool) -> tuple[NDArray[np.float64], bool]:
    from PIL import Image

    stored = read_stored(source, upright=upright)
    height, width = stored.values.shape[:2]
    grid = [max(1, min(_MOST_CELLS, side // _CELL)) for side in (width, height)]
    gray = Image.fromarray(stored.colors()).convert("L")
    cells = np.asarray(gray.resize((grid[0], grid[1]), Image.Resampling.BOX), dtype=np.float64)
    return cells, stored.palette is None and stored.values.dtype not in (np.uint8, np.bool_)


def _alike(first: NDArray[np.float64], second: NDArray[np.float64], *, deep: bool) -> bool:
    if deep and min(first.std(), second.std()) > 1:
        return bool(np.corrcoef(first.ravel(), second.ravel())[0, 1] >= _LEAST_CORRELATION)
    apart = np.abs(first - second)
    return bool(apart.max() <= _MOST_DIFFERENT and apart.mean() <= _MOST_ON_AVERAGE)


def _likeness(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return how much levels, or their ranks, follow each other, from 0 to 1; 1 if one is flat."""
    if min(first.std(), second.std()) < 1:
        return 1.0
    levels = np.stack((first.ravel(), second.ravel()))
    ranks = levels.argsort(axis=1).argsort(axis=1)
    return float(max(abs(np.corrcoef(one)[0, 1]) for one in (levels, ranks)))
