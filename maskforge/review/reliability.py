"""How far a network can be trusted with regions of a size: as far as labels of others agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskforge.review.suspect import Compared

_SIMILAR = 20
"""Other regions, the nearest in area, that tell how far to trust a network."""


def reliabilities(found: Sequence[Compared]) -> list[float]:
    """Return a weight from 0 to 1 for every region, by which to multiply its score.

    Most labels are right. So a network that sees few of the drawn lesions of a size says little
    where it does not see one, and neither does one that sees many where nobody drew any. The weight
    is the share of similar regions of which the network says better:

    - ``invented`` and ``class``: the share of drawn regions that it sees.
    - ``outline``: the share of those that it sees with a lower score.
    - ``missed``: the share of predicted regions where something is drawn.

    Similar are the 20 of the class that are nearest in area. The region itself counts as one more
    of which it says better, so the weight is 1 where there are no others.

    Args:
        found: The regions of all images, those that nothing contradicts among them.
    """
    groups: dict[tuple[bool, int], list[int]] = defaultdict(list)
    for index, one in enumerate(found):
        groups[one.kind == "missed", one.number].append(index)
    weights = np.ones(len(found))
    for (predicted, _), indices in groups.items():
        members = [found[index] for index in indices]
        scores = np.array([one.score for one in members])
        seen = scores == 0 if predicted else np.array([one.kind == "outline" for one in members])
        similar = _nearest(np.array([one.area for one in members]))
        for place, index in enumerate(indices):
            others = similar[place]
            better = seen[others]
            if members[place].kind == "outline":
                others = others[better]
                better = scores[others] < scores[place]
            weights[index] = (1 + np.count_nonzero(better)) / (1 + len(others))
    return weights.tolist()


def _nearest(areas: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Return of every region the others of which the ratio of the areas is nearest to 1."""
    logarithms = np.log(areas)
    order = np.argsort(areas, kind="stable")
    nearest: list[NDArray[np.intp]] = [order[:0]] * len(order)
    for rank, index in enumerate(order):
        around = order[max(0, rank - _SIMILAR) : rank + _SIMILAR + 1]
        others = around[around != index]
        distances = np.abs(logarithms[others] - logarithms[index])
        nearest[index] = others[np.argsort(distances, kind="stable")[:_SIMILAR]]
    return nearest
