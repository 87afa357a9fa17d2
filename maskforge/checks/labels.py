"""Labels that may not mean what they say."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from maskforge.checks.base import CheckPlace, Survey
from maskforge.errors import LabelError, listing
from maskforge.masks.classes import ClassMap

_NUMBERED = re.compile(r"(?P<stem>.*\D)(?P<number>\d{1,4})")
_FEWEST_NUMBERS = 3
_FEW_USES = 2
_TIMES_MORE = 8
_SHORTEST = 5
_BETWEEN = re.compile(r"[\s_.-]+")


def instance_labels(survey: Survey) -> Iterator[CheckPlace]:
    """Yield groups of labels that count objects: 1, 2, 3 ... in each image, each once."""
    groups: dict[str, set[str]] = {}
    for label in _uses(survey):
        if found := _NUMBERED.fullmatch(label):
            groups.setdefault(found["stem"], set()).add(label)
    for labels in groups.values():
        if len(labels) < _FEWEST_NUMBERS or len(_meanings(survey.classes, labels)) < len(labels):
            continue
        images = [(one, here) for one in survey.images if (here := labels & one.labels.keys())]
        if any(len(here) >= _FEWEST_NUMBERS for _, here in images) and all(
            _counts_objects({label: one.labels[label] for label in here}) for one, here in images
        ):
            named = sorted(labels, key=lambda label: (len(label), label))
            yield images[0][0].place.saying(
                f"{len(labels)} labels in {len(images)} images: {listing(map(repr, named))}"
            )


def _counts_objects(uses: dict[str, int]) -> bool:
    numbers = sorted(int(_NUMBERED.sub(r"\g<number>", label)) for label in uses)
    first = numbers[0]
    return (
        first in (0, 1)
        and numbers == list(range(first, first + len(numbers)))
        and set(uses.values()) == {1}
    )


def twin_labels(survey: Survey) -> Iterator[CheckPlace]:
    """Yield pairs of labels that differ in case, spaces, accents or one letter."""
    uses = _uses(survey)
    by_plain: dict[str, list[str]] = {}
    for label in sorted(uses):
        by_plain.setdefault(_plain(label), []).append(label)
    for twins in by_plain.values():
        if len(twins) > 1 and len(_meanings(survey.classes, set(twins))) > 1:
            yield _place(survey, min(twins, key=lambda label: uses[label]), twins, uses)
    usual = {one: max(labels, key=lambda label: uses[label]) for one, labels in by_plain.items()}
    frequent = {one: label for one, label in usual.items() if uses[label] >= _TIMES_MORE}
    for plain, few in usual.items():
        if uses[few] > _FEW_USES:
            continue
        for other, many in frequent.items():
            is_slip = uses[few] * _TIMES_MORE <= uses[many] and _is_slip(plain, other)
            if is_slip and len(_meanings(survey.classes, {few, many})) > 1:
                yield _place(survey, few, [few, many], uses)


def _uses(survey: Survey) -> Counter[str]:
    uses: Counter[str] = Counter()
    for one in survey.images:
        uses.update(one.labels)
    return uses


def _plain(label: str) -> str:
    composed = unicodedata.normalize("NFKC", label)
    seen = "".join(one for one in composed if unicodedata.category(one) != "Cf")
    return _BETWEEN.sub(" ", seen).strip().casefold()


def _meanings(classes: ClassMap, labels: set[str]) -> set[int | None]:
    """Return what labels become; one that no class has is for itself."""
    found: set[int | None] = set()
    for number, label in enumerate(sorted(labels), 1):
        try:
            found.add(classes.value(label))
        except LabelError:
            found.add(-number)
    return found


def _is_slip(one: str, other: str) -> bool:
    """Tell whether two labels differ in one letter: added, left out, replaced or swapped.

    Digits, and words of one letter such as the side of the body, are meant.
    """
    if min(len(one), len(other)) < _SHORTEST or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    first, second = one[start : len(one) - end], other[start : len(other) - end]
    swapped = len(first) == len(second) == 2 and first == second[::-1]
    if not swapped and max(len(first), len(second)) > 1:
        return False
    if any(letter.isdigit() or letter == " " for letter in first + second):
        return False
    words = {*one.split(" ")} ^ {*other.split(" ")}
    return all(len(word) > 1 for word in words)


def _place(survey: Survey, rare: str, labels: list[str], uses: Counter[str]) -> CheckPlace:
    told = " and ".join(f"{label!r} ({uses[label]} shapes)" for label in labels)
    first = next(one.place for one in survey.images if rare in one.labels)
    return first.saying(told)
