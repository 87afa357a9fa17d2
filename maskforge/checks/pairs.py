"""Images and masks that do not belong together, or are not what they are taken for."""

from __future__ import annotations

from collections.abc import Iterator

from maskforge.checks.base import CheckPlace, Survey, broken
from maskforge.errors import listing
from maskforge.masks.classes import VOID

_WEAK = ("name",)


def own_mask(survey: Survey) -> Iterator[CheckPlace]:
    """Yield images that are their own masks."""
    yield from broken("own-mask")(survey)
    for one in survey.images:
        if one.own_mask:
            yield one.place.saying("the image divides into the same areas as the mask")


def unknown_value(survey: Survey) -> Iterator[CheckPlace]:
    """Yield masks with values that no class has."""
    yield from broken("unknown-value")(survey)
    known = {*survey.classes.ids, VOID}
    for one in survey.images:
        if strange := sorted(one.pixels.keys() - known):
            yield one.place.saying(f"holds {listing(map(str, strange))}")


def no_image(survey: Survey) -> Iterator[CheckPlace]:
    """Yield masks and annotations without image."""
    yield from broken("no-image")(survey)
    for one in survey.masked:
        if one.place.image is None:
            yield one.place.saying("the image was not found")


def weak_match(survey: Survey) -> Iterator[CheckPlace]:
    """Yield images that were found by weak evidence."""
    for one in survey.images:
        if one.match in _WEAK:
            yield one.place.saying(f"{one.place.image} was found by its name alone")


def mask_like_image(survey: Survey) -> Iterator[CheckPlace]:
    """Yield images that look like masks, but for those that are their own."""
    for one in survey.images:
        if one.likeness and not one.own_mask:
            yield one.place.saying(f"{one.place.image} is {one.likeness}")
