"""TIFF files: whole slides and what Pillow cannot decode with tifffile, all others with Pillow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import IO, Any

from maskforge.images.containers import pillow
from maskforge.images.containers.base import Container, ImageHeader, OpenFile, Window
from maskforge.images.containers.tiff_pages import (
    find_pages,
    first_directory,
    is_beyond_offsets,
)
from maskforge.images.containers.tiff_parts import part_of
from maskforge.images.stored import Stored
from maskforge.shapes import Size

_COMPRESSION, _DESCRIPTION, _MAKE, _ORIENTATION, _SOFTWARE = 259, 270, 271, 274, 305
_NDPI, _XMP = 65420, 700
_BEYOND_PILLOW = (22610, 33003, 33005, 34712, 34887, 34934, 50002, 52546)
"""Compressions: JPEG 2000, JPEG XR, LERC and JPEG XL."""

_PROGRAMS = ("PerkinElmer-QPI", "Philips DP", "ScanOutputManager", "Ventana")


def _is_slide(stream: IO[bytes]) -> bool:
    """Tell whether a scanner made it, with smaller versions, labels and photos as other pages."""
    with contextlib.suppress(ValueError):  # Pillow says what is wrong
        page = first_directory(stream)
        description = page.text(_DESCRIPTION)
        return (
            description.startswith("Aperio ")
            or description.rstrip().endswith("</scn>")
            or page.text(_SOFTWARE).startswith(_PROGRAMS)
            or (page.has(_NDPI) and page.has(_MAKE))
            or (page.has(_XMP) and "iScan" in description)
        )
    return False


def _is_beyond_pillow(stream: IO[bytes]) -> bool:
    with contextlib.suppress(ValueError):
        return first_directory(stream).number(_COMPRESSION) in _BEYOND_PILLOW
    return False


class _TiffFile:
    """A file as tifffile sees it."""

    def __init__(self, file: Any, numbers: Sequence[int]) -> None:  # noqa: ANN401 - of tifffile
        """Take a file, and which of its pages are images."""
        self._pages = [file.pages[number].aspage() for number in numbers]

    def count(self) -> int:
        return len(self._pages)

    def header(self, page: int) -> ImageHeader:
        from tifffile import PHOTOMETRIC

        found = self._pages[page - 1]
        if not found.imagewidth or not found.imagelength:
            raise ValueError("it does not say how large it is")
        is_gray = found.photometric in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE)
        orientation = found.tags.valueof(_ORIENTATION, 1)
        return ImageHeader(
            Size(found.imagewidth, found.imagelength),
            orientation if orientation in range(1, 9) else 1,
            channels=1 if is_gray else 3,
            bits=found.bitspersample,
            format="tiff",
        )

    def read(self, page: int, *, checked: bool, step: int) -> Stored:
        return self.read_part(page, Window(0, 0, *self.header(page).stored), step)

    def read_part(self, page: int, window: Window, step: int) -> Stored:
        return part_of(self._pages[page - 1], window, step)


def _largest(file: Any) -> list[int]:  # noqa: ANN401 - of tifffile
    """Return the page of a slide that is the image, and not smaller, a label or a photo.

    Raises:
        ValueError: If there are several.
    """
    pages = [one.aspage() for one in file.pages]
    sizes = [(one.imagewidth * one.imagelength, -one.samplesperpixel) for one in pages]
    count = sizes.count(max(sizes))
    if count > 1 and pages[sizes.index(max(sizes))].samplesperpixel == 1:
        raise ValueError(
            f"it holds {count} gray images of one size, such as colors of fluorescence; save the "
            "one that is meant"
        )
    return [sizes.index(max(sizes))]


@contextlib.contextmanager
def _open(stream: IO[bytes]) -> Iterator[OpenFile]:
    is_huge = is_beyond_offsets(stream)
    is_slide = is_huge or _is_slide(stream)
    if not is_slide and not _is_beyond_pillow(stream):
        stream.seek(0)
        with pillow.CONTAINER.open(stream) as opened:
            yield opened
        return
    from tifffile import TiffFile

    numbers = [] if is_slide else find_pages(stream)
    stream.seek(0)
    name = "image.ndpi" if is_huge else "image"  # by which it is told
    with TiffFile(stream, name=name) as file:
        yield _TiffFile(file, _largest(file) if is_slide else numbers)


CONTAINER = Container(
    recognizes=lambda start: start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), open=_open
)
