"""Changes of brightness and sharpness, made to the image alone."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskforge.augmentation.augment_options import ResolvedAugmentation

# Weights of red, green and blue in gray of the same lightness (ITU-R BT.601).
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def change_light(
    image: NDArray[Any],
    options: ResolvedAugmentation,
    rng: np.random.Generator,
    *,
    low: float = 0.0,
    high: float = 1.0,
    table: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Draw changes of light and sharpness at random, and make them.

    In this order, with v the value as share of the range from ``low`` to ``high``:

    1. brightness: v + b
    2. contrast: m + c (v - m), where m is the mean of the image
    3. saturation: g + s (v - g), where g is the gray of the pixel; three channels only
    4. gamma: v ** e, after cutting v off at 0 and 1
    5. blur: Gaussian
    6. noise: Gaussian, independent for every value
    7. cutting off at 0 and 1

    Args:
        image: (H, W, C): float32, or uint8 if there is a table.
        options: How large b, c - 1, s - 1, e, the blur and the noise become.
        rng: Source of randomness.
        low: Smallest value that an image can have.
        high: Largest value that an image can have.
        table: What the values 0 to 255 of the image stand for, (256,). The result is the same as
            for ``look_up(image, table)`` to the last bit, but what is done to single values is done
            to those 256.

    Returns:
        A new array of the same shape.
    """
    stored = None if table is None else image
    span = (high - low) or 1.0
    values: NDArray[np.float32] = (image if table is None else table) - np.float32(low)
    if span != 1:
        values *= 1 / span
    if options.brightness:
        values += rng.uniform(-options.brightness, options.brightness)
    if options.contrast:
        factor = 1 + rng.uniform(-options.contrast, options.contrast)
        mean = float(_shown(values, stored).mean())
        values *= factor
        values += mean * (1 - factor)
    if options.saturation:
        factor = 1 + rng.uniform(-options.saturation, options.saturation)
        if image.shape[2] == _LUMA.size:
            values, stored = _shown(values, stored), None
            gray = cv2.cvtColor(values @ _LUMA, cv2.COLOR_GRAY2RGB)
            values -= gray
            values *= factor
            values += gray
    if options.gamma:
        exponent = math.exp(rng.uniform(-1, 1) * math.log1p(options.gamma))
        np.clip(values, 0, 1, out=values)
        values = cv2.pow(values, exponent).reshape(values.shape).astype(np.float32, copy=False)
    if options.blur or options.noise:
        values, stored = _shown(values, stored), None
    if options.blur:
        values = _blur(values, rng.uniform(0, options.blur))
    if options.noise:
        noise = rng.standard_normal(values.shape, dtype=np.float32)
        noise *= rng.uniform(0, options.noise)
        values += noise
    np.clip(values, 0, 1, out=values)
    if span != 1:
        values *= span
    if low:
        values += low
    return _shown(values, stored)


def look_up(image: NDArray[np.uint8], table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the values of an image (H, W, C) stand for, by a table (256,) of them."""
    found = cv2.LUT(image, table)
    return np.asarray(found, dtype=np.float32).reshape(image.shape)


def _shown(values: NDArray[np.float32], stored: NDArray[np.uint8] | None) -> NDArray[np.float32]:
    """Return the values of all pixels; of an image if they are those of a table."""
    return values if stored is None else look_up(stored, values)


def _blur(values: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    # Below this, all other pixels together weigh less than 1 / 255.
    if deviation < 0.29:
        return values
    blurred = cv2.GaussianBlur(values, (0, 0), deviation, borderType=cv2.BORDER_REFLECT)
    return blurred.reshape(values.shape).astype(np.float32, copy=False)
