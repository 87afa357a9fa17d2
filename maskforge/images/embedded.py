"""Images inside annotation files, as text."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from maskforge.images.containers.base import ImageHeader
from maskforge.images.decoder import read_header

_BEGINNING = 4 * 16384
_DATA_URI = re.compile(r"data:[\w/+.-]*;base64,", re.IGNORECASE)


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
        return decoded_base64(self.text)

    def header(self) -> ImageHeader:
        """Return the header of the image, for which the beginning of the text is enough.

        Raises:
            OSError: If it is not an image.
            ValueError: If the text is not base64.
        """
        try:
            return read_header(decoded_base64(self.text[:_BEGINNING]))
        except (OSError, ValueError):
            return read_header(self.content())


def decoded_base64(text: str) -> bytes:
    """Return the bytes of base64 text, which browsers give the head of a data URI.

    Raises:
        ValueError: If it is not base64.
    """
    head = _DATA_URI.match(text[:100])
    return base64.b64decode(text[head.end() :] if head else text)


def is_data_uri(text: str) -> bool:
    """Tell whether text is a data URI and not bare base64."""
    return _DATA_URI.match(text[:100]) is not None
