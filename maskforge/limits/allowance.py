"""What one image may take, counted before it is made."""

from __future__ import annotations

import enum
import math
import os

from maskforge.errors import LimitError, OptionError, shorten

FACTOR = "MASKFORGE_LIMIT_FACTOR"
"""Environment variable that all limits are multiplied by."""


class Limit(enum.Enum):
    """The limits, each for one file or image: what is counted, and how many there may be.

    Time and memory grow in proportion to each. What an image may take is up to about 2 GB.
    """

    FILE_BYTES = (500_000_000, "bytes of an annotation file")
    FILE_MEMORY = (2**32, "bytes of memory for what is in an annotation file")
    YAML_BYTES = (2**20, "bytes and values of a YAML file")
    PAGES = (2**12, "pages of an image file")
    RECORDS = (100_000, "records of one image")
    CROSSINGS = (2**25, "crossings of outlines with rows of pixels")
    VERTICES = (2**24, "vertices of circles, ellipses, discs and thick lines")
    BITMAP_PIXELS = (2**30, "pixels of bitmaps")
    CANVAS_PIXELS = (2**34, "pixels of canvases to draw single outlines on")
    TIES = (2**20, "crossings too close to the center of a pixel for a quick decision")

    def __init__(self, most: int, meaning: str) -> None:
        self.most = most
        self.meaning = meaning


class Allowance:
    """Counts what one image takes of something that is limited."""

    def __init__(self, limit: Limit) -> None:
        """Begin at nothing.

        Raises:
            OptionError: If the environment variable is not a positive number.
        """
        self._limit = limit
        self._most = limit.most * _factor()
        self._taken = 0

    def take(self, count: int) -> None:
        """Count something that is about to be made.

        Raises:
            LimitError: If it is more than is left.
        """
        self._taken += count
        if self._taken > self._most:
            raise LimitError(
                f"needs {self._taken:,} {self._limit.meaning} or more, "
                f"beyond the limit of {int(self._most):,}",
                hint="look for repeated or damaged shapes; if the file is right, allow ten times "
                f"as much with the environment variable {FACTOR}=10",
            )


def _factor() -> float:
    text = os.environ.get(FACTOR) or "1"
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:  # False for NaN, too
        raise OptionError(
            f"the environment variable {FACTOR} is {shorten(text)}, expected a positive number",
            hint="remove it, or set it to 10, for example",
        )
    return factor
