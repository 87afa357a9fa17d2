"""How much of images, and how many images, classes cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from maskforge.checks.base import CheckPlace, ImageFacts, Survey
from maskforge.masks.classes import BACKGROUND, VOID

_RARE = 3
_MOST = 0.85
_FEWEST = 6


def rare_class(survey: Survey) -> Iterator[CheckPlace]:
    """Yield classes in fewer than three images; of very few images every class is rare."""
    images = survey.masked
    if len(images) < _FEWEST:
        return
    for id_ in survey.classes.foreground_ids:
        shown = [one for one in images if one.pixels.get(id_)]
        if len(shown) < _RARE:
            name = survey.classes.names[id_]
            place = shown[0].place if shown else CheckPlace()
            where = f"in {len(shown)} of {len(images)} images" if shown else "in no image"
            yield place.saying(f"{name!r} is {where}")


def one_class(survey: Survey) -> Iterator[CheckPlace]:
    """Yield images that one class covers, unless that is the rule."""
    covered = [(one, id_) for one in survey.masked for id_ in [_only_class(one)] if id_]
    if len(covered) * 2 <= len(survey.masked):
        for one, id_ in covered:
            name = survey.classes.names.get(id_, str(id_))
            yield one.place.saying(f"is nothing but {name!r}")


def _only_class(one: ImageFacts) -> int:
    present = [id_ for id_, count in one.pixels.items() if count and id_ != VOID]
    return present[0] if len(present) == 1 else BACKGROUND


def empty_mask(survey: Survey) -> Iterator[CheckPlace]:
    """Yield empty masks where nearly all are full."""
    empty = [one for one in survey.masked if not one.pixels.keys() - {BACKGROUND, VOID}]
    if _are_odd(len(empty), len(survey.masked)):
        for one in empty:
            yield one.place.saying("nothing is marked")


def odd_image(survey: Survey) -> Iterator[CheckPlace]:
    """Yield images of another size or depth than nearly all others."""
    images = [one for one in survey.masked if one.depth]
    usual_size = Counter(one.size for one in images).most_common(1)
    usual_depth = Counter(one.depth for one in images).most_common(1)
    for (size, sized), (depth, deep) in zip(usual_size, usual_depth, strict=True):
        for one in images:
            if one.size != size and _are_odd(len(images) - sized, len(images)):
                yield one.place.saying(f"has {one.size} px, most others {size} px")
            elif one.depth != depth and _are_odd(len(images) - deep, len(images)):
                yield one.place.saying(f"is {one.depth}, most others are {depth}")


def _are_odd(few: int, total: int) -> bool:
    return total >= _FEWEST and few <= (1 - _MOST) * total
