"""An image and its mask, changed together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.augmentation.augment_options import AugmentOptions, ResolvedAugmentation, resolve
from maskforge.augmentation.photometry import change_light
from maskforge.augmentation.warp import draw_geometry
from maskforge.masks.resize import size_of


def augment(
    image: NDArray[Any],
    target: NDArray[np.uint8],
    options: AugmentOptions | ResolvedAugmentation,
    rng: np.random.Generator,
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Change an image and its mask at random: place and form of both alike, light of the image.

    The mask holds no value that was not in it before, void (255) included. What comes in at the
    edges is mirrored in both. Images that are not square are not transposed. The same state of
    ``rng`` gives the same result, whatever the dtype, up to rounding.

    Args:
        image: (H, W, C); uint8 or uint16 from 0 to the largest value of the dtype, or float32 from
            0 to 1.
        target: (H, W) or (H, W, K) uint8.
        options: How far.
        rng: Source of randomness.

    Returns:
        New arrays of the same shapes and dtypes.

    Raises:
        OptionError: If an option is out of its range.
        ValueError: If image and mask differ in size, or the dtype is another one.
    """
    if image.shape[:2] != target.shape[:2]:
        raise ValueError(f"an image of {size_of(image)} px with a mask of {size_of(target)} px")
    if image.dtype not in (np.uint8, np.uint16, np.float32):
        raise ValueError(f"expected an image of uint8, uint16 or float32, found {image.dtype}")
    if isinstance(options, AugmentOptions):
        options = resolve(options)
    geometry = draw_geometry(options, size_of(image), rng)
    image, target = geometry.apply(image, target)
    if not options.changes_light:
        return image, target
    if image.dtype == np.float32:
        return change_light(image, options, rng), target
    high = np.iinfo(image.dtype).max
    values = change_light(image.astype(np.float32), options, rng, high=high)
    return np.rint(values).astype(image.dtype), target
