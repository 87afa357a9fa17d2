"""Outlines of regions, and the distances between two of them.

The border of a region are its pixels of which one of the four neighbors is outside; outside the
image there is nothing. The distance of a border pixel is that to the nearest border pixel of the
other region, from center to center, in pixels or in the unit of the spacing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from maskforge.evaluation.measures.measure_options import MeasureOptions, Spacing

Distances: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Of every border pixel of the truth, and of every one of the prediction."""


def border(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the border pixels of a region (H, W)."""
    inner = region.copy()
    inner[0] = inner[-1] = False
    inner[:, 0] = inner[:, -1] = False
    inner[1:] &= region[:-1]
    inner[:-1] &= region[1:]
    inner[:, 1:] &= region[:, :-1]
    inner[:, :-1] &= region[:, 1:]
    return region & ~inner


def border_distances(
    truth: NDArray[np.bool_], predicted: NDArray[np.bool_], spacing: Spacing = (1.0, 1.0)
) -> Distances | None:
    """Return the distances from the border of each region to that of the other.

    Args:
        truth: (H, W) bool.
        predicted: Likewise.
        spacing: Height and width of a pixel.

    Returns:
        For every border pixel of the truth its distance, and for every one of the prediction; None
        if one of the regions is empty.
    """
    if not truth.any() or not predicted.any():
        return None
    first, second = (np.argwhere(border(one)) * np.array(spacing) for one in (truth, predicted))
    # Points on a grid are spread evenly: trees that are not balanced are built faster.
    trees = (KDTree(one, compact_nodes=False, balanced_tree=False) for one in (second, first))
    to_second, to_first = (
        tree.query(one)[0] for tree, one in zip(trees, (first, second), strict=True)
    )
    return to_second, to_first


@dataclass(frozen=True, eq=False)
class ClassRegions:
    """Where a class is in an image, without the margin in which it is on neither side.

    Attributes:
        truth: (H, W) bool.
        predicted: Likewise.
        options: How it is measured.
    """

    truth: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    options: MeasureOptions

    @cached_property
    def distances(self) -> Distances:
        """The distances between the outlines; on neither side the region may be empty."""
        found = border_distances(self.truth, self.predicted, self.options.spacing)
        assert found is not None
        return found
