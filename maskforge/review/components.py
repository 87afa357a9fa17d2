"""The connected regions of a plane, each with its box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Connectivity

Box: TypeAlias = tuple[int, int, int, int]
Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Region:
    """A connected region.

    Attributes:
        box: Left, top, right and bottom of it in pixels; right and bottom are behind the last.
        inside: Which pixels of the box belong to it, (h, w) bool.
    """

    box: Box
    inside: Bools

    @property
    def part(self) -> tuple[slice, slice]:
        """Rows and columns of the box."""
        left, top, right, bottom = self.box
        return slice(top, bottom), slice(left, right)

    @property
    def area(self) -> int:
        """Number of its pixels."""
        return int(np.count_nonzero(self.inside))


@dataclass(frozen=True, slots=True)
class Components:
    """The connected regions of a plane.

    Attributes:
        plane: (H, W) bool.
        numbers: (H, W): of the region of every pixel, from 1.
        boxes: (N + 1, 4): left, top, right and bottom of every region.
        areas: (N + 1,): pixels of every region.
    """

    plane: Bools
    numbers: NDArray[np.int32]
    boxes: NDArray[np.int64]
    areas: NDArray[np.int64]

    @classmethod
    def of(cls, plane: Bools, connectivity: Connectivity) -> Self:
        """Find the regions of a plane (H, W).

        Args:
            plane: The plane.
            connectivity: Whether pixels that touch at a corner are connected (8).
        """
        _, numbers, found, _ = cv2.connectedComponentsWithStats(
            plane.view(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S
        )
        left, top, width, height, areas = np.asarray(found, np.int64).T
        boxes = np.stack([left, top, left + width, top + height], axis=1)
        return cls(plane, np.asarray(numbers, np.int32), boxes, areas)

    def regions(self, min_size: int) -> Iterator[Region]:
        """Yield the regions that are large enough."""
        for number in np.flatnonzero(self.areas >= min_size):
            if number:  # 0 is what surrounds them
                left, top, right, bottom = self.boxes[number].tolist()
                inside = np.equal(self.numbers[top:bottom, left:right], number)
                yield Region((left, top, right, bottom), inside)
