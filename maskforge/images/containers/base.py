"""What every kind of image file has to define."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, NamedTuple, Protocol

from maskforge.images.stored import Stored
from maskforge.shapes import Size, Spacing

_TRANSPOSING = (5, 6, 7, 8)  # EXIF orientations that swap width and height


class NoImageError(OSError):
    """A file of a kind that may hold an image, and does not."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What is known of an image before it is decoded.

    Attributes:
        stored: Size of the pixels as they are stored.
        orientation: EXIF orientation, 1 to 8; 1 if there is none.
        channels: 1 for gray, 3 for colors, also those of a palette.
        bits: Bits of a channel.
        format: Name of the kind of file, in lower case, such as ``png``.
        spacing: Size of a pixel in millimeters; None if the file does not tell.
        patient: What the file calls the patient; empty if it does not. It must not be written.
        identifying: Names of the elements of the file that say who somebody is.
    """

    stored: Size
    orientation: int = 1
    channels: int = 1
    bits: int = 8
    format: str = ""
    spacing: Spacing | None = None
    patient: str = field(default="", repr=False)
    identifying: tuple[str, ...] = ()

    @property
    def upright(self) -> Size:
        """Size of the image as it is shown, with the EXIF orientation applied."""
        if self.orientation in _TRANSPOSING:
            return Size(self.stored.height, self.stored.width)
        return self.stored

    def shown(self, *, upright: bool) -> Size:
        """Return the size of the image with the EXIF orientation applied, or without."""
        return self.upright if upright else self.stored


class Window(NamedTuple):
    """A part of an image, in pixels."""

    left: int
    top: int
    width: int
    height: int


class OpenFile(Protocol):
    """A file whose header was read. Its pages are counted from 1; anything may be raised."""

    def count(self) -> int:
        """Return the number of pages."""
        ...

    def header(self, page: int) -> ImageHeader:
        """Return what is known of a page without decoding it."""
        ...

    def read(self, page: int, *, checked: bool, step: int) -> Stored:
        """Decode a page.

        Args:
            page: The page.
            checked: Whether to look at checksums where there are any and decoding does not.
            step: How much smaller it may be; a decoder that cannot takes no notice.
        """
        ...

    def read_part(self, page: int, window: Window, step: int) -> Stored | None:
        """Decode a part of a page as it is stored, and nothing else of it; None if that cannot be.

        Args:
            page: The page.
            window: The part, inside the image.
            step: Of every so many rows and columns of the part, the first is returned.
        """
        ...


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of image file.

    Attributes:
        recognizes: Tells by the first bytes of a file whether it is of this kind.
        open: Opens a file, which starts at the beginning and can be searched; libraries that it
            needs are imported then.
    """

    recognizes: Callable[[bytes], bool]
    open: Callable[[IO[bytes]], AbstractContextManager[OpenFile]]
