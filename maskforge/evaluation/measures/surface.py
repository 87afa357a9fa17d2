"""HD95 and surface Dice: how far the outlines of truth and prediction lie from each other."""

from __future__ import annotations

import numpy as np

from maskforge.evaluation.measures.measure import OutlineMeasure
from maskforge.evaluation.measures.outlines import Distances

_PERCENTILE = 95
_ROUNDING = 1e-9  # a distance that equals the tolerance but for rounding is within it


def hd95(distances: Distances) -> float:
    """Return the 95th percentile of the Hausdorff distance.

    The larger of the percentiles of both directions (Metrics Reloaded, MONAI), linear between
    neighbors. MedPy takes the percentile of both directions together, which is never larger.
    """
    return float(max(np.percentile(one, _PERCENTILE) for one in distances))


def surface_dice(distances: Distances, tolerance: float) -> float:
    """Return the share of both borders that is within the tolerance of the other one.

    Nikolov et al. 2018, with border pixels instead of the length of the outline (as MONAI).
    """
    near = sum(int(np.count_nonzero(one <= tolerance + _ROUNDING)) for one in distances)
    return near / sum(len(one) for one in distances)


HD95 = OutlineMeasure(
    "hd95",
    "HD95",
    "the distances from every border pixel of one side to the nearest of the other, and back: the "
    "larger of both 95th percentiles, as in MONAI and Metrics Reloaded. (MedPy joins the two "
    "directions, and is never larger.)",
    lambda regions: hd95(regions.distances),
    better="lower",
    unit="distance",
    beside="median",
    by_group=False,
)
SURFACE_DICE = OutlineMeasure(
    "surface_dice",
    "surface Dice",
    "share of the border pixels of both sides that are at most `--tolerance` from the other side "
    "(Nikolov et al. 2018)",
    lambda regions: surface_dice(regions.distances, regions.options.tolerance),
    by_group=False,
)
