"""What resizing leaves of the regions that somebody drew."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import cv2
import numpy as np

from maskforge.checks.base import CheckPlace
from maskforge.checks.subjects import Subject
from maskforge.masks.classes import BACKGROUND, VOID
from maskforge.masks.resize import resize_mask
from maskforge.shapes import Size

SPECK = 9
"""Regions with fewer pixels are slips of the mouse, or nothing that a network can learn."""


@dataclass(slots=True, eq=False)
class Shrinking:
    """Counts what resizing leaves of regions.

    Attributes:
        size: To which every image is scaled.
        regions: Regions of 9 pixels and more, per class id.
        lost: Those that have no pixel afterwards, by class id: image and box of each.
        small: Those that have fewer than 9, likewise.
    """

    size: Size
    regions: Counter[int] = field(default_factory=Counter)
    lost: dict[int, list[CheckPlace]] = field(default_factory=dict)
    small: dict[int, list[CheckPlace]] = field(default_factory=dict)

    def look(self, subject: Subject) -> None:
        """Count the regions of an image."""
        mask = subject.mask
        if mask is None:
            return
        for id_ in np.unique(mask).tolist():
            if id_ in (BACKGROUND, VOID):
                continue
            _, numbers, statistics, _ = cv2.connectedComponentsWithStats(
                (mask == id_).astype(np.uint8), connectivity=8
            )
            areas = statistics[:, cv2.CC_STAT_AREA]
            left = np.bincount(resize_mask(numbers, self.size).ravel(), minlength=len(areas))
            for number in range(1, len(areas)):
                if areas[number] < SPECK:
                    continue
                self.regions[id_] += 1
                if left[number] < SPECK:
                    x, y, width, height = (int(one) for one in statistics[number, :4])
                    place = subject.place.saying(
                        f"{areas[number]} px become {left[number]}",
                        box=(x, y, x + width, y + height),
                    )
                    kept = self.small if left[number] else self.lost
                    kept.setdefault(id_, []).append(place)
