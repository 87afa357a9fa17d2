"""Masks that do not lie on their images as they should."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maskforge.checks.alignment import NOTHING, Alignment
from maskforge.checks.base import CheckPlace, ImageFacts, Survey
from maskforge.images.offset import Offset

_PLAIN = 3.0
_FAR = 3
_MUCH_BETTER = 1.4
_BETTER = 1.1
_FEWEST = 3
_MOST = 0.6
_MANY = 5
_CLOSE = 1.5
_NEARLY_ALL = 0.8
_LEAST_PART = 0.3
_SCATTER = 0.25
_MIRRORED_PLAIN = 2.5
_MIRRORED_BETTER = 1.5


def shifted_mask(survey: Survey) -> Iterator[CheckPlace]:
    """Yield masks that fit much better when they are moved: all of a set alike, or one by far."""
    judged = [(one, one.alignment) for one in survey.masked if one.alignment is not None]
    alike = _moved_alike(judged)
    for one, found in judged:
        if one in alike:
            also = f", as for {len(alike)} of {len(judged)} images"
            yield one.place.saying(_told(found) + also)
        elif (
            found.inside
            and found.here < NOTHING
            and found.best >= _PLAIN
            and found.gain >= _MUCH_BETTER
            and max(map(abs, found.steps)) >= _FAR
        ):
            yield one.place.saying(_told(found))


def _moved_alike(judged: list[tuple[ImageFacts, Alignment]]) -> list[ImageFacts]:
    """Return the images of a set that is moved as a whole."""
    moved = [(one, found) for one, found in judged if found.here < NOTHING and found.inside]
    if len(moved) < max(_FEWEST, _MOST * len(judged)):
        return []
    usual = np.median([found.steps for _, found in moved], axis=0)
    if np.abs(usual).max() < _FAR - 1:
        return []
    alike = [
        one
        for one, found in moved
        if found.gain >= _BETTER and np.abs(found.steps - usual).max() <= 1
    ]
    return alike if len(alike) >= max(_FEWEST, _MOST * len(judged)) else []


def _told(found: Alignment) -> str:
    rows, columns = (found.step * one for one in found.steps)
    ways = [
        f"{abs(length)} px {way[length > 0]}"
        for length, way in ((columns, ("left", "right")), (rows, ("up", "down")))
        if length
    ]
    return f"fits the edges {found.gain:.1f} times as well {' and '.join(ways)}"


def offset_masks(survey: Survey) -> Iterator[CheckPlace]:
    """Yield by what part of a pixel the masks of a set lie beside the edges, nearly all alike."""
    judged = [one.alignment for one in survey.masked if one.alignment is not None]
    found = [(one.step, one.between) for one in judged if one.between and one.here >= NOTHING]
    if len(found) < _MANY:
        return
    step, between = (np.array(one) for one in zip(*found, strict=True))
    usual = np.median(between, axis=0)
    alike = int((np.abs(between - usual).max(axis=1) <= _SCATTER).sum())
    if alike >= _NEARLY_ALL * len(found) and _LEAST_PART <= np.abs(usual).max() <= _CLOSE:
        down, right = np.round(np.median(between * step[:, None], axis=0), 2).tolist()
        yield CheckPlace(
            message=f"{alike} of {len(found)} masks fit the edges best {abs(right)} px to the "
            f"{'right' if right > 0 else 'left'} and {abs(down)} px {'down' if down > 0 else 'up'}"
            f"; input.offset={Offset(-right, -down)} moves the images instead"
        )


def mirrored_mask(survey: Survey) -> Iterator[CheckPlace]:
    """Yield masks that fit much better when they are mirrored."""
    for one in survey.masked:
        if one.alignment is None or not one.alignment.mirrored:
            continue
        way, found = max(one.alignment.mirrored.items(), key=lambda item: item[1].gain)
        if found.gain >= _MIRRORED_BETTER and found.stands >= _MIRRORED_PLAIN:
            yield one.place.saying(f"fits the edges {found.gain:.1f} times as well with {way}")
