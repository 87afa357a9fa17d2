"""COCO's ids, and its list of categories: the name of every id, and why there is none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from maskforge.errors import shorten
from maskforge.formats.jsonio import as_list
from maskforge.issues import Code, Issue, Origin

_LONGEST_ID = 100


def key_of(id_: object) -> str | None:
    """Return an id as text, because VIA writes 7 in one place and "7" in another; None if bad."""
    if isinstance(id_, float) and id_.is_integer():
        id_ = int(id_)
    if isinstance(id_, bool) or not isinstance(id_, int | str):
        return None
    with contextlib.suppress(ValueError):  # a number of thousands of digits
        text = str(id_).strip()
        return text if 0 < len(text) <= _LONGEST_ID else None
    return None


class Categories:
    """The names of categories by their ids, which may have gaps and be text."""

    def __init__(self, entries: object, origin: Origin, report: Callable[[Issue], None]) -> None:
        """Read the list.

        Args:
            entries: What stands under ``categories``; None if nothing does.
            origin: Its place.
            report: Called with an issue for every entry that cannot be read, and for every id that
                two names claim.

        Raises:
            FormatError: If it is not a list.
        """
        self._names: dict[str, str] = {}
        claimed: set[str] = set()
        for index, entry in enumerate(
            as_list([] if entries is None else entries, "categories", origin)
        ):
            place = origin.at(f"[{index}]")
            key, name = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (0, 0)
            id_ = key_of(key)
            if id_ is None or not isinstance(name, str) or not name.strip():
                text = f"expected a category with id and name, found {shorten(entry)}"
                report(Issue(Code.INVALID_FILE, text, place))
            elif self._names.setdefault(id_, name) != name:
                claimed.add(id_)
                text = f"the id {shorten(key)} is that of {shorten(self._names[id_])}, too"
                report(Issue(Code.INVALID_FILE, text, place, "give each category an id of its own"))
        for id_ in claimed:
            del self._names[id_]

    def label(self, record: dict[str, Any], origin: Origin) -> tuple[str, Issue | None]:
        """Return the name of a record's category, or an empty one and why there is none."""
        key = record.get("category_id")
        id_ = key_of(key)
        if id_ in self._names:
            return self._names[id_], None
        if key is None:
            return "", Issue(Code.NO_LABEL, "has no `category_id`", origin)
        text = f"the category id {shorten(key)} is not in `categories`"
        hint = "export the annotations again, with all their categories"
        return "", Issue(Code.UNRESOLVED_CLASS, text, origin.at(".category_id"), hint)
