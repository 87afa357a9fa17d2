"""Which of the attributes that people give regions names the class.

VIA leaves the names of attributes to its users. Where a file has one of them, or one of a
conventional name, or one whose values are chosen from a list, this is the class. Where there are
several, nobody can tell: the regions are read without label.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from maskforge.errors import listing, shorten
from maskforge.issues import Code, Issue, Origin

GROUP, SCORE = "group_id", "score"
"""Attributes in which instances and scores are written; they never name a class."""

CLASS = "label"
"""The attribute that is written where a file has none."""

_CONVENTIONAL = (
    {"label", "labels", "labelname"},
    {"class", "classes", "classname"},
    {"category", "categories", "categoryname"},
    {"type", "objecttype", "regiontype"},
    {"object", "objectname"},
    {"name"},
)
"""Names of attributes that hold a class, first come the least ambiguous ones."""

_CHOICES = frozenset({"radio", "dropdown", "checkbox"})


@dataclass(frozen=True, slots=True)
class ClassAttribute:
    """Where the labels of the regions of a file are.

    Attributes:
        keys: Attributes that name the class; the first that a region has counts. Empty if nobody
            can tell.
        candidates: All attributes that could.
        names: What numbers stand for, by attribute: in projects made from COCO files.
    """

    keys: tuple[str, ...]
    candidates: tuple[str, ...] = ()
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def labels(self, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the labels of a region."""
        for key in self.keys:
            values = tuple(values_of(attributes.get(key)))
            if values:
                names = self.names.get(key, {})
                return tuple(dict.fromkeys(names.get(one, one) for one in values))
        return ()

    def issue(self, attributes: Mapping[str, Any], origin: Origin) -> Issue:
        """Return why a region has no label."""
        if not self.keys and self.candidates:
            return Issue(
                Code.NO_LABEL,
                f"nothing tells which attribute is the class: {listing(self.candidates)}",
                origin,
                "name it, as in --class-from region_attributes.NAME",
            )
        found = attributes.get(self.keys[0]) if self.keys else attributes
        return Issue(Code.NO_LABEL, f"found {shorten(found)}", origin)


def values_of(value: object) -> Iterator[str]:
    """Yield what the value of an attribute says: text, a number, or the options that are set."""
    match value:
        case str() if value.strip():
            yield value
        case bool():
            return
        case int() | float() if value == value:  # noqa: PLR0124 - not NaN
            yield str(int(value)) if value in (0, 1) or _is_whole(value) else str(value)
        case {}:
            yield from (name for name, is_set in value.items() if is_set is True and name.strip())


def _is_whole(value: float) -> bool:
    return abs(value) < 2**53 and float(value).is_integer()


def find_class_attribute(regions: Iterable[object], declared: object) -> ClassAttribute:
    """Return where the labels of regions are.

    Args:
        regions: The attributes of all regions of a file, as they are.
        declared: What the file says about its attributes, by their names, or None.
    """
    known = declared if isinstance(declared, dict) else {}
    count: Counter[str] = Counter()
    most = 0
    for attributes in regions:
        if isinstance(attributes, dict):
            given = [key for key, one in attributes.items() if _is_given(key, one)]
            count.update(given)
            most = max(most, sum(key in known for key in given))
    # What a single region has, and the file does not know, is a slip.
    used = [key for key in count if key in known or count[key] > 1] or list(count)
    names = {key: _names(known.get(key)) for key in used}
    chosen = [key for key in used if _type(known.get(key)) in _CHOICES]
    if len(used) == 1:
        keys = used
    elif conventional := _conventional(used):
        keys = [conventional]
    elif len(chosen) == 1 or (len(chosen) == len(used) and most <= 1):
        keys = chosen
    else:
        keys = []
    return ClassAttribute(tuple(keys), tuple(used), names)


def _is_given(key: str, value: object) -> bool:
    return key not in (GROUP, SCORE) and bool(key.strip()) and any(True for _ in values_of(value))


def _conventional(keys: Iterable[str]) -> str | None:
    folded = {re.sub(r"[\W_]+", "", key.casefold()): key for key in reversed(list(keys))}
    found = (folded[name] for names in _CONVENTIONAL for name in folded if name in names)
    return next(found, None)


def _type(attribute: object) -> str:
    kind = attribute.get("type") if isinstance(attribute, dict) else None
    return kind if isinstance(kind, str) else ""


def _names(attribute: object) -> dict[str, str]:
    options = attribute.get("options") if isinstance(attribute, dict) else None
    if not isinstance(options, dict):
        return {}
    return {
        id_: name
        for id_, name in options.items()
        if id_.isdecimal() and isinstance(name, str) and name.strip()
    }
