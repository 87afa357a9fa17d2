"""What people changed in a mask: lesions added, removed and reshaped, and the pixels of them."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Correction, Made
from maskforge.evaluation.measures.lesions import LesionMatcher
from maskforge.evaluation.measures.ratios import share
from maskforge.evaluation.measures.regions import Regions, compose, target_planes
from maskforge.masks.classes import ClassMap


class ClassChange(msgspec.Struct, kw_only=True):
    """What people changed of a class, in one image or in many.

    Attributes:
        name: Name of the class.
        images: Images that have it before or after.
        changed_images: Those of them in which it was changed.
        dice: Dice of what was there before, against what people made of it; None if there is none.
        lesions_before: Connected regions before.
        lesions_after: Connected regions after.
        added: Of these, those that touch none of before: what the network missed.
        removed: Regions of before that touch none of after: what it invented.
        reshaped: Regions of after that touch one of before, and are not the same.
        pixels_before: Pixels before.
        pixels_after: Pixels after.
        pixels_added: Pixels that it has only after.
        pixels_removed: Pixels that it had only before.
    """

    name: str
    images: int = 0
    changed_images: int = 0
    dice: float | None = None
    lesions_before: int = 0
    lesions_after: int = 0
    added: int = 0
    removed: int = 0
    reshaped: int = 0
    pixels_before: int = 0
    pixels_after: int = 0
    pixels_added: int = 0
    pixels_removed: int = 0


_SUMMED = tuple(one for one in ClassChange.__struct_fields__ if one not in ("name", "dice"))


class ImageChange(msgspec.Struct, kw_only=True):
    """What became of one image that came back.

    Attributes:
        name: Name of its mask; that of the image if it was left out.
        correction: ``new``: neither predicted nor in the older data set; ``changed``; ``confirmed``
            as it was; or ``untouched``.
        made: How its mask in the new data set came to be; None if it is not in there because of
            this.
        compared: ``prediction``, or ``data set`` for an image that is only in the older one;
            None if it is new.
        annotation: The annotation file.
        classes: What was changed; without classes that are neither before nor after.
    """

    name: str
    correction: Correction
    made: Made | None
    compared: str | None
    annotation: str
    classes: list[ClassChange] = []


def changes(
    before: NDArray[np.uint8], after: NDArray[np.uint8], classes: ClassMap
) -> list[ClassChange]:
    """Compare a mask with what people made of it.

    Args:
        before: (H, W, K) of 0, 1 and 255 for void, a channel for every class but the background.
        after: Likewise. Where it is void, nothing is compared.
        classes: The classes.
    """
    count = len(classes.foreground_ids)
    planes = [target_planes(one, "sigmoid", count) for one in (after, before)]
    regions = compose(*planes)
    found = (
        _change(classes.names[id_], regions, number)
        for number, id_ in enumerate(classes.foreground_ids, 1)
    )
    return [one for one in found if one.images]


def _change(name: str, regions: Regions, number: int) -> ClassChange:
    after, before = regions.truth[number], regions.predicted[number]
    change = ClassChange(
        name=name,
        pixels_before=int(np.count_nonzero(before)),
        pixels_after=int(np.count_nonzero(after)),
        pixels_added=int(np.count_nonzero(after & ~before)),
        pixels_removed=int(np.count_nonzero(before & ~after)),
    )
    if not change.pixels_before + change.pixels_after:
        return change
    lesions = LesionMatcher(after).match(before)
    same = LesionMatcher(after, match_iou=1.0).match(before).found
    change.images = 1
    change.changed_images = int(bool(change.pixels_added + change.pixels_removed))
    change.dice = _dice(change)
    change.lesions_before, change.lesions_after = lesions.predicted, lesions.truth
    change.added, change.removed = lesions.truth - lesions.found, lesions.false
    change.reshaped = lesions.found - same
    return change


def total(name: str, changes_: list[ClassChange]) -> ClassChange:
    """Return the sum of what was changed of a class in many images."""
    sums = {field: sum(getattr(one, field) for one in changes_) for field in _SUMMED}
    change = ClassChange(name=name, **sums)
    change.dice = _dice(change)
    return change


def _dice(change: ClassChange) -> float | None:
    common = change.pixels_after - change.pixels_added
    return share(2 * common, change.pixels_before + change.pixels_after)
