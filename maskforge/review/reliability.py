"""How far a network can be trusted with regions of a size: as far as labels of others agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from maskforge.review.suspect import Compared

_SIMILAR = 20
"""Other regions, the nearest in area, that tell how far to trust a network."""


def reliabilities(found: Sequence[Compared]) -> list[float]:
    """Return a weight from 0 to 1 for every region, by which to multiply its score.

    Most labels are right. So a network that sees few of the drawn lesions of a size says little
    where it does not see one, and neither does one that sees many where nobody drew any. The weight
    is the share of similar regions of which the network says better:

    - ``invented``: the share of drawn regions that it sees.
    - ``outline``: the share of those that it sees with a lower score.
    - ``missed``: the share of predicted regions where something is drawn.
    - ``class``: of the drawn regions in which it sees that class, the share where it is drawn.

    Similar are the 20 of the class that are nearest in area. The region itself counts as one more
    of which it says better, so the weight is 1 where there are no others.

    Args:
        found: The regions of all images, those that nothing contradicts among them.
    """
    members: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, one in enumerate(found):
        members["predicted" if one.kind == "missed" else "drawn", one.number].append(index)
        if one.kind in ("outline", "class"):
            members["seen as", one.other or one.number].append(index)
    groups = {key: _Group(found, indices) for key, indices in members.items()}
    weights = []
    for index, one in enumerate(found):
        match one.kind:
            case "missed":
                others = groups["predicted", one.number].nearest(index, one.area)
                better = [not found[other].score for other in others]
            case "invented":
                others = groups["drawn", one.number].nearest(index, one.area)
                better = [found[other].kind == "outline" for other in others]
            case "class":
                others = groups["seen as", one.other].nearest(index, one.area)
                better = [found[other].kind == "outline" for other in others]
            case "outline":
                others = groups["drawn", one.number].nearest(index, one.area)
                seen = [found[other].score for other in others if found[other].kind == "outline"]
                better = [score < one.score for score in seen]
        weights.append((1 + sum(better)) / (1 + len(better)))
    return weights


class _Group:
    """Regions that are compared with each other, by area."""

    def __init__(self, found: Sequence[Compared], indices: Sequence[int]) -> None:
        logarithms = np.log([found[index].area for index in indices])
        order = np.argsort(logarithms, kind="stable")
        self._indices = np.asarray(indices)[order]
        self._logarithms = logarithms[order]

    def nearest(self, index: int, area: int) -> list[int]:
        """Return the other regions of which the ratio of the areas is nearest to 1."""
        logarithm = np.log(area)
        place = int(np.searchsorted(self._logarithms, logarithm))
        around = slice(max(0, place - _SIMILAR), place + _SIMILAR + 1)
        others = self._indices[around] != index
        distances = np.abs(self._logarithms[around][others] - logarithm)
        chosen = np.argsort(distances, kind="stable")[:_SIMILAR]
        return [int(one) for one in self._indices[around][others][chosen]]
