"""How far views of an image disagree about what is in it, region by region."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Connectivity
from maskforge.prediction.tiling import Floats
from maskforge.review.components import Box, Components

LEAST = 0.25
"""Likelihood from which on a pixel belongs to a region: half of what it takes to be marked."""

_MARKED = 0.5
_CLEAR_OF_ENDS = 1e-6


class DoubtfulRegion(NamedTuple):
    """A region of one image that at least one view takes for likely.

    Attributes:
        number: Of the class, from 1.
        doubt: How far the views disagree about it, from 0 to 0.5.
        area: Its pixels.
        box: Left, top, right and bottom of it in pixels; right and bottom are behind the last.
    """

    number: int
    doubt: float
    area: int
    box: Box


def likelihoods(probabilities: Floats, limit: float) -> Floats:
    """Return probabilities on a scale on which the threshold is 0.5, straight on both sides of it.

    So a threshold that training tuned to 0.2 does not make every region of it doubtful.

    Args:
        probabilities: Of one class, of any shape.
        limit: Its threshold.

    Examples:
        >>> likelihoods(np.array([0, 0.1, 0.2, 0.6, 1]), 0.2).round(3).tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    limit = min(max(limit, _CLEAR_OF_ENDS), 1 - _CLEAR_OF_ENDS)
    below = probabilities * (_MARKED / limit)
    above = 1 - (1 - probabilities) * (_MARKED / (1 - limit))
    likely: Floats = np.where(probabilities < limit, below, above).clip(0, 1).astype(np.float32)
    return likely


def disagreement(likely: Floats) -> Floats:
    """Return how far views disagree about every pixel.

    It is the chance that a pixel is marked by one of two and not by the other, if each of them is a
    view and a threshold that are drawn at random: ``2 m (1 - m)``, with the mean likelihood ``m``
    of all views.

    Args:
        likely: (V, H, W) likelihoods of a class in V views.

    Returns:
        (H, W) from 0 to 0.5.

    Examples:
        >>> disagreement(np.array([[[1.0, 0.5]], [[0.0, 0.0]]], np.float32)).tolist()
        [[0.5, 0.375]]
    """
    mean: Floats = likely.mean(axis=0)
    return 2 * mean * (1 - mean)


def doubtful_regions(
    views: Floats,
    limits: Sequence[float],
    *,
    connectivity: Connectivity = 8,
    min_size: int = 4,
) -> Iterator[DoubtfulRegion]:
    """Yield the regions of an image, each with the doubt about it.

    A region is connected pixels whose likelihood of a class reaches 0.25 in any view; its doubt
    is the mean disagreement of its pixels, so a small lesion counts as much as a large one.

    Args:
        views: (V, H, W, K) probabilities of K classes in V views.
        limits: Threshold of each class.
        connectivity: Whether pixels that touch at a corner are connected.
        min_size: Smaller regions, in pixels, are left out.
    """
    for number, limit in enumerate(limits, 1):
        likely = likelihoods(views[..., number - 1], limit)
        components = Components.of(likely.max(axis=0) >= LEAST, connectivity)
        found = list(components.regions(min_size))
        apart = disagreement(likely) if found else None
        for one in found:
            assert apart is not None
            doubt = float(apart[one.part][one.inside].mean(dtype=np.float64))
            yield DoubtfulRegion(number, doubt, one.area, one.box)


def image_score(doubts: Iterable[float], likeliest: float) -> float:
    """Return how much an image is in doubt, from 0 to 1, from the doubt about its regions.

    It is ``sqrt(1 - product of (1 - d^2))``: of one region its doubt, of several more, but never
    more than 1; many regions that are nearly sure add little.

    Args:
        doubts: Of its regions.
        likeliest: The highest likelihood in the image. A quarter of it is the score of an image
            without regions.

    Examples:
        >>> [round(image_score(one, 0.2), 3) for one in ([0.5], [0.5, 0.5, 0.1], [])]
        [0.5, 0.666, 0.05]
    """
    known = list(doubts)
    if not known:
        return likeliest * LEAST
    return math.sqrt(1 - math.prod(1 - one * one for one in known))


def likeliest(views: Floats, limits: Sequence[float]) -> float:
    """Return the highest likelihood of any class in any view, from 0 to 1.

    Args:
        views: As for ``doubtful_regions``.
        limits: As for ``doubtful_regions``.
    """
    highest = views.max(axis=(0, 1, 2))
    pairs = zip(highest, limits, strict=True)
    return max(float(likelihoods(one, limit)) for one, limit in pairs)


def agreement(views: Floats, limits: Sequence[float]) -> NDArray[np.uint8]:
    """Return where views agree, over all classes.

    Of one view, what it marks with the thresholds 0.25, 0.5 and 0.75 is compared.

    Args:
        views: As for ``doubtful_regions``.
        limits: As for ``doubtful_regions``.

    Returns:
        (H, W): 0 nothing, 1 likely but marked by no view, 2 marked by all, 3 by some.
    """
    result = np.zeros(views.shape[1:3], np.uint8)
    for number, limit in enumerate(limits):
        likely = likelihoods(views[..., number], limit)
        levels = (_MARKED,) if len(likely) > 1 else (LEAST, _MARKED, 1 - LEAST)
        marked = np.concatenate([likely >= level for level in levels])
        state = np.zeros_like(result)
        state[likely.max(axis=0) >= LEAST] = 1
        state[marked.any(axis=0)] = 3
        state[marked.all(axis=0)] = 2
        np.maximum(result, state, out=result)
    return result
