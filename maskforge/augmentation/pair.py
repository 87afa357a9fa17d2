"""An image and its mask, changed together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.augmentation.augment_options import AugmentOptions, ResolvedAugmentation, resolve
from maskforge.augmentation.photometry import change_light
from maskforge.augmentation.warp import draw_geometry
from maskforge.errors import OptionError, check_type
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
        OptionError: If an option is out of its range, image and mask differ in size, or one of them
            is no such array.

    Examples:
        >>> image, target = np.zeros((64, 64, 1), np.uint8), np.zeros((64, 64), np.uint8)
        >>> rng = np.random.default_rng(0)
        >>> image, target = mf.augment(image, target, mf.AugmentOptions(rotate=20), rng)
        >>> image.shape, target.shape
        ((64, 64, 1), (64, 64))
    """
    for name, array, axes, types in (
        ("image", image, (3,), (np.uint8, np.uint16, np.float32)),
        ("target", target, (2, 3), (np.uint8,)),
    ):
        check_type(name, array, np.ndarray)
        if array.ndim not in axes or array.dtype not in types or 0 in array.shape:
            raise OptionError(
                f"{name} cannot be {array.dtype} of the shape {array.shape}",
                hint="give an image (H, W, C) of uint8, uint16 or float32, and a target (H, W) or "
                "(H, W, K) of uint8",
            )
    check_type("options", options, AugmentOptions, ResolvedAugmentation)
    check_type("rng", rng, np.random.Generator, hint="make one with np.random.default_rng(seed)")
    if image.shape[:2] != target.shape[:2]:
        raise OptionError(f"an image of {size_of(image)} px with a mask of {size_of(target)} px")
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
