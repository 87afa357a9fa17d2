"""What becomes of a mask after it was decided: small regions, holes, one region in each unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Head
from maskforge.masks.classes import BACKGROUND, ClassMap

IMAGE = "image"
"""Unit of ``PostProcessing.one_per``: the whole image."""

NO_UNIT = -1


class PostProcessing(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the regions of a class; pixels that touch at a corner are connected.

    In this order: holes are filled, small regions are removed, and of the others the largest in
    each unit stays.

    Attributes:
        fill_holes: Whether holes, which are not connected with the edge of the image, become part
            of the region, as far as they are background or classes may overlap.
        min_size: Smallest region that stays, in pixels of the image.
        one_per: Unit in which only the largest region stays: ``image``, or the name of another
            class, of which every region is a unit. A region is in the unit that it has most
            contact with; one that touches no unit stays. Empty keeps all.
        lesion_f1: Lesion F1 of the validation examples without it and with it, each image with what
            the others chose; None if that is not known.
    """

    fill_holes: bool = False
    min_size: Annotated[int, msgspec.Meta(ge=1, le=2**31)] = 1
    one_per: str = ""
    lesion_f1: (
        tuple[
            Annotated[float, msgspec.Meta(ge=0, le=1)], Annotated[float, msgspec.Meta(ge=0, le=1)]
        ]
        | None
    ) = None


class Numbered(NamedTuple):
    """The connected regions of a plane.

    Attributes:
        numbers: (H, W) number of the region of every pixel, from 1 in reading order; 0 outside.
        sizes: (N,) pixels of every region.
    """

    numbers: NDArray[np.int32]
    sizes: NDArray[np.int64]


def post_process(
    target: NDArray[np.uint8],
    classes: ClassMap,
    head: Head,
    rules: Mapping[str, PostProcessing],
) -> NDArray[np.uint8]:
    """Return a prediction after post-processing; units are regions as they were before it.

    Args:
        target: As ``decide`` returns it: softmax (H, W) indices, sigmoid (H, W, K) of 0 and 1.
        classes: The class map of the network.
        head: Of the network. With softmax, what is removed becomes background, and only
            background is filled.
        rules: By class name; classes without one stay as they are.

    Returns:
        An array of the same form; ``target`` itself if there are no rules.

    Examples:
        >>> from maskforge.masks.post_processing import PostProcessing, post_process
        >>> spots = np.array([[1, 0, 1, 1]], np.uint8)
        >>> disc = mf.ClassMap((mf.MaskClass(1, "disc", (255, 0, 0), ()),))
        >>> post_process(spots, disc, "softmax", {"disc": PostProcessing(min_size=2)})
        array([[0, 0, 1, 1]], dtype=uint8)
    """
    if not rules:
        return target
    names = [classes.names[id_] for id_ in classes.foreground_ids]
    result = target.copy()
    for number, name in enumerate(names):
        rule = rules.get(name)
        if rule is None:
            continue
        before = plane_of(target, head, number)
        plane = filled(before, target, head) if rule.fill_holes else before
        found = numbered(plane)
        units = None
        if rule.one_per:
            other = () if rule.one_per == IMAGE else (names.index(rule.one_per),)
            units = units_of(found, *(numbered(plane_of(target, head, one)) for one in other))
        stays = np.concatenate(([False], kept(found.sizes, units, rule.min_size)))
        after = stays[found.numbers]
        if head == "sigmoid":
            result[..., number] = after
        else:
            result[before & ~after] = BACKGROUND
            result[after & (result == BACKGROUND)] = number + 1
    return result


def plane_of(target: NDArray[np.uint8], head: Head, number: int) -> NDArray[np.bool_]:
    """Return (H, W) bool where a class is, by its number among those without the background."""
    plane = target == number + 1 if head == "softmax" else target[..., number] != 0
    return np.ascontiguousarray(plane)


def filled(plane: NDArray[np.bool_], target: NDArray[np.uint8], head: Head) -> NDArray[np.bool_]:
    """Return a plane with its holes filled, with softmax only where the target is background."""
    _, numbers, statistics, _ = cv2.connectedComponentsWithStats(
        (~plane).view(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    left, top, width, height = statistics[:, :4].T
    is_hole = (left > 0) & (top > 0)
    is_hole &= (left + width < plane.shape[1]) & (top + height < plane.shape[0])
    holes: NDArray[np.bool_] = is_hole[numbers]
    return plane | (holes if head == "sigmoid" else holes & (target == BACKGROUND))


def numbered(plane: NDArray[np.bool_]) -> Numbered:
    """Return the regions of a plane."""
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(
        plane.view(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    flat = numbers.ravel()
    inside = np.flatnonzero(flat)[::-1]
    firsts = np.full(count, -1)
    firsts[flat[inside]] = inside  # the last one that is assigned is the first in reading order
    order = np.argsort(firsts)
    ranks = np.empty(count, np.int32)
    ranks[order] = np.arange(count, dtype=np.int32)
    sizes = statistics[order[1:], cv2.CC_STAT_AREA].astype(np.int64)
    return Numbered(ranks[numbers], sizes)


def units_of(found: Numbered, units: Numbered | None = None) -> NDArray[np.int64]:
    """Return the number of the unit of every region, ``NO_UNIT`` for none.

    A contact is a pixel of the region and one of the unit that are the same or touch, also at a
    corner: where classes exclude each other, a region hides the pixels of the unit that it is in.

    Args:
        found: The regions.
        units: The units, from 1; None if there is one for all, whose number is 0.
    """
    count = len(found.sizes)
    if units is None:
        return np.zeros(count, np.int64)
    result = np.full(count, NO_UNIT, np.int64)
    rows, columns = np.nonzero(found.numbers)
    regions = found.numbers[rows, columns].astype(np.int64) - 1
    around = np.pad(units.numbers, 1)
    step = len(units.sizes) + 1
    pairs = []
    for down in range(3):
        for right in range(3):
            unit = around[rows + down, columns + right]
            pairs.append((regions * step + unit)[unit > 0])
    keys, contacts = np.unique(np.concatenate(pairs), return_counts=True)
    region, unit = np.divmod(keys, step)
    order = np.lexsort((-unit, contacts))  # the last one that is assigned is the best
    result[region[order]] = unit[order]
    return result


def kept(
    sizes: NDArray[np.int64], units: NDArray[np.int64] | None, min_size: int
) -> NDArray[np.bool_]:
    """Return which regions stay; of equally large ones in a unit, the first in reading order.

    Args:
        sizes: (N,) pixels of every region.
        units: (N,) number of its unit; None if all regions of a unit stay.
        min_size: Smallest region that stays.
    """
    stays: NDArray[np.bool_] = sizes >= min_size
    if units is None:
        return stays
    order = np.lexsort((-sizes, units))
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = units[order][1:] != units[order][:-1]
    largest = np.empty_like(is_first)
    largest[order] = is_first
    stays &= largest | (units == NO_UNIT)
    return stays


def in_words(rules: Mapping[str, PostProcessing]) -> Iterator[str]:
    """Yield a sentence for every class, such as ``caries: regions of fewer than 9 px are removed``.

    Args:
        rules: By class name.
    """
    for name, rule in rules.items():
        said = ["holes are filled"] * rule.fill_holes
        if rule.min_size > 1:
            said.append(f"regions of fewer than {rule.min_size:,} px are removed")
        if rule.one_per:
            unit = "image" if rule.one_per == IMAGE else f"region of {rule.one_per}"
            said.append(f"only the largest region in each {unit} is kept")
        gain = ""
        if rule.lesion_f1 is not None:
            before, after = rule.lesion_f1
            gain = f" (lesion F1 on validation images {before:.3f} without, {after:.3f} with it)"
        yield f"{name}: {', '.join(said) or 'as decided'}{gain}"
