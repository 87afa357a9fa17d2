"""Lesions found, missed and invented: connected regions, matched where they overlap."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskforge.choices import Connectivity
from maskforge.evaluation.measures.measure import LesionMeasure
from maskforge.evaluation.measures.ratios import divide


class Lesions(NamedTuple):
    """Lesions of a class in an image, or in many.

    Attributes:
        truth: In the truth.
        found: Of them, those that a predicted lesion matches.
        predicted: In the prediction, as far as the truth can judge them.
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
    lesion. Where the truth is void, nobody knows: regions are connected through it, void pixels
    count neither in sizes nor in overlaps, and a region that overlaps no lesion and has half of its
    pixels or more there is not counted at all.

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
        self.total = _count(self._sizes >= min_size)

    def match(self, predicted: NDArray[np.bool_], void: NDArray[np.bool_] | None = None) -> Lesions:
        """Count the connected regions of truth and prediction, and those that match.

        Args:
            predicted: (H, W) bool, also where the truth is void.
            void: (H, W) bool: where it is; None if nowhere.
        """
        regions, sizes = components(predicted, self._connectivity)
        unknown = np.bincount(regions[void], minlength=len(sizes)) if void is not None else None
        both = self._truth & predicted
        pairs = self._regions[both].astype(np.int64) * len(sizes) + regions[both]
        places, common = np.unique(pairs, return_counts=True)
        row, column = np.divmod(places, len(sizes))
        overlaps = Overlaps(row, column, common)
        return match(self._sizes, sizes, overlaps, self._match_iou, self._min_size, unknown)


class Overlaps(NamedTuple):
    """Which regions of both sides have pixels in common, and how many.

    Attributes:
        truth: (N,) numbers of regions of the truth.
        predicted: (N,) numbers of the predicted ones.
        pixels: (N,) common pixels.
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    pixels: NDArray[np.int64]


def match(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    overlaps: Overlaps,
    match_iou: float,
    min_size: int,
    void: NDArray[np.int64] | None = None,
) -> Lesions:
    """Count regions, and those that match; see ``LesionMatcher``.

    Args:
        truth: Pixels of every region of the truth; number 0 is what surrounds them.
        predicted: Likewise of the prediction.
        overlaps: What they have in common.
        match_iou: As for ``LesionMatcher``.
        min_size: Likewise.
        void: Of the pixels of every predicted region, those where the truth is void.
    """
    judged = None if void is None else is_judged(predicted, void)
    predicted = predicted if void is None else predicted - void
    large, also_large = truth >= min_size, predicted >= min_size
    row, column, common = overlaps
    union = truth[row] + predicted[column] - common
    matched = common >= match_iou * union
    row, column = row[matched], column[matched]
    found = np.unique(row[large[row] & also_large[column]])
    hits = np.unique(column[also_large[column]])
    if judged is not None:
        judged[hits] = True
        also_large &= judged
    total = _count(also_large)
    return Lesions(_count(large), len(found), total, total - len(hits))


def is_judged(pixels: ArrayLike, void: ArrayLike) -> NDArray[np.bool_]:
    """Tell which predicted regions that overlap no lesion are false, and not merely unknown.

    Args:
        pixels: Of every region.
        void: Of them, those where the truth is void.
    """
    return np.asarray(2 * np.asarray(void) < np.asarray(pixels))


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
