"""Telling masks from images: by what a file holds, and by the folders in which masks lie."""

from __future__ import annotations

import re
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from maskforge.files import PathLike
from maskforge.images.decoder import read_header, read_stored
from maskforge.images.page import split_page

_MOST_VALUES = 32
_SAMPLE = 16
_SMALL_FILE = 4096
_MOST_PIXELS = 2**28  # that are looked at; of what is larger, nothing is said
_LOSSY = frozenset({"jpeg", "mpo", "jpeg2000"})
_COMPRESSED = frozenset({"png", "gif", "webp"})

_MASK_WORD = r"(masks?|labels?|annotations?|segmentations?|ground[ _-]?truths?|gts?)"
_MASK_FOLDER = re.compile(
    rf"({_MASK_WORD}|.*[ _-]{_MASK_WORD}|segmentation(class|object)(png|raw)?|gt(fine|coarse))",
    re.IGNORECASE,
)
_MASK_NAME = re.compile(
    r".+[ _-](masks?|labelids|instanceids|trainids|segmentation)", re.IGNORECASE
)


def looks_like_mask(path: PathLike) -> str:
    """Tell whether an image file looks like a mask: a palette or gray, and few values.

    So does a drawing in black and white: it is a reason to look again, and not a proof. Of a file
    that is too large to hold a mask, only the header is read.

    Args:
        path: The image, or a page of a stack.

    Returns:
        What it looks like, for people, such as ``a palette image of 3 values``; empty if it does
        not look like a mask, holds a single value, or cannot be read.

    Examples:
        >>> item = next(iter(mf.open_dataset("masks")))
        >>> looks_like_mask(item.mask_path), looks_like_mask(item.image_path)
        ('a palette image of 6 values', '')
    """
    found = mask_regions(path)
    return "" if found is None else found[1]


def mask_regions(path: PathLike) -> tuple[NDArray[np.uint8], str] | None:
    """Return the regions of a file that looks like a mask.

    Returns:
        (H, W) uint8, in which equal values of the file are equal numbers from 0 on; and the text of
        ``looks_like_mask``. None if it does not look like a mask.
    """
    try:
        header = read_header(path)
        size = split_page(path)[0].stat().st_size
        pixels = header.stored.width * header.stored.height
        # Areas of few values take less than a bit per pixel; what a camera sees takes several.
        too_large = header.format in _COMPRESSED and size > max(_SMALL_FILE, pixels // 8)
        if header.format in _LOSSY or header.bits > 16 or too_large or pixels > _MOST_PIXELS:
            return None
        stored = read_stored(path)
        values = stored.numbers()
    except (OSError, ValueError, MemoryError):
        return None
    if values.ndim != 2 or values.dtype.kind != "u":
        return None
    if np.unique(values[::_SAMPLE, ::_SAMPLE]).size > _MOST_VALUES:
        return None
    present, regions = np.unique(values, return_inverse=True)
    if not 1 < present.size <= _MOST_VALUES:
        return None
    kind = "gray" if stored.palette is None else "palette"
    text = f"a {kind} image of {present.size} values"
    return regions.reshape(values.shape).astype(np.uint8), text


def is_mask_place(path: PurePath) -> bool:
    """Tell whether masks, by convention, lie in the folder of a file or have names like it.

    Only the name and the folders right around it count.

    Examples:
        >>> is_mask_place(PurePath("voc/SegmentationClass/7.png"))
        True
        >>> is_mask_place(PurePath("set/7_mask.png")), is_mask_place(PurePath("masks/images/7.png"))
        (True, False)
    """
    folder = path.parent.name
    return bool(_MASK_NAME.fullmatch(path.stem) or _MASK_FOLDER.fullmatch(folder))
