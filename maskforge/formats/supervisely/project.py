"""``meta.json`` of a project: its classes and tags."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskforge.errors import FormatError
from maskforge.formats.base import ReadContext
from maskforge.formats.jsonio import load

META = "meta.json"
_ABOVE = 9
"""Folders above an annotation in which it is looked for: data sets can lie in data sets."""


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a project.

    Attributes:
        titles: Their names by their ids.
        kinds: The kind of the objects of each, by its name; ``any`` stands for all.
    """

    titles: dict[int, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


def classes_of(path: Path, context: ReadContext) -> Classes:
    """Return the classes of the project of an annotation file.

    Args:
        path: The file.
        context: Remembers them for the files that follow.
    """
    remembered = context.memory.setdefault("supervisely", {})
    assert isinstance(remembered, dict)
    if path.parent not in remembered:
        classes = remembered[path.parent] = Classes()
        for entry in named(project_of(path).get("classes"), "title"):
            if type(entry.get("id")) is int:
                classes.titles[entry["id"]] = entry["title"]
            if isinstance(entry.get("shape"), str):
                classes.kinds[entry["title"]] = entry["shape"]
    found: Classes = remembered[path.parent]
    return found


def project_of(path: Path) -> dict[str, Any]:
    """Return what the nearest ``meta.json`` above an annotation says; nothing without one."""
    for folder in list(path.parents)[:_ABOVE]:
        file = folder / META
        if file.is_file():
            with contextlib.suppress(FormatError):
                root = load(file).root
                return root if isinstance(root, dict) else {}
    return {}


def named(entries: object, key: str) -> list[dict[str, Any]]:
    """Return the entries of a list that have a name.

    Args:
        entries: A decoded JSON value.
        key: Where the name stands.
    """
    listed = entries if isinstance(entries, list) else []
    return [one for one in listed if isinstance(one, dict) and isinstance(one.get(key), str)]
