"""What is to be said about labels of which each became a class."""

from __future__ import annotations

import bisect
import re
import shlex
from collections.abc import Callable, Iterable, Iterator

from maskforge.errors import listing, shorten
from maskforge.issues import Code, Issue, Origin
from maskforge.masks.classes import are_numbers, names_of_labels, why_not_ids
from maskforge.masks.labels import composed, fold, invisible_characters

_LEAST_NUMBERED = 3
_NUMBERED = re.compile(r"(.*\D)[0-9]+", re.DOTALL)


def notes_on_spellings(labels: Iterable[str], origin: Origin) -> Iterator[Issue]:
    """Name labels that are written with composed and with decomposed letters."""
    several = [group for group in _groups(labels, composed) if len(group) > 1]
    if several:
        listed = listing(shorten(composed(group[0])) for group in several)
        text = f"{listed}: written in more than one Unicode form; each counts as one label"
        yield Issue(Code.UNICODE_FORMS, text, origin)


def notes_on_inferred(
    labels: Iterable[str], origin: Origin, *, fold_case: bool = False
) -> Iterator[Issue]:
    """Name labels that may not be meant as the classes that they became.

    Args:
        labels: All labels.
        origin: Where to report it.
        fold_case: Whether case, spaces and invisible characters made no difference.
    """
    names = sorted(set(map(composed, labels)))
    if not fold_case:
        yield from _similar(names, origin)
        yield from _invisible(names, origin)
    yield from _numbered(names, origin)
    names = names_of_labels(names, fold_case=fold_case)
    if are_numbers(names):
        reason = why_not_ids(names)
        text = "labels are whole numbers, and are the ids in the masks"
        if reason is not None:
            text = f"labels are whole numbers; ids are counted from 1, because {reason}"
        yield Issue(Code.NUMERIC_LABELS, text, origin)


def _groups(labels: Iterable[str], key: Callable[[str], str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for label in sorted(set(labels)):
        groups.setdefault(key(label), []).append(label)
    return list(groups.values())


def _similar(names: list[str], origin: Origin) -> Iterator[Issue]:
    for spellings in _groups(names, fold):
        if len(spellings) > 1:
            text = f"labels {listing(map(shorten, spellings))} count as different classes"
            hint = "join them with --fold-case or in a class map"
            yield Issue(Code.SIMILAR_LABELS, text, origin, hint)


def _invisible(names: list[str], origin: Origin) -> Iterator[Issue]:
    for label in names:
        found = invisible_characters(label)
        if found:
            text = f"label {shorten(label)} holds {', '.join(found)}"
            hint = "remove them in the labeling tool, or compare without them: --fold-case"
            yield Issue(Code.INVISIBLE_CHARACTERS, text, origin, hint)


def _numbered(names: list[str], origin: Origin) -> Iterator[Issue]:
    matches = [(label, _NUMBERED.fullmatch(label)) for label in names]
    groups: dict[str, list[str]] = {}
    for label, match in matches:
        if match is not None:
            groups.setdefault(match[1], []).append(label)
    for beginning, group in groups.items():
        if len(group) >= _LEAST_NUMBERED:
            text = f"labels {listing(map(shorten, group))} look like instances of one class"
            pattern = _pattern(beginning, len(group), names)
            example = shlex.quote(f"{pattern}=1")
            hint = f"if they are, join them in a class map, as in --class {example}"
            yield Issue(Code.NUMBERED_LABELS, text, origin, hint)


def _pattern(beginning: str, count: int, names: list[str]) -> str:
    """Return a pattern that fits labels with this beginning and a number, and as few others."""
    first = bisect.bisect_left(names, beginning)
    last = bisect.bisect_left(names, f"{beginning}\U0010ffff")
    escaped = re.sub(r"([*?[])", r"[\1]", beginning)
    return f"{escaped}*" if last - first == count else f"{escaped}[0-9]*"
