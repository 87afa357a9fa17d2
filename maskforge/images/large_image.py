"""An image that is too large for an array: its rows are decoded when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maskforge.errors import DatasetError
from maskforge.images.containers.base import Window
from maskforge.images.decoder import read_part
from maskforge.images.stored import Pixels
from maskforge.issues import Origin
from maskforge.shapes import Size


@dataclass(frozen=True, slots=True)
class LargeImage:
    """A TIFF file in tiles or strips.

    Attributes:
        file: The image.
        size: Its size.
    """

    file: Path
    size: Size

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.size.height, self.size.width

    def rows(self, start: int, stop: int) -> Pixels:
        """Return some rows, (stop - start, W, 1) or (stop - start, W, 3), uint8 or uint16.

        Raises:
            DatasetError: If they cannot be decoded.
        """
        try:
            window = Window(0, start, self.size.width, stop - start)
            return read_part(self.file, window).image()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            origin = Origin(self.file, "")
            raise DatasetError(f"cannot be read as an image: {reason}", origin=origin) from None
