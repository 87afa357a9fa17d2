"""Kappa: how far people agree beyond chance on whether something is there.

All take sums over units, such as images, so weighted sums give the values of resampled data sets.
Where chance alone would agree always, because everybody says the same everywhere, kappa is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.ratios import divide

_ROUNDING = 1e-12
"""By which a chance of 1 may be less."""


def cohen_kappa(cells: NDArray[Any]) -> NDArray[np.float64]:
    """Return Cohen's kappa (1960) of two people who say yes or no.

    Args:
        cells: (..., 4) units: both say yes, only the second, only the first, neither.

    Returns:
        (...): 1 for perfect agreement, 0 for that of chance.
    """
    shares = divide(cells, np.asarray(cells).sum(axis=-1, keepdims=True))
    both, second, first, neither = np.moveaxis(shares, -1, 0)
    chance = (both + first) * (both + second) + (neither + first) * (neither + second)
    return _beyond_chance(both + neither, chance)


def rating_parts(ratings: NDArray[Any]) -> NDArray[np.float64]:
    """Return what every unit adds to the sums from which ``fleiss_kappa`` is made.

    Args:
        ratings: (..., C): how many people put the unit into each of the categories; as many
            people for every unit, and at least two.

    Returns:
        (..., 2 + C): 1, the share of pairs of people who agree, and the shares of the categories.
    """
    ratings = np.asarray(ratings, dtype=np.float64)
    people = ratings.sum(axis=-1, keepdims=True)
    alike = (ratings * (ratings - 1)).sum(axis=-1, keepdims=True) / (people * (people - 1))
    return np.concatenate([np.ones_like(alike), alike, ratings / people], axis=-1)


def fleiss_kappa(sums: NDArray[Any]) -> NDArray[np.float64]:
    """Return Fleiss' kappa (1971) of any number of people.

    Args:
        sums: (..., 2 + C): the sum of ``rating_parts`` over the units.

    Returns:
        (...): 1 for perfect agreement, 0 for that of chance.
    """
    means = divide(sums[..., 1:], sums[..., :1])
    return _beyond_chance(means[..., 0], (means[..., 1:] ** 2).sum(axis=-1))


def _beyond_chance(
    observed: NDArray[np.float64], chance: NDArray[np.float64]
) -> NDArray[np.float64]:
    possible = 1 - chance
    possible = np.where(possible < _ROUNDING, 0, possible)
    return divide(observed - chance, possible)
