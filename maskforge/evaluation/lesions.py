"""Lesions found, missed and invented: connected regions, matched where they overlap."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Connectivity: TypeAlias = Literal[4, 8]


class Lesions(NamedTuple):
    """Lesions of a class in an image, or in many.

    Attributes:
        truth: In the truth.
        found: Of them, those that a predicted lesion matches.
        predicted: In the prediction.
        false: Of them, those that match no lesion of the truth.
    """

    truth: int
    found: int
    predicted: int
    false: int


def match_lesions(
    truth: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    *,
    connectivity: Connectivity = 8,
    match_iou: float = 0.0,
    min_size: int = 1,
) -> Lesions:
    """Count the connected regions of truth and prediction, and those that match.

    A lesion of the truth is found if one predicted region overlaps it; several predicted regions
    may find one lesion, and one may find several. A predicted region is false if it overlaps no
    lesion.

    Args:
        truth: (H, W) bool.
        predicted: Likewise.
        connectivity: 8 if pixels that touch at a corner are connected, else 4.
        match_iou: Smallest intersection over union of the two regions; 0 for any common pixel.
        min_size: Smaller regions, in pixels, are not counted. A predicted region that matches a
            lesion of the truth that is too small to be counted is not false either.
    """
    truth_regions, truth_sizes = _components(truth, connectivity)
    regions, sizes = _components(predicted, connectivity)
    truth_large, large = truth_sizes >= min_size, sizes >= min_size
    both = truth & predicted
    pairs = truth_regions[both].astype(np.int64) * len(sizes) + regions[both]
    places, common = np.unique(pairs, return_counts=True)
    row, column = np.divmod(places, len(sizes))
    union = truth_sizes[row] + sizes[column] - common
    matched = common >= match_iou * union
    row, column = row[matched], column[matched]
    found = np.unique(row[truth_large[row] & large[column]])
    hits = np.unique(column[large[column]])
    # Number 0 is what surrounds the regions.
    total, total_predicted = (int(np.count_nonzero(one[1:])) for one in (truth_large, large))
    return Lesions(total, len(found), total_predicted, total_predicted - len(hits))


def _components(
    region: NDArray[np.bool_], connectivity: Connectivity
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the number of the region of every pixel, from 1, and the size of every region."""
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(
        region.view(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S
    )
    sizes = statistics[:count, cv2.CC_STAT_AREA].astype(np.int64)
    return np.asarray(numbers, np.int32), sizes
