"""Suffixes of image files."""

from __future__ import annotations

import contextlib
from pathlib import Path, PurePath

from maskforge.files import open_regular

IMAGE_SUFFIXES = frozenset(
    (
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".tif",
        ".tiff",
        ".bmp",
        ".dib",
        ".gif",
        ".webp",
        ".jp2",
        ".avif",
        ".tga",
        ".pgm",
        ".ppm",
        ".pbm",
        ".pnm",
        ".dcm",
        ".dicom",
    )
)
"""Suffixes, in lower case, that make a file an image."""

_DICOM = b"DICM"
_BEGINNING = 132
_DIRECTORY = "DICOMDIR"  # a list of DICOM files, in a DICOM file


def is_image_name(name: str) -> bool:
    """Tell whether a name ends like that of an image."""
    return PurePath(name).suffix.lower() in IMAGE_SUFFIXES


def is_bare_name(name: str) -> bool:
    """Tell whether a name has no suffix, or ends in a number, as names of DICOM files do.

    Examples:
        >>> is_bare_name("IM000001"), is_bare_name("1.2.840.113619.2"), is_bare_name("notes.txt")
        (True, True, False)
    """
    suffix = PurePath(name).suffix[1:]
    return name != _DIRECTORY and (not suffix or suffix.isdecimal())


def suffix_of(name: str) -> str:
    """Return the suffix of a file; empty for a bare name.

    Examples:
        >>> suffix_of("7.png"), suffix_of("1.2.840.113619.2")
        ('.png', '')
    """
    return "" if is_bare_name(name) else PurePath(name).suffix


def is_image_file(path: Path) -> bool:
    """Tell whether a file ends like an image, or is a DICOM file without suffix.

    Only files with bare names are opened.
    """
    if is_image_name(path.name):
        return True
    if is_bare_name(path.name):
        with contextlib.suppress(OSError, ValueError), open_regular(path) as stream:
            return stream.read(_BEGINNING).endswith(_DICOM)
    return False


def without_image_suffix(name: str) -> str:
    """Return a name without suffix, if that is one of images.

    Examples:
        >>> without_image_suffix("7.png"), without_image_suffix("patient.7")
        ('7', 'patient.7')
    """
    return PurePath(name).stem if is_image_name(name) else name
