"""Images inside annotation files, as text."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from maskforge.images.containers.base import ImageHeader
from maskforge.images.decoder import read_header

_BEGINNING = 4 * 16384


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedImage:
    """An encoded image as base64; decoded when it is asked for, and kept nowhere.

    Attributes:
        text: The base64 text.
    """

    text: str

    def content(self) -> bytes:
        """Return the encoded image.

        Raises:
            ValueError: If the text is not base64.
        """
        return base64.b64decode(self.text)

    def header(self) -> ImageHeader:
        """Return the header of the image, for which the beginning of the text is enough.

        Raises:
            OSError: If it is not an image.
            ValueError: If the text is not base64.
        """
        try:
            return read_header(base64.b64decode(self.text[:_BEGINNING]))
        except (OSError, ValueError):
            return read_header(self.content())
