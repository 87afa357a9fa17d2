"""Whether an image file holds the very mask that was drawn on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.images.mask_likeness import mask_regions
from maskforge.images.page import split_page

_LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".avif")
_COMPRESSED = (".png", ".gif", ".webp")
_MOST_BYTES_COMPRESSED = 1 / 8
_MOST_BYTES = 1.25
"""Of a pixel of a mask; so most images are told by the size of their files."""
_SMALL_FILE = 4096


def mask_likeness(file: Path, mask: NDArray[Any]) -> str:
    """Tell whether the regions of an image file are those of a mask, whatever their values.

    Other programs draw edges a pixel further out or in; that makes no difference. A file of the
    size of a photo is not opened.

    Args:
        file: The image.
        mask: (H, W) or (H, W, C), of any encoding.

    Returns:
        What the file looks like, such as ``a palette image of 3 values``; empty if it is an image.
    """
    path, _ = split_page(file)
    if path.suffix.lower() in _LOSSY or _is_large(path, mask):
        return ""
    found = mask_regions(file)
    if found is None or found[0].shape != mask.shape[:2]:
        return ""
    regions, text = found
    return text if _are_regions(regions, _labels(mask)) else ""


def _is_large(path: Path, mask: NDArray[Any]) -> bool:
    try:
        size = path.stat().st_size
    except OSError:
        return True
    most = _MOST_BYTES_COMPRESSED if path.suffix.lower() in _COMPRESSED else _MOST_BYTES
    return bool(size > max(_SMALL_FILE, most * mask.shape[0] * mask.shape[1]))


def _labels(mask: NDArray[Any]) -> NDArray[Any]:
    """Return a number for every pixel that is the same where the mask is: (H, W)."""
    if mask.ndim == 2:
        return mask
    weights = np.random.default_rng(0).integers(2**62, size=mask.shape[2], dtype=np.int64)
    return mask.astype(np.int64) @ weights


def _are_regions(regions: NDArray[np.uint8], labels: NDArray[Any]) -> bool:
    """Tell whether each label is one region away from edges, and there are two of them at least."""
    inner = _inner(labels)
    if np.unique(labels[inner]).size < 2:  # all shapes are tiny
        inner = np.ones_like(inner)
    values, indices = np.unique(labels[inner], return_inverse=True)
    pairs = np.unique(indices * 256 + regions[inner])  # sorting numbers is quick, sorting rows slow
    return bool(pairs.size == values.size and np.unique(pairs % 256).size > 1)


def _inner(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where all pixels around have the same label."""
    padded = np.pad(labels, 1, mode="edge")
    height, width = labels.shape
    inner = np.ones(labels.shape, dtype=np.bool_)
    for row in range(3):
        for column in range(3):
            inner &= padded[row : row + height, column : column + width] == labels
    return inner
