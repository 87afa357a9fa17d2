"""Fields over the image: filled rings, distances, soft steps and noise.

Fields are float32 arrays of shape (H, W). Those that rings are filled into are ``OVERSAMPLING``
times as fine as the image; lengths are in pixels of the image all the same.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from bitewings.curves import Points

Field: TypeAlias = NDArray[np.floating[Any]]

OVERSAMPLING = 2

_FARTHEST = 1e4  # OpenCV's distance is infinite where there is no rim


def filled(ring: Points, shape: tuple[int, int], origin: tuple[int, int]) -> NDArray[np.uint8]:
    """Return 255 where the center of a pixel is inside a ring (even-odd), and 0 elsewhere.

    Libraries differ, even from version to version, in the pixels at the rim; this does not.

    Args:
        ring: (N, 2) in pixels of the image.
        shape: Of the result.
        origin: Column and row of the result's first pixel in the whole field.
    """
    height, width = shape
    x, y = (ring * OVERSAMPLING - 0.5 - np.array(origin)).T  # whole numbers are centers
    end_x, end_y = np.roll(x, -1), np.roll(y, -1)
    first, last = (np.clip(np.ceil(at), 0, height).astype(np.int64) for at in _sorted(y, end_y))
    counts = last - first  # rows whose line of centers an edge crosses
    edge = np.repeat(np.arange(len(x)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    slope = (end_x - x) / np.where(end_y == y, 1, end_y - y)
    column = np.clip(np.ceil(x[edge] + (row - y[edge]) * slope[edge]), 0, width).astype(np.int64)
    crossings = np.bincount(row * (width + 1) + column, minlength=height * (width + 1))
    odd = (crossings & 1).astype(np.uint8).reshape(height, width + 1)[:, :width]
    inside: NDArray[np.uint8] = np.cumsum(odd, axis=1, dtype=np.uint8) & np.uint8(1)
    inside *= 255
    return inside


def _sorted(first: Points, second: Points) -> tuple[Points, Points]:
    return np.minimum(first, second), np.maximum(first, second)


def depth(mask: NDArray[np.uint8]) -> Field:
    """Return the distance to the next pixel that is 0, in pixels of the image."""
    distance: Field = np.asarray(
        cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_5), dtype=np.float32
    )
    np.minimum(distance, _FARTHEST, out=distance)
    distance /= np.float32(OVERSAMPLING)
    return distance


def chord(distance: Field, radius: float) -> Field:
    """Return how much of a body with rounded sides a ray passes: 0 at the rim, 1 inside."""
    missing: Field = distance / np.float32(radius)
    np.minimum(missing, 1, out=missing)
    np.subtract(1, missing, out=missing)
    missing *= missing
    np.subtract(1, missing, out=missing)
    return np.sqrt(missing, out=missing)


def ramp(values: Field, low: float, high: float) -> Field:
    """Return a smooth step from 0 at ``low`` to 1 at ``high``."""
    t: Field = values - np.float32(low)
    t /= np.float32(high - low)
    np.clip(t, 0, 1, out=t)
    step = t * -2
    step += 3
    step *= t * t
    return step


def noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> Field:
    """Return smooth noise of unit variance with grains of about ``sigma`` pixels."""
    step = max(int(sigma / 2), 1)
    small = shape[0] // step + 8, shape[1] // step + 8
    grains: Field = rng.standard_normal(small, dtype=np.float32)
    large = small[0] * step, small[1] * step
    grains = resized(blurred(grains, sigma / step), large, cv2.INTER_CUBIC)
    return standardized(grains[: shape[0], : shape[1]])


def trabeculae(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Field:
    """Return the net of fine bone struts, several layers one behind another, of unit variance.

    Args:
        rng: Source of the net.
        shape: Of the image.
        scale: Pixels per millimeter.
    """
    net = 0.5 * noise(rng, shape, 0.22 * scale)
    for size, weight in ((0.30, 1.0), (0.21, 0.9), (0.40, 0.8), (0.15, 0.5), (0.25, 0.8)):
        # The lines where smooth noise crosses zero look like struts.
        net += weight * np.exp(-((noise(rng, shape, size * scale) / 0.55) ** 2))
    return standardized(blurred(net, 0.045 * scale))


def blurred(field: Field, sigma: float) -> Field:
    """Return a field convolved with a Gaussian."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma), np.float32)


def resized(field: Field, shape: tuple[int, int], interpolation: int = cv2.INTER_LINEAR) -> Field:
    """Return a field stretched to another shape; ``interpolation`` is OpenCV's."""
    size = shape[1], shape[0]
    return np.asarray(cv2.resize(field, size, interpolation=interpolation), np.float32)


def standardized(field: Field) -> Field:
    """Return a field shifted and scaled to mean 0 and variance 1."""
    result: Field = field - field.mean()
    result /= field.std()
    return result
