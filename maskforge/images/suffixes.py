"""Suffixes of image files."""

from __future__ import annotations

from pathlib import PurePath

from maskforge.files import ZARR

OPENSLIDE_SUFFIXES = frozenset((".mrxs", ".vms", ".vmu", ".svslide", ".czi"))
"""Suffixes, in lower case, of slides that are not TIFF files."""

IMAGE_SUFFIXES = OPENSLIDE_SUFFIXES | frozenset(
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
        ".btf",  # BigTIFF, and below what scanners of slides write
        ".tf8",
        ".svs",
        ".ndpi",
        ".scn",
        ".bif",
        ".qptiff",
    )
)
"""Suffixes, in lower case, that make a file an image."""


def is_image_name(name: str) -> bool:
    """Tell whether a name ends like that of an image: of a file, or of a folder with Zarr."""
    return PurePath(name).suffix.lower() in (*IMAGE_SUFFIXES, ZARR)


def without_image_suffix(name: str) -> str:
    """Return a name without suffix, if that is one of images.

    Examples:
        >>> without_image_suffix("7.png"), without_image_suffix("patient.7")
        ('7', 'patient.7')
    """
    return PurePath(name).stem if is_image_name(name) else name
