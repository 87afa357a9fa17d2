"""An image that is too large for an array: its rows are decoded when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import DatasetError
from maskforge.images.containers.base import Window
from maskforge.images.decoder import read_part
from maskforge.images.offset import Offset, move_image, reach_of
from maskforge.images.stored import Pixels
from maskforge.issues import Origin
from maskforge.shapes import Size


@dataclass(frozen=True, slots=True)
class LargeImage:
    """A TIFF file in tiles or strips.

    Attributes:
        file: The image.
        size: Its size.
        window: Which values of a DICOM file are black and white.
        offset: How far it is moved; None for not at all.
    """

    file: Path
    size: Size
    window: str = "voi"
    offset: Offset | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.size.height, self.size.width

    def __getitem__(self, rows: slice) -> Pixels:
        """Return rows from start to stop, (h, W, 1) or (h, W, 3), uint8 or uint16.

        Raises:
            DatasetError: If they cannot be decoded.
        """
        start, stop = rows.start, rows.stop
        if self.offset is not None:
            reach = reach_of(self.offset.down)
            start, stop = max(0, start - reach), min(self.size.height, stop + reach)
        try:
            window = Window(0, start, self.size.width, stop - start)
            found = read_part(self.file, window).image(self.window)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            origin = Origin(self.file, "")
            raise DatasetError(f"cannot be read as an image: {reason}", origin=origin) from None
        if self.offset is None:
            return found
        return move_image(found, self.offset)[rows.start - start : rows.stop - start]

    def take(self, indices: NDArray[np.intp], axis: Literal[0]) -> Pixels:
        """Return rows by their numbers, which are near each other; as an array does."""
        first = int(indices.min())
        rows: Pixels = self[first : int(indices.max()) + 1].take(indices - first, axis=axis)
        return rows
