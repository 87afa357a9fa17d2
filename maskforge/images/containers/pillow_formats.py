"""The image formats that are opened with Pillow, told by the content of a file.

Pillow knows many more, and hands some of them to other programs: PostScript to Ghostscript.
"""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_FORMATS = (
    "PNG",
    "JPEG",
    "TIFF",
    "BMP",
    "DIB",
    "GIF",
    "WEBP",
    "JPEG2000",
    "AVIF",
    "PPM",
    "TGA",  # the last, because nothing at the beginning of its files tells them
)
"""Names that Pillow has for the formats."""

_READ = "PNG, JPEG, TIFF, BMP, GIF, WebP, JPEG 2000, AVIF, PNM, TGA, NPY and DICOM"

_BEGINNING = 16
_OTHERS = (
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"%PDF", "PDF"),
    (0, b"<?xml", "XML"),
    (0, b"<svg", "SVG"),
    (0, b"<!DOCTYPE", "HTML"),
    (0, b"<html", "HTML"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\x89HDF", "HDF5"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL ", "JPEG XL"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif", "HEIC"),
    (0, b"version https://", "a pointer of Git LFS, without the file itself,"),
)
"""Where in a file something stands that tells what it is, what stands there, and what that is."""


def open_listed(stream: IO[bytes]) -> ImageFile:
    """Open an image of a format on the list; its pixels are not decoded yet.

    ``PIL.Image.open`` compares the size with a limit that is the same for the whole process, and
    must not be changed here.

    Raises:
        ValueError: If the file is of another format, or none.
    """
    from PIL import Image

    beginning = stream.read(_BEGINNING)
    Image.preinit()
    for name in _FORMATS:
        if name not in Image.OPEN:
            Image.init()  # loads all others
        if name not in Image.OPEN:
            continue  # Pillow was built without it
        factory, accept = Image.OPEN[name]
        if accept is not None and accept(beginning) is not True:
            continue  # text: Pillow was built without it
        stream.seek(0)
        try:
            return factory(stream, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue  # the ways in which plugins say that it is of another format, or damaged
    raise ValueError(_unknown(beginning))


def _unknown(beginning: bytes) -> str:
    for place, mark, name in _OTHERS:
        if beginning[place:].startswith(mark):
            return f"it is {name}, which is not an image format that maskforge reads"
    return f"it is damaged, or not of an image format that maskforge reads: {_READ}"
