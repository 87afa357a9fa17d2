"""What stands in ``data.yaml``: the names of YOLO's classes, and where the images are."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from maskforge.errors import FormatError, shorten
from maskforge.formats.base import ReadContext
from maskforge.issues import Code, Origin

if TYPE_CHECKING:
    from maskforge.formats.writer import WrittenImage

NAME_FILES = ("classes.txt", "labels.txt", "obj.names.txt", "train.txt", "val.txt", "test.txt")
"""Text files that lie among labels, and are none: names of classes, and lists of images."""

SPLITS = ("train", "val", "validation", "test", "minival")
"""Keys of the folders of images."""

_NAMED = ("data.yaml", "dataset.yaml", "data.yml", "classes.txt")
_SPLITS = ("train", "val", "test")

_NUMBER = re.compile(r"[0-9]{1,9}")
_LEVELS = 3
"""How many folders above a label file are searched for the names of its classes."""


def names_of(value: object, origin: Origin) -> dict[int, str]:
    """Return names by number.

    Args:
        value: Names in a list, or by number.
        origin: Its place.

    Raises:
        FormatError: If it is something else.
    """
    if not isinstance(value, list | dict):
        raise _no_names(f"`names` is neither a list nor names by number: {shorten(value)}", origin)
    names: dict[int, str] = {}
    for key, name in value.items() if isinstance(value, dict) else enumerate(value):
        number = int(key) if isinstance(key, str) and _NUMBER.fullmatch(key) else key
        is_good = isinstance(number, int) and isinstance(name, int | str)
        if not is_good or isinstance(number, bool) or isinstance(name, bool):
            raise _no_names(f"`names` has {shorten(name)} under {shorten(key)}", origin)
        names[number] = str(name)
    return names


def _no_names(message: str, origin: Origin) -> FormatError:
    return FormatError(
        Code.INVALID_FILE, message, origin=origin, hint='write it as names: ["caries", "enamel"]'
    )


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


def split_of(image: WrittenImage) -> str:
    """Return for what an image is meant, if its own data set tells; else ``train``."""
    split = image.own.get("split")
    return str(split) if split in _SPLITS else _SPLITS[0]


def data_yaml(splits: Collection[str], names: Sequence[str], rest: Mapping[str, object]) -> bytes:
    """Return the content of ``data.yaml``.

    Args:
        splits: Folders that there are below ``images``.
        names: Names of classes, by number.
        rest: Further keys.
    """
    import yaml

    there = [one for one in _SPLITS if one in splits] or [_SPLITS[0]]
    places = {"path": ".", **{split: f"images/{split}" for split in there}}
    for split in _SPLITS[:2]:  # both are required
        places.setdefault(split, f"images/{there[0]}")
    document = places | {"names": dict(enumerate(names))} | dict(rest)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()
