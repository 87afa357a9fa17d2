"""Scaling of pixel values to the numbers that a network is trained on."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Scaling
from maskforge.errors import DatasetError

WHITES = (255, 1023, 4095, 16383, 65535)
"""Largest values of images with 8, 10, 12, 14 and 16 bits."""

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue in the brightness, after ITU-R BT.601."""

_LOW_PERCENTILE, _HIGH_PERCENTILE = 1.0, 99.0


class ScalingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How pixel values become the numbers that the network was trained on.

    Attributes:
        kind: The way of scaling.
        white: Largest value of the images: 255, 65535, or what 12-bit data in 16 bits have.
        channels: 1 for gray, 3 for red, green and blue.
        window: Which values of DICOM files are black and white: ``voi`` as each file asks for,
            ``full`` for all its bits, or ``CENTER/WIDTH``.
    """

    kind: Scaling = "zero-one"
    white: Annotated[float, msgspec.Meta(gt=0, le=65_535)] = 255.0
    channels: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1
    window: str = "voi"


def white_level(largest: int) -> int:
    """Return the smallest largest value of usual bit depths that holds a value of 16 bits."""
    return next(white for white in WHITES if largest <= white)


def scale(image: NDArray[Any], record: ScalingRecord) -> NDArray[np.float32]:
    """Turn pixel values into the input of a network.

    - ``zero-one``: value / white.
    - ``minus-one-one``: 2 * value / white - 1.
    - ``z-score``: (value - mean) / standard deviation, both over all pixels and channels of the
      image; 0 everywhere if all values are equal.
    - ``percentile``: the 1st percentile of the image becomes 0, the 99th becomes 1, what is
      beyond is cut off; if both are one value, the smallest and largest value take their place.

    Images of 8 bits are divided by 255 even where the record's white is larger, so that sets may
    mix depths. Gray becomes three equal channels, and color becomes luma (ITU-R BT.601), where the
    record says so.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3), uint8 or uint16.
        record: How to scale.

    Returns:
        (H, W, ``record.channels``) float32.

    Raises:
        DatasetError: If the image has more bits than the images of the training, and its values
            are therefore in no relation to theirs.
    """
    white = record.white
    if image.dtype == np.uint8:
        white = min(white, 255.0)
    elif record.kind in ("zero-one", "minus-one-one") and white <= 255 and image.max() > 255:
        raise DatasetError(
            f"the image has values up to {image.max()}, those of the training up to {white:g}",
            hint="save it with 8 bits, or train with the scaling z-score or percentile",
        )
    values = _with_channels(np.array(image, dtype=np.float32), record.channels)
    if record.kind == "zero-one":
        values /= np.float32(white)
    elif record.kind == "minus-one-one":
        values *= np.float32(2 / white)
        values -= np.float32(1)
    elif record.kind == "z-score":
        values = _standardized(values)
    else:
        values = _between_percentiles(values)
    return values


def _with_channels(values: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Return values (H, W) or (H, W, C) as (H, W, channels)."""
    if values.ndim == 2:
        values = values[..., None]
    if values.shape[-1] == channels:
        return values
    if channels == 3:
        return np.repeat(values, 3, axis=-1)
    luma: NDArray[np.float32] = (values @ _LUMA)[..., None]
    return luma


def _standardized(values: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = values.mean(dtype=np.float64)
    deviation = values.std(dtype=np.float64)
    if deviation == 0:
        return np.zeros_like(values)
    standardized: NDArray[np.float32] = (values - np.float32(mean)) / np.float32(deviation)
    return standardized


def _between_percentiles(values: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = np.percentile(values, (_LOW_PERCENTILE, _HIGH_PERCENTILE))
    if low == high:
        low, high = values.min(), values.max()
    if low == high:
        return np.zeros_like(values)
    stretched: NDArray[np.float32] = (values - np.float32(low)) / np.float32(high - low)
    return np.clip(stretched, 0, 1, out=stretched)
