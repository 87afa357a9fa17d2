"""Images inside annotation files, as text."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path

from maskforge.images.containers.base import ImageHeader
from maskforge.images.decoder import read_header

_BEGINNING = 4 * 16384
_BYTES_OF_PART = 3 * 16384
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

    def is_copy_of(self, file: Path) -> bool:
        """Tell whether a file is sure to have the same content, without decoding any of it.

        To encode the file takes a quarter of the time. Text with line breaks is never sure.

        Raises:
            OSError: If the file cannot be read.
        """
        place = _start_of(self.text)
        with file.open("rb") as stream:
            while part := stream.read(_BYTES_OF_PART):
                encoded = binascii.b2a_base64(part, newline=False).decode("ascii")
                if not self.text.startswith(encoded, place):
                    return False
                place += len(encoded)
        return place == len(self.text)

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
    start = _start_of(text)
    return base64.b64decode(text[start:] if start else text)


def _start_of(text: str) -> int:
    head = _DATA_URI.match(text[:100])
    return head.end() if head else 0


def is_data_uri(text: str) -> bool:
    """Tell whether text is a data URI and not bare base64."""
    return _DATA_URI.match(text[:100]) is not None
