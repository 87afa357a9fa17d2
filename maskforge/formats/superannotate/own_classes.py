"""The list of classes that is written beside the annotations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maskforge.display.colors import default_color
from maskforge.formats.base import ReadContext
from maskforge.formats.superannotate.classlist import ClassLists
from maskforge.formats.writer import WrittenClass

_NO_CLASSES = (0, 255)
"""Ids of background and void."""


class OwnClasses:
    """Classes as SuperAnnotate lists them: those of the sources, or else those of the class map."""

    def __init__(self, classes: Sequence[WrittenClass]) -> None:
        self._colors = {one.name: one.color for one in classes}
        self._named = [one.name for one in classes if one.id not in _NO_CLASSES]
        self._lists = ClassLists(ReadContext(Path(), lambda _: None))
        self._own: dict[str, dict[str, Any]] = {}
        self._new: dict[str, dict[str, Any]] = {}

    def use(self, folder: Path) -> None:
        """Take the classes to which annotation files in a folder refer."""
        for entry in self._lists.near(folder).entries:
            if isinstance(entry.get("name"), str):
                self._own.setdefault(entry["name"], dict(entry))

    def id_of(self, label: str) -> object:
        """Return the id of a class, which is listed from now on; -1 for none, as the tool does."""
        if not label:
            return -1
        if label not in self._own and label not in self._new:
            number = len(self._new)
            color = self._colors.get(label) or default_color(number)
            text = "#{:02x}{:02x}{:02x}".format(*color)
            entry = {"id": number + 1, "name": label, "color": text}
            self._new[label] = {**entry, "type": "object", "attribute_groups": []}
        return (self._own.get(label) or self._new[label]).get("id", -1)

    def entries(self) -> list[dict[str, Any]]:
        """Return the whole list."""
        for name in () if self._own else self._named:
            self.id_of(name)
        return [
            *self._own.values(),
            *(one for name, one in self._new.items() if name not in self._own),
        ]
