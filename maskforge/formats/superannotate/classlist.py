"""SuperAnnotate's class lists, and the label of an instance."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskforge.errors import FormatError, RecordError, shorten
from maskforge.formats.base import ReadContext
from maskforge.formats.superannotate.recognition import is_class_list
from maskforge.issues import Code, Issue, Origin

LEVELS = 3
"""How many folders above the annotation file are searched, because projects have sub-folders."""

_PLACES = ("classes/classes.json", "classes.json")


@dataclass(frozen=True)
class ClassList:
    """The classes of a project.

    Attributes:
        whereabouts: For messages: where they stand, or why there are none.
        names: All names, or None if there is no list.
        by_id: Name of every id; ids that two different names claim are left out.
        entries: The classes as they are in the list.
    """

    whereabouts: str
    names: frozenset[str] | None = None
    by_id: Mapping[int | str, str] = field(default_factory=dict)
    entries: Sequence[Mapping[str, Any]] = ()

    @functools.cached_property
    def by_folded(self) -> Mapping[str, str]:
        """The first name of all that differ only in case and spaces."""
        return {_folded(one): one for one in sorted(self.names or (), reverse=True)}


class ClassLists:
    """The class lists around the annotation files of one run; each is read once."""

    def __init__(self, context: ReadContext) -> None:
        self.context = context
        self._near: dict[Path, ClassList] = {}

    def near(self, folder: Path) -> ClassList:
        """Return the list that annotation files in ``folder`` refer to.

        It is the first of ``classes/classes.json`` and ``classes.json`` in the folder itself and
        then in those above it. A list that cannot be decoded is reported and counts as none.
        """
        if folder not in self._near:
            missing = f"no classes/classes.json in {folder} or the {LEVELS} folders above"
            self._near[folder] = next(self._found(folder), ClassList(missing))
        return self._near[folder]

    def _found(self, folder: Path) -> Iterator[ClassList]:
        for path in (level / place for level in _levels(folder) for place in _PLACES):
            with contextlib.suppress(OSError):  # a folder above that nobody may look into
                if path.is_file() and (found := self._read(path)):
                    yield found

    def _read(self, path: Path) -> ClassList | None:
        was_claimed = path in self.context.claimed
        try:
            root = self.context.sibling(path).root
        except FormatError as error:
            if not was_claimed:  # else whoever claimed it has reported it
                self.context.report(error.issue())
            return ClassList(f"{path} cannot be read")
        if not is_class_list(root, path.name):
            if not was_claimed:
                self.context.claimed.discard(path)
            return None
        entries = [entry for entry in root if isinstance(entry, dict)]
        return ClassList(
            str(path),
            frozenset(entry["name"] for entry in entries if isinstance(entry.get("name"), str)),
            _by_id(entries),
            entries,
        )


def _levels(folder: Path) -> list[Path]:
    """Return a folder and those above it, as they are written as far as that goes."""
    written = [folder, *(() if ".." in folder.parts else folder.parents)]
    real = folder.resolve()
    return [*written, *[real, *real.parents][len(written) :]][: LEVELS + 1]


def _by_id(entries: list[dict[str, Any]]) -> dict[int | str, str]:
    names: dict[int | str, set[str]] = {}
    for entry in entries:
        match entry:
            case {"id": int() | str() as key, "name": str(name)}:
                names.setdefault(key, set()).add(name)
    return {key: found.pop() for key, found in names.items() if len(found) == 1}


class Labeler:
    """Labels the instances of one annotation file: by name first, by id second."""

    def __init__(self, classes: ClassList, issues: list[Issue]) -> None:
        self._classes = classes
        self._issues = issues
        self._noted: set[str] = set()

    def label(self, record: dict[str, Any], origin: Origin) -> tuple[str, Issue | None]:
        """Return the label of an instance, or an empty one and why.

        A name that an existing class list lacks is noted once.

        Raises:
            RecordError: If the name is something else than text.
        """
        name, key = record.get("className"), record.get("classId")
        if name is not None and not isinstance(name, str):
            raise RecordError(
                Code.INVALID_RECORD,
                f"expected text, found {shorten(name)}",
                origin=origin.at(".className"),
            )
        listed = self._classes.by_id.get(key) if isinstance(key, int | str) else None
        if name is None or not name.strip():
            return (listed, None) if listed else ("", self._unresolved(key, origin))
        names = self._classes.names
        if names is not None and name not in names and name not in self._noted:
            self._noted.add(name)
            self._issues.append(self._unlisted(name, listed, origin))
        return name, None

    def _unresolved(self, key: object, origin: Origin) -> Issue:
        where = self._classes.whereabouts
        return Issue(
            Code.UNRESOLVED_CLASS,
            f"neither `className` nor `classId` names a class ({where})"
            if key is None
            else f"no `className`, and the class id {shorten(key)} is not listed ({where})",
            origin,
            "put the classes/classes.json of the project's export beside the annotations",
        )

    def _unlisted(self, name: str, listed: str | None, origin: Origin) -> Issue:
        text = f"the class {shorten(name)} is not in {self._classes.whereabouts}"
        similar = self._classes.by_folded.get(_folded(name))
        if listed:
            text += f", which calls its id {shorten(listed)}"
        elif similar:
            text += f", which has {shorten(similar)}"
        return Issue(Code.UNLISTED_LABEL, text, origin.at(".className"))


def _folded(name: str) -> str:
    return "".join(name.split()).casefold()
