"""Identical images, and those that show the same."""

from __future__ import annotations

from collections.abc import Iterator

from maskforge.checks.base import CheckPlace, ImageFacts, Survey
from maskforge.errors import listing
from maskforge.images.sameness import near_copies

_NAMED = 3


def contradicting_masks(survey: Survey) -> Iterator[CheckPlace]:
    """Yield identical images with different masks."""
    for copies in _copies(survey):
        if len({one.mask_digest for one in copies}) > 1:
            yield copies[0].place.saying(f"has another mask as {_others(copies)}")


def copied_image(survey: Survey) -> Iterator[CheckPlace]:
    """Yield identical images with equal masks."""
    for copies in _copies(survey):
        if len({one.mask_digest for one in copies}) == 1:
            yield copies[0].place.saying(f"is there again as {_others(copies)}")


def split_leak(survey: Survey) -> Iterator[CheckPlace]:
    """Yield identical images in several parts of the split."""
    for copies in _copies(survey):
        where = {survey.parts.get(one.place.name, "") for one in copies} - {"", "unused"}
        if len(where) > 1:
            told = (f"{one.place.name} in {survey.parts[one.place.name]}" for one in copies[1:])
            yield copies[0].place.saying(
                f"is in {survey.parts[copies[0].place.name]}, and so is {listing(told)}"
            )


def near_leak(survey: Survey) -> Iterator[CheckPlace]:
    """Yield images that show the same as others in another part, and are not the same files."""
    parts = survey.parts
    judged = [
        (one, one.sketch)
        for one in survey.masked
        if one.sketch is not None and parts.get(one.place.name, "unused") != "unused"
    ]
    names = [one.place.name for one, _ in judged]
    found = near_copies([sketch for _, sketch in judged], [parts[name] for name in names])
    for number, others in found.items():
        image = judged[number][0]
        told = [
            f"{names[other]} in {parts[names[other]]}{turned and f' ({turned})'}"
            for other, turned in others
            if judged[other][0].image_digest != image.image_digest
        ]
        if told:
            yield image.place.saying(
                f"is in {parts[image.place.name]}, and shows the same as {listing(told)}"
            )


def _copies(survey: Survey) -> Iterator[list[ImageFacts]]:
    """Yield every group of identical images, of which each file counts once."""
    groups: dict[str, list[ImageFacts]] = {}
    for one in survey.masked:
        if one.image_digest:
            groups.setdefault(one.image_digest, []).append(one)
    return (group for group in groups.values() if len(group) > 1)


def _others(copies: list[ImageFacts]) -> str:
    first = ", ".join(one.place.name for one in copies[1 : _NAMED + 1])
    more = len(copies) - 1 - _NAMED
    return f"{first} and {more} more" if more > 0 else first
