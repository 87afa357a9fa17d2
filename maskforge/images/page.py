"""Names of the pages of a stack: ``volume.tif#12`` is the twelfth image of ``volume.tif``."""

from __future__ import annotations

import os
import re
from pathlib import Path

from maskforge.files import PathLike
from maskforge.images.suffixes import suffix_of

STACK_SUFFIXES = frozenset((".tif", ".tiff", ".gif", ".webp", ".dcm", ".dicom"))
"""Suffixes, in lower case, of files that may hold several images."""

_PAGE = re.compile(r"(?s)(?P<file>.+?)(?P<suffix>\.\w+)?#(?P<page>[1-9][0-9]{0,8})")


def split_page(path: PathLike) -> tuple[Path, int | None]:
    """Return the file of an image, and which of its pages is meant.

    A file that has the whole text as its name is that file; a file without suffix must be there.

    Returns:
        The file, and the page, counted from 1; None if the path names none.

    Examples:
        >>> file, page = split_page("scans/volume.tif#12")
        >>> file.name, page
        ('volume.tif', 12)
    """
    path = path if isinstance(path, Path) else Path(path)
    found = _PAGE.fullmatch(path.name)
    if found is None or os.path.lexists(path):
        return path, None
    file = path.with_name(found["file"] + (found["suffix"] or ""))
    if found["suffix"] is None and not os.path.isfile(file):  # noqa: PTH113 - never raises
        return path, None
    return file, int(found["page"])


def page_path(file: Path, page: int) -> Path:
    """Return the path that means a page of a stack, counted from 1."""
    return file.with_name(f"{file.name}#{page}")


def without_suffix(path: str) -> str:
    """Return a path with forward slashes without suffix; a page keeps its number.

    Examples:
        >>> without_suffix("p_1/volume.tif#12"), without_suffix("p_1/x.png")
        ('p_1/volume#12', 'p_1/x')
        >>> without_suffix("1.2.840.5")
        '1.2.840.5'
    """
    folder, slash, name = path.rpartition("/")
    found = _PAGE.fullmatch(name)
    stem = f"{found['file']}#{found['page']}" if found else name.removesuffix(suffix_of(name))
    return f"{folder}{slash}{stem}"


def is_there(path: Path) -> bool:
    """Tell whether the file of an image or of a page exists."""
    return split_page(path)[0].is_file()
