"""What a rasterizer has to provide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from maskforge.raster.runs import Runs
from maskforge.shapes import Area, Size


class Rasterizer(Protocol):
    """Turns areas into pixels; every rasterizer module in this folder has one as ``RASTERIZER``."""

    @property
    def name(self) -> str:
        """Name for the command line."""

    @property
    def rule(self) -> str:
        """For people: which pixels belong to a region."""

    def scan(self, areas: Sequence[Area], size: Size) -> Runs:
        """Return the pixels of every area as horizontal runs, clipped to the image.

        The ``region`` of a run is the index of its area. Parts of one area are united, so no
        pixel is in two runs of the same region.

        What is made is counted before it is.

        Raises:
            LimitError: If it is more than an image may take.
            MissingDependencyError: If the library cannot be loaded, even if nothing is to be drawn.
        """
