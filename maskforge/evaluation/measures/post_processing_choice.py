"""The post-processing with the best lesion F1, chosen on validation examples."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Head
from maskforge.evaluation.measures.lesions import components, is_judged
from maskforge.evaluation.measures.ratios import divide
from maskforge.evaluation.measures.regions import target_planes
from maskforge.masks.classes import ClassMap
from maskforge.masks.post_processing import (
    IMAGE,
    NO_UNIT,
    Numbered,
    PostProcessing,
    filled,
    kept,
    numbered,
    plane_of,
    units_of,
)

LEAST_LESIONS = 10
"""With fewer in the truth nothing is chosen: it would be chosen by chance."""

_AS_DECIDED = PostProcessing()
_MOST_SIZES = 24
_MOST_FOLDS = 10
_MOST_UNIT_CLASSES = 8  # any of them may be the unit of any other
_ROUNDS = 2

_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Regions:
    """The N regions of a class in an image, or in all, for one way of filling holes.

    Attributes:
        sizes: (N,) pixels of every region.
        units: (N,) number of the unit of every region, for every possible unit.
        predicted: (N,) bool: whether the region counts, which void in the truth may prevent.
        hits: (N,) bool: whether it matches a lesion of the truth.
        matches: (P, 2) a lesion of the truth and a region that has pixels in common with it.
    """

    sizes: _Ints
    units: Mapping[str, _Ints]
    predicted: NDArray[np.bool_]
    hits: NDArray[np.bool_]
    matches: _Ints


class PostProcessingTuner:
    """Finds the post-processing with the best lesion F1 of every class.

    Lesions are matched as in an evaluation with its usual options. The regions of all images are
    listed once, so that what a rule would leave is known without their pixels. To be used on
    validation examples: on those that a score is reported for, it would flatter.
    """

    def __init__(self, classes: ClassMap, head: Head) -> None:
        """Begin with no image."""
        self._head: Head = head
        self._names = [classes.names[id_] for id_ in classes.foreground_ids]
        self._groups: list[str] = []
        self._lesions: list[list[int]] = [[] for _ in self._names]
        self._regions: list[dict[bool, list[_Regions]]] = [
            {fills: [] for fills in (False, True)} for _ in self._names
        ]

    def add(self, target: NDArray[Any], decided: NDArray[np.uint8], group: str) -> None:
        """List the regions of an image.

        Args:
            target: The truth: softmax (H, W) indices; sigmoid (H, W, K) of 0 and 1; 255 is void.
            decided: What is predicted, likewise.
            group: What images have in common that must not judge each other, such as the patient.
        """
        truth = target_planes(target, self._head, len(self._names))
        planes = [plane_of(decided, self._head, one) for one in range(len(self._names))]
        units: dict[str, Numbered | None] = {}
        if 1 < len(planes) <= _MOST_UNIT_CLASSES:
            units.update(zip(self._names, map(numbered, planes), strict=True))
        units[IMAGE] = None
        self._groups.append(group)
        for number, (name, plane) in enumerate(zip(self._names, planes, strict=True)):
            lesions, sizes = components(truth.planes[number] & ~truth.void, 8)
            self._lesions[number].append(len(sizes) - 1)
            others = {key: one for key, one in units.items() if key != name}
            whole = filled(plane, decided, self._head)
            for fills, regions in ((False, plane), (True, whole)):
                listed = _list(numbered(regions), others, lesions, truth.void)
                self._regions[number][fills].append(listed)

    def too_few(self) -> dict[str, int]:
        """Return the classes with too few lesions for a choice, and how many they have."""
        counts = {name: sum(one) for name, one in zip(self._names, self._lesions, strict=True)}
        return {name: one for name, one in counts.items() if one < LEAST_LESIONS}

    def best(self) -> dict[str, PostProcessing]:
        """Return the best rule of every class by name, where one is better than none.

        One part of the rule after the other takes the value with the best lesion F1, and then the
        one that changes least of those within a standard error of it (the rule of Breiman et al.
        1984), so that few lesions are lost for a gain that may be chance. It only counts if lesion
        F1 also rises where every image is post-processed as those of other groups choose.
        """
        few = self.too_few()
        groups = {name: number for number, name in enumerate(dict.fromkeys(self._groups))}
        folds = np.array([groups[one] % _MOST_FOLDS for one in self._groups])
        found = {}
        for name, lesions, regions in zip(self._names, self._lesions, self._regions, strict=True):
            rule = None if name in few else _choose(np.array(lesions), regions, folds)
            if rule is not None:
                found[name] = rule
        return found


def _list(
    found: Numbered,
    units: Mapping[str, Numbered | None],
    lesions: NDArray[np.int32],
    void: NDArray[np.bool_],
) -> _Regions:
    """Return the regions of an image as a list.

    Args:
        found: The regions.
        units: Possible units.
        lesions: (H, W) number of the lesion of the truth of every pixel.
        void: (H, W) where the truth says nothing.
    """
    both = (found.numbers > 0) & (lesions > 0)
    pairs = np.stack((lesions[both] - 1, found.numbers[both] - 1), axis=1).astype(np.int64)
    hits = np.zeros(len(found.sizes), np.bool_)
    hits[pairs[:, 1]] = True
    unknown = np.bincount(found.numbers[void], minlength=len(hits) + 1)[1:]
    return _Regions(
        sizes=found.sizes,
        units={name: units_of(found, one) for name, one in units.items()},
        predicted=hits | is_judged(found.sizes, unknown),
        hits=hits,
        matches=np.unique(pairs, axis=0),
    )


def _join(images: Sequence[_Regions], lesions: _Ints) -> _Regions:
    """Return the regions of all images, numbered one after the other, and so are their units."""
    first_regions = np.cumsum([0, *(len(one.sizes) for one in images)])
    first_lesions = np.cumsum([0, *lesions])
    firsts = np.stack((first_lesions, first_regions), axis=1)[:-1]
    units = {
        name: [
            np.where(one.units[name] == NO_UNIT, NO_UNIT, one.units[name] + number * 2**32)
            for number, one in enumerate(images)
        ]
        for name in images[0].units
    }
    return _Regions(
        sizes=np.concatenate([one.sizes for one in images]),
        units={name: np.concatenate(one) for name, one in units.items()},
        predicted=np.concatenate([one.predicted for one in images]),
        hits=np.concatenate([one.hits for one in images]),
        matches=np.concatenate(
            [one.matches + first for one, first in zip(images, firsts, strict=True)]
        ),
    )


def _choose(
    lesions: _Ints, regions: Mapping[bool, Sequence[_Regions]], folds: _Ints
) -> PostProcessing | None:
    """Return the best rule of a class; None if none is better than nothing.

    Args:
        lesions: (N,) lesions in the truth of every image.
        regions: Those of every image, by whether holes are filled.
        folds: (N,) which images are left out together.
    """
    joined = {fills: _join(images, lesions) for fills, images in regions.items()}
    image_of_region = {
        fills: np.repeat(np.arange(len(images)), [len(one.sizes) for one in images])
        for fills, images in regions.items()
    }
    image_of_lesion = np.repeat(np.arange(len(lesions)), lesions)

    @cache
    def count(rule: PostProcessing) -> _Ints:
        """Return (N, 2): of every image the lesions of both sides that match, and all of them."""
        found = joined[rule.fill_holes]
        stays = kept(found.sizes, found.units.get(rule.one_per), rule.min_size)
        lesion, region = found.matches.T
        matched = np.bincount(
            image_of_lesion[np.unique(lesion[stays[region]])], minlength=len(lesions)
        )
        hits, predicted = (
            np.bincount(image_of_region[rule.fill_holes][stays], one[stays], len(lesions))
            for one in (found.hits, found.predicted)
        )
        return np.stack((matched + hits, lesions + predicted), axis=1).astype(np.int64)

    def search(images: NDArray[np.bool_]) -> PostProcessing:
        best, score = _AS_DECIDED, _lesion_f1(count(_AS_DECIDED)[images])
        parts = [*_values(joined[False])]
        for part, values in parts * _ROUNDS:
            for value in values:
                rule = msgspec.structs.replace(best, **{part: value})
                if (one := _lesion_f1(count(rule)[images])) > score:
                    best, score = rule, one
        least, limit = best, score - _standard_error(count(best)[images])
        for part, values in reversed(parts):
            for value in values:
                rule = msgspec.structs.replace(least, **{part: value})
                if _lesion_f1(count(rule)[images]) >= limit:
                    least = rule
                    break
        return least

    numbers = set(folds.tolist())
    if len(numbers) < 2 or not len(joined[False].sizes):
        return None
    rule = search(np.ones(len(lesions), np.bool_))
    if rule == _AS_DECIDED:
        return None
    held = [count(search(folds != one))[folds == one] for one in numbers]
    before, after = _lesion_f1(count(_AS_DECIDED)), _lesion_f1(np.concatenate(held))
    return msgspec.structs.replace(rule, lesion_f1=(before, after)) if after > before else None


def _values(found: _Regions) -> Iterator[tuple[str, Collection[object]]]:
    """Yield every part of a rule with the values that are tried, those that change least first."""
    steps = np.linspace(0, 1, _MOST_SIZES)
    sizes = np.unique(np.quantile(np.unique(found.sizes), steps, method="lower"))
    yield "min_size", [1, *(int(one) + 1 for one in sizes)]
    yield "fill_holes", (False, True)
    yield "one_per", ("", *found.units)


def _standard_error(counts: _Ints) -> float:
    """Return that of lesion F1, by leaving out one image after the other (Tukey's jackknife)."""
    without = np.nan_to_num(divide(*(counts.sum(axis=0) - counts).T))
    return math.sqrt((len(counts) - 1) * float(without.var()))


def _lesion_f1(counts: _Ints) -> float:
    """Return lesion F1 over images; 0 if there is nothing on both sides."""
    matched, of_both = counts.sum(axis=0).tolist()
    return matched / of_both if of_both else 0.0
