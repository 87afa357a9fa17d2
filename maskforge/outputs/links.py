"""Links in output folders, through which nothing is written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from maskforge.errors import OutputError
from maskforge.issues import Origin


def first_link(folder: Path, name: str | PurePosixPath) -> Path | None:
    """Return the first part of a path below a folder that is a link; the folder may be one."""
    path = folder
    for part in PurePosixPath(name).parts:
        path /= part
        if is_link(path):
            return path
    return None


def is_link(path: Path) -> bool:
    """Tell whether a path is a symbolic link, or a junction of Windows."""
    is_junction = getattr(os.path, "isjunction", None)  # from Python 3.12 on
    return os.path.islink(path) or (is_junction is not None and is_junction(path))  # noqa: PTH114 - never raises


def linked(link: Path) -> OutputError:
    """Return the error for a link in an output folder."""
    return OutputError(
        "is a link, and nothing is written through links",
        origin=Origin(link, ""),
        hint="remove the link, or choose another output folder",
    )


def check_links(folder: Path, names: Iterable[str]) -> None:
    """Make sure that folders of results are no links.

    Raises:
        OutputError: Naming the first that is one.
    """
    for name in names:
        if is_link(folder / name):
            raise linked(folder / name)
