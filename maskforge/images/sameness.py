"""Whether two images are one: byte by byte, or by what they show."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.images.decoder import Source, read_header, read_stored

_CELL = 8
_MOST_CELLS = 64
_MOST_DIFFERENT = 12
_MOST_ON_AVERAGE = 3
_LEAST_CORRELATION = 0.995
_SKETCH = 32
_LEAST_CONTRAST = 1.0
_BLOCK = 2**24
_MIRRORS = {
    "": (1, 1),
    "mirrored": (1, -1),
    "upside down": (-1, 1),
    "turned by 180 degrees": (-1, -1),
}
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


def sketch(image: NDArray[Any]) -> NDArray[np.uint8] | None:
    """Return an image in gray, in 32 x 32 cells from its darkest to its brightest.

    Args:
        image: (H, W, C).

    Returns:
        (32, 32) uint8; None if it is flat, as then it looks like every other flat one.
    """
    import cv2

    # The mean of the channels afterwards: a sketch has a thousandth of the pixels.
    small = cv2.resize(image, (_SKETCH, _SKETCH), interpolation=cv2.INTER_AREA)
    gray = small.reshape(_SKETCH, _SKETCH, -1).mean(axis=-1)
    if gray.std() < _LEAST_CONTRAST:
        return None
    low, high = gray.min(), gray.max()
    return np.asarray(np.rint((gray - low) * (255 / (high - low))), dtype=np.uint8)


def near_copies(
    sketches: Sequence[NDArray[np.uint8]], parts: Sequence[str]
) -> dict[int, list[tuple[int, str]]]:
    """Return the images that show the same in another part, whatever their size and compression.

    Of different images of public sets, the sketches of frames of a video are the most alike; they
    correlate by 0.985 at most. Saved as JPEG of quality 40, or in half the size, an image
    correlates with itself by 0.9999; after a gamma of 0.8 by 0.998.

    Args:
        sketches: Of all images.
        parts: The part of each.

    Returns:
        For the number of an image the higher numbers of those that show the same, and how they are
        turned: empty, or in words.
    """
    if not sketches:
        return {}
    vectors = _unit_vectors(np.stack(sketches))
    numbers = np.unique(np.array(parts), return_inverse=True)[1]
    step = max(1, _BLOCK // len(vectors))
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for turned, (down, across) in _MIRRORS.items():
        others = _unit_vectors(np.stack(sketches)[:, ::down, ::across])
        for start in range(0, len(vectors), step):
            alike = vectors[start : start + step] @ others[start:].T >= _LEAST_CORRELATION
            alike &= numbers[start : start + step, None] != numbers[None, start:]
            for row, column in np.argwhere(np.triu(alike, 1)).tolist():
                found[start + row].setdefault(start + column, turned)
    return {one: list(others.items()) for one, others in sorted(found.items())}


def _unit_vectors(sketches: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return vectors (N, 1024) whose products are correlations."""
    vectors = sketches.reshape(len(sketches), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    scaled: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


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
