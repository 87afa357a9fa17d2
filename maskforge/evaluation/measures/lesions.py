"""Lesions found, missed and invented: connected regions, matched where they overlap."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Connectivity
from maskforge.evaluation.measures.measure import LesionMeasure
from maskforge.evaluation.measures.ratios import divide


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


class LesionMatcher:
    """The lesions of one truth, ready to be matched with predictions.

    A lesion of the truth is found if one predicted region overlaps it; several predicted regions
    may find one lesion, and one may find several. A predicted region is false if it overlaps no
    lesion.

    Attributes:
        total: Number of lesions.
    """

    def __init__(
        self,
        truth: NDArray[np.bool_],
        *,
        connectivity: Connectivity = 8,
        match_iou: float = 0.0,
        min_size: int = 1,
    ) -> None:
        """Find the lesions.

        Args:
            truth: (H, W) bool.
            connectivity: 8 if pixels that touch at a corner are connected, else 4.
            match_iou: Smallest intersection over union of the two regions; 0 for any common pixel.
            min_size: Smaller regions, in pixels, are not counted. A predicted region that matches
                a lesion of the truth that is too small to be counted is not false either.
        """
        self._truth, self._connectivity = truth, connectivity
        self._match_iou, self._min_size = match_iou, min_size
        self._regions, self._sizes = components(truth, connectivity)
        self._large = self._sizes >= min_size
        self.total = _count(self._large)

    def match(self, predicted: NDArray[np.bool_]) -> Lesions:
        """Count the connected regions of truth and prediction, and those that match.

        Args:
            predicted: (H, W) bool.
        """
        regions, sizes = components(predicted, self._connectivity)
        large = sizes >= self._min_size
        both = self._truth & predicted
        pairs = self._regions[both].astype(np.int64) * len(sizes) + regions[both]
        places, common = np.unique(pairs, return_counts=True)
        row, column = np.divmod(places, len(sizes))
        union = self._sizes[row] + sizes[column] - common
        matched = common >= self._match_iou * union
        row, column = row[matched], column[matched]
        found = np.unique(row[self._large[row] & large[column]])
        hits = np.unique(column[large[column]])
        total = _count(large)
        return Lesions(self.total, len(found), total, total - len(hits))


def _count(large: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(large[1:]))  # number 0 is what surrounds the regions


def components(
    region: NDArray[np.bool_], connectivity: Connectivity
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the number of the region of every pixel, from 1, and the size of every region.

    The first size is that of what surrounds the regions.
    """
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(
        region.view(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S
    )
    sizes = statistics[:count, cv2.CC_STAT_AREA].astype(np.int64)
    return np.asarray(numbers, np.int32), sizes


LESION_SENSITIVITY = LesionMeasure(
    "lesion_sensitivity",
    "lesions found",
    "share of the lesions that are found",
    lambda sample: divide(sample.lesions[..., 1], sample.lesions[..., 0]),
    unit="share",
    key="sensitivity",
    beside="interval",
)
FALSE_LESIONS_PER_IMAGE = LesionMeasure(
    "false_lesions_per_image",
    "false per image",
    "false lesions per image",
    lambda sample: divide(sample.lesions[..., 3], sample.weights.sum(axis=1, keepdims=True)),
    better="lower",
    unit="rate",
    key="false_per_image",
)
LESION_F1 = LesionMeasure(
    "lesion_f1",
    "lesion F1",
    "share of the lesions of both sides that the other side has as well: (found + predicted ones "
    "that are not false) / (lesions in the truth + predicted)",
    lambda sample: divide(
        sample.lesions[..., 1] + sample.lesions[..., 2] - sample.lesions[..., 3],
        sample.lesions[..., 0] + sample.lesions[..., 2],
    ),
    key="f1",
)
