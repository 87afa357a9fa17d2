"""Connected regions of an image that comes in bands of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from maskforge.choices import Connectivity
from maskforge.evaluation.measures.lesions import Lesions, Overlaps, components, match
from maskforge.evaluation.measures.measure_options import MeasureOptions


class BandComponents:
    """The regions of one side: those of every band, and which of them touch across bands."""

    def __init__(self, connectivity: Connectivity) -> None:
        """Begin above the first band."""
        self._connectivity = connectivity
        self._reach = 1 if connectivity == 8 else 0
        self._sizes = [np.zeros(1, np.int64)]
        self._count = 1
        self._above: NDArray[np.int64] | None = None
        self._links: list[NDArray[np.int64]] = []

    def add(self, region: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int, int]:
        """Find the regions of the next band.

        Args:
            region: (h, W) bool.

        Returns:
            Their numbers from 1, 0 where there is none, (h, W), or (1, 1) if there is none at all;
            how many there are, and what to add to a number to get that among all bands.
        """
        if not region.any():
            self._above = None
            return np.zeros((1, 1), np.int32), 1, self._count - 1
        numbers, sizes = components(region, self._connectivity)
        before = self._count - 1
        self._sizes.append(sizes[1:])
        self._count += len(sizes) - 1
        first, last = (np.where(row, row + before, 0).astype(np.int64) for row in numbers[[0, -1]])
        if self._above is not None:
            self._link(self._above, first)
        self._above = last
        return numbers, len(sizes), before

    def _link(self, above: NDArray[np.int64], below: NDArray[np.int64]) -> None:
        width = len(above)
        for shift in range(-self._reach, self._reach + 1):
            upper = above[max(0, -shift) : width - max(0, shift)]
            lower = below[max(0, shift) : width - max(0, -shift)]
            touching = (upper > 0) & (lower > 0)
            if touching.any():
                self._links.append(np.unique(np.stack((upper, lower), 1)[touching], axis=0))

    def joined(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the number of the whole region of every part, and the pixels of every region."""
        links = np.concatenate([*self._links, np.empty((0, 2), np.int64)])
        graph = coo_array((np.ones(len(links)), links.T), shape=(self._count, self._count))
        count, found = connected_components(graph, directed=False)
        # Number 0 is what surrounds all regions; it touches none, and is the first to be found.
        return found.astype(np.int64), _sums(found, np.concatenate(self._sizes), count)


def _sums(numbers: NDArray[np.integer], values: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    total = np.zeros(count, np.int64)
    np.add.at(total, numbers, values)
    return total


class BandLesions:
    """The lesions of a class."""

    def __init__(self, options: MeasureOptions) -> None:
        """Begin above the first band."""
        self._options = options
        self._truth = BandComponents(options.connectivity)
        self._predicted = BandComponents(options.connectivity)
        self._pairs: list[NDArray[np.int64]] = []
        self._void = [np.zeros(1, np.int64)]

    def add(
        self,
        truth: NDArray[np.bool_],
        predicted: NDArray[np.bool_],
        void: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take the next band.

        Args:
            truth: (h, W) bool.
            predicted: Likewise, also where the truth is void.
            void: Likewise, where it is; None if nowhere.
        """
        numbers, _, before = self._truth.add(truth)
        others, count, others_before = self._predicted.add(predicted)
        if count > 1:
            unknown = np.zeros(0, np.int32) if void is None else others[void]
            self._void.append(np.bincount(unknown, minlength=count)[1:])
        both = truth & predicted
        if not both.any():
            return
        pairs = numbers[both].astype(np.int64) * count + others[both]
        if pairs.max() < 2 * len(pairs):
            common = np.bincount(pairs)
            places = np.flatnonzero(common)
            pixels = common[places]
        else:
            places, pixels = np.unique(pairs, return_counts=True)
        row, column = np.divmod(places, count)
        self._pairs.append(np.stack((row + before, column + others_before, pixels)))

    def matched(self) -> Lesions:
        """Return the lesions of the image."""
        truth, sizes = self._truth.joined()
        predicted, other_sizes = self._predicted.joined()
        row, column, pixels = np.concatenate([*self._pairs, np.empty((3, 0), np.int64)], axis=1)
        keys = truth[row] * len(other_sizes) + predicted[column]
        places, inverse = np.unique(keys, return_inverse=True)
        overlaps = Overlaps(
            *np.divmod(places, len(other_sizes)), _sums(inverse, pixels, len(places))
        )
        void = _sums(predicted, np.concatenate(self._void), len(other_sizes))
        options = self._options
        return match(sizes, other_sizes, overlaps, options.match_iou, options.min_size, void)
