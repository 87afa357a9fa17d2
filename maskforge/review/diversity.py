"""An order in which what comes early is important, and unlike what came before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE = 16
_SAME = 1e-5
"""Distance below which two images are one: what rounding leaves."""

_MOST_MEASURED = 1000


def look_of(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return what an image looks like from afar: 16 x 16 gray cells as a vector of length 1.

    The product of two of them is the correlation of the cells, so brightness and contrast do not
    matter.

    Args:
        image: (H, W) or (H, W, C) of any numbers.

    Returns:
        (257,) float32. An image of one brightness has 1 in the last place, others 0.
    """
    gray = image.reshape(*image.shape[:2], -1).mean(axis=-1, dtype=np.float32)
    cells = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    cells -= cells.mean()
    length = float(np.linalg.norm(cells))
    look = np.zeros(_SIDE * _SIDE + 1, np.float32)
    if length <= _SAME * _SIDE * max(1.0, float(gray.max())):
        look[-1] = 1
    else:
        look[:-1] = (cells / length).ravel()
    return look


def varied_order(
    scores: Sequence[float], looks: NDArray[np.float32], diversity: float
) -> tuple[list[int], list[float]]:
    """Return an order of images, and the priority of each in it, which never rises.

    First comes the highest score. Then, again and again, the highest priority: the score times
    ``min(1, d / m) ^ diversity``, with the distance ``d`` (1 less the correlation) to the nearest
    image that came before, and the median distance ``m`` of all images. A copy has 0.

    Args:
        scores: Of every image, from 0 to 1.
        looks: (N, 257) as ``look_of`` returns them.
        diversity: 0 for the order of the scores.

    Examples:
        >>> looks = np.eye(3, 257, dtype=np.float32)[[0, 0, 1]]
        >>> varied_order([0.9, 0.8, 0.3], looks, 0.5)
        ([0, 2, 1], [0.9, 0.3, 0.0])
    """
    given = np.asarray(scores, np.float64)
    if not diversity:
        plain = np.argsort(-given, kind="stable").tolist()
        return plain, given[plain].tolist()
    scale = _median_distance(looks)
    nearest = np.full(len(given), scale, np.float32)
    values = given.copy()
    order: list[int] = []
    priorities: list[float] = []
    left = np.ones(len(given), np.bool_)
    by_score = iter(np.argsort(-given, kind="stable").tolist())
    for _ in range(len(given)):
        chosen = int(values.argmax())
        if values[chosen] <= 0:  # copies, and images without any doubt
            chosen = next(one for one in by_score if left[one])
        order.append(chosen)
        priorities.append(float(values[chosen]))
        left[chosen], values[chosen] = False, -1
        distances = _distances(looks, looks[chosen])
        nearer = np.flatnonzero((distances < nearest) & left)  # of few images, mostly
        nearest[nearer] = distances[nearer]
        values[nearer] = given[nearer] * (distances[nearer] / scale) ** diversity
    return order, priorities


def _distances(looks: NDArray[np.float32], look: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1 less the correlation of each with one, and 0 where they are the same."""
    distances: NDArray[np.float32] = 1 - looks @ look
    distances[distances < _SAME] = 0
    return distances


def _median_distance(looks: NDArray[np.float32]) -> float:
    """Return the median distance of images that are not the same; of many images, of a part."""
    some = looks[:: -(-len(looks) // _MOST_MEASURED)]
    apart = np.concatenate([_distances(some[number + 1 :], one) for number, one in enumerate(some)])
    apart = apart[apart > 0]
    return float(np.median(apart)) if len(apart) else 1.0
