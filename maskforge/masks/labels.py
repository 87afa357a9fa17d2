"""Labels: when two are the same, what nobody sees in them, and patterns that fit many."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

# Arabic and Indic scripts and emoji are written with them.
_JOINERS = "\u200c\u200d"
_ESCAPED = re.compile(r"\[([*?[])\]")
_WITHOUT_WILDCARD = re.compile(r"(?:\[[*?[]\]|[^*?[])*")


def composed(label: str) -> str:
    """Return a label with composed letters (NFC): the form in which labels are compared."""
    return label if label.isascii() else unicodedata.normalize("NFC", label)


def fold(label: str) -> str:
    """Return a label in the form in which case, surplus and invisible characters do not matter."""
    if not label.isascii():
        label = "".join(one for one in composed(label) if unicodedata.category(one) != "Cf")
    return " ".join(composed(label.casefold()).split())


def invisible_characters(label: str) -> list[str]:
    """Name the characters of a label that nobody sees, such as ``U+200B ZERO WIDTH SPACE``.

    Spaces count at the ends only. The joiners of Arabic and Indic scripts do not count.
    """
    inner = label.strip(" ")
    found = [
        one
        for one in inner
        if one not in _JOINERS
        and one != " "
        and unicodedata.category(one) in ("Cf", "Cc", "Zs", "Zl", "Zp")
    ]
    if inner != label:
        found.append(" ")
    return [
        f"U+{ord(one):04X} {unicodedata.name(one, 'CONTROL CHARACTER')}"
        for one in dict.fromkeys(found)
    ]


def exact_label(text: str) -> str | None:
    """Return the one label that an entry of a class map stands for; None if it is a pattern.

    An entry with ``*`` is a pattern, unless each ``*`` stands in brackets: ``a[*]b`` is the label
    ``a*b``.
    """
    if "*" not in text:
        return text
    return _ESCAPED.sub(r"\1", text) if _WITHOUT_WILDCARD.fullmatch(text) else None


def as_entry(label: str) -> str:
    """Return the entry of a class map that stands for a label alone; undoes ``exact_label``."""
    return re.sub(r"([*?[])", r"[\1]", label) if "*" in label else label


def class_names(entries: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Return the names of classes that are called by one of their labels or patterns each.

    The name of a pattern is what it begins with, unless another class has this name.

    Args:
        entries: A label or pattern of each class.
        taken: Names of further classes.
    """
    exact = [exact_label(entry) for entry in entries]
    starts = [re.split(r"[*?[]", entry, maxsplit=1)[0].rstrip(" _-.#") for entry in entries]
    names = [start if label is None else label for label, start in zip(exact, starts, strict=True)]
    count = Counter([*names, *taken])
    return [
        entry if label is None and (not name or count[name] > 1) else name
        for entry, label, name in zip(entries, exact, names, strict=True)
    ]


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a pattern for matching: in time that grows with the label, whatever it holds."""
    return re.compile(fnmatch.translate(pattern))
