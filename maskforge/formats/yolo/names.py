"""The names of YOLO's classes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from maskforge.errors import FormatError, shorten
from maskforge.formats.base import ReadContext
from maskforge.issues import Code, Origin

NAME_FILES = ("classes.txt", "labels.txt", "obj.names.txt", "train.txt", "val.txt", "test.txt")
"""Text files that lie among labels, and are none: names of classes, and lists of images."""

_NAMED = ("data.yaml", "dataset.yaml", "data.yml", "classes.txt")
_LEVELS = 3
"""How many folders above a label file are searched for the names of its classes."""


def names_of(value: list[Any] | dict[Any, Any], origin: Origin) -> dict[int, str]:
    """Return names by number.

    Args:
        value: Names in a list, or by number.
        origin: Its place.

    Raises:
        FormatError: If something else stands among them.
    """
    names: dict[int, str] = {}
    for key, name in dict(enumerate(value) if isinstance(value, list) else value).items():
        number = int(key) if isinstance(key, str) and key.isdecimal() and key.isascii() else key
        if not isinstance(number, int) or isinstance(name, bool) or not isinstance(name, int | str):
            raise FormatError(
                Code.INVALID_FILE,
                f"expected names of classes by number, found {shorten({key: name})}",
                origin=origin,
                hint='write them as names: ["caries", "enamel"]',
            )
        names[number] = str(name)
    return names


def names_near(path: Path, context: ReadContext) -> dict[int, str] | None:
    """Return the names for a label file from the folders above it; None if there are none."""
    for folder in [*path.parents][: _LEVELS + 1]:
        for name in _NAMED:
            with contextlib.suppress(OSError, FormatError):
                file = folder / name
                if file.is_file():
                    return _read(context.load(file).root, Origin(file))
        if folder == context.source:
            break
    return None


def _read(root: object, origin: Origin) -> dict[int, str] | None:
    if isinstance(root, str):
        return dict(enumerate(line.strip() for line in root.rstrip().splitlines()))
    names = root.get("names") if isinstance(root, dict) else None
    return names_of(names, origin) if isinstance(names, list | dict) else None
