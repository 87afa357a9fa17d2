"""From what was measured on every two annotators to the parts of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.agreement.agreement_records import (
    AreaAgreement,
    ClassAgreement,
    DifferingImage,
    PairAgreement,
    PairClass,
)
from maskforge.evaluation.measures import scores
from maskforge.evaluation.measures.bland_altman import bland_altman
from maskforge.evaluation.measures.bootstrap import interval, weighted_sums
from maskforge.evaluation.measures.kappa import cohen_kappa, fleiss_kappa, rating_parts
from maskforge.evaluation.measures.lesions import LESION_F1
from maskforge.evaluation.measures.measured import Measured
from maskforge.evaluation.measures.ratios import defined, mean
from maskforge.evaluation.measures.sample_statistics import class_statistics, overall_statistics
from maskforge.evaluation.measures.scores import DICE
from maskforge.evaluation.measures.surface import HD95
from maskforge.evaluation.report.records import Interval

_SCORES = (DICE, HD95, LESION_F1)
_LIMITS = ("bias", "lower", "upper")


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """Where annotators say that there is something.

    Attributes:
        positive: (U, K, A) bool: whether an annotator marked a class in a unit.
        images: (U,) number of the image of every unit.
        asked: (K,) bool: the classes that are asked for in units.
    """

    positive: NDArray[np.bool_]
    images: NDArray[np.int64]
    asked: NDArray[np.bool_]

    def per_image(self, values: NDArray[Any], count: int) -> NDArray[np.float64]:
        """Return the sums (N, ...) over the units of every image of (U, ...)."""
        sums = np.zeros((count, *values.shape[1:]))
        np.add.at(sums, self.images, values)
        return sums


def image_ratings(pairs: Sequence[Measured], annotators: int) -> Ratings:
    """Return ratings of whole images: an annotator is positive where there is a lesion of theirs.

    Args:
        pairs: Every two annotators, in the order of ``combinations``.
        annotators: Their number.
    """
    with_first = pairs[: annotators - 1]
    positive = np.stack([pairs[0].present, *(one.flagged for one in with_first)], axis=-1)
    return Ratings(positive, np.arange(len(positive)), np.ones(positive.shape[1], np.bool_))


def unit_ratings(
    ratings: Sequence[NDArray[np.bool_] | None],
    classes: Sequence[str],
    lesions: Sequence[str],
    names: Sequence[str],
) -> Ratings:
    """Return ratings of units, such as teeth.

    Args:
        ratings: (U, K, A) of every image; None where nothing is known of its units.
        classes: Names of the classes.
        lesions: Names of those that are asked for.
        names: What the annotators are called.
    """
    nothing = np.zeros((0, len(classes), len(names)), dtype=np.bool_)
    known = [nothing if one is None else one for one in ratings]
    images = np.repeat(np.arange(len(known)), [len(one) for one in known])
    asked = np.array([one in lesions for one in classes])
    return Ratings(np.concatenate([nothing, *known]), images, asked)


@dataclass(frozen=True, eq=False)
class Agreed:
    """Scores of data sets: first of all images once, then of those that are drawn.

    Attributes:
        pairs: Every two annotators, in the order of ``combinations``, with N rows.
        weights: (1 + B, N): how often each image is in each data set.
        ratings: On which kappa is.
        classes: Names of the classes.
        names: What the annotators are called.
        area: Of a pixel.
    """

    pairs: tuple[Measured, ...]
    weights: NDArray[Any]
    ratings: Ratings
    classes: tuple[str, ...]
    names: tuple[str, ...]
    area: float

    def overall(self) -> tuple[float | None, Interval | None]:
        """Return the mean Dice over classes and pairs, with its interval."""
        return _with_interval(mean(np.stack(self._dice, axis=-1)))

    def by_pair(self) -> tuple[PairAgreement, ...]:
        """Return the report of every two annotators."""
        return tuple(map(self._pair, range(len(self.pairs)), self._dice))

    @cached_property
    def _dice(self) -> list[NDArray[np.float64]]:
        """The mean Dice over the classes (1 + B,) of every pair."""
        return [overall_statistics(one, self.weights)["dice"] for one in self.pairs]

    @cached_property
    def _scores(self) -> list[dict[str, NDArray[np.float64]]]:
        """The scores of classes (1 + B, K) of every pair."""
        return [class_statistics(one, self.weights, _SCORES) for one in self.pairs]

    def _pair(self, number: int, overall: NDArray[np.float64]) -> PairAgreement:
        measured = self.pairs[number]
        first, second = [*combinations(range(len(self.names)), 2)][number]
        found = dict(self._scores[number])
        cells = self._summed(_cells(self.ratings.positive, first, second))
        found["kappa"] = np.where(self.ratings.asked, cohen_kappa(cells), np.nan)
        dice, limits = _with_interval(overall)
        return PairAgreement(
            first=self.names[first],
            second=self.names[second],
            dice=dice,
            interval=limits,
            classes=tuple(
                PairClass(
                    name=name,
                    dice=defined(found["dice"][0, one]),
                    hd95_mean=defined(found["hd95"][0, one]),
                    lesion_f1=defined(found["lesion_f1"][0, one]),
                    kappa=defined(found["kappa"][0, one]),
                    intervals=_intervals({key: found[key][:, one] for key in found}),
                    areas=self._areas(measured.cells[:, one + 1]),
                )
                for one, name in enumerate(self.classes)
            ),
        )

    def _summed(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the weighted sums (1 + B, ...) of values of units (U, ...)."""
        return weighted_sums(self.weights, self.ratings.per_image(values, len(self.pairs[0].cells)))

    def _areas(self, cells: NDArray[np.int64]) -> AreaAgreement:
        first, second = cells[:, 0] + cells[:, 2], cells[:, 0] + cells[:, 1]
        marked = (first > 0) | (second > 0)
        differences = (first - second)[marked] * self.area
        limits = bland_altman(differences, self.weights[:, marked]).T
        values = dict(zip(_LIMITS, limits, strict=True))
        return AreaAgreement(
            images=int(marked.sum()),
            **{key: defined(one[0]) for key, one in values.items()},
            intervals=_intervals(values),
        )

    def by_class(self) -> tuple[ClassAgreement, ...]:
        """Return the report of every class, of all annotators together."""
        dice = mean(np.stack([one["dice"] for one in self._scores], axis=-1))
        positive = self.ratings.positive
        yes = positive.sum(axis=-1)
        parts = rating_parts(np.stack([yes, len(self.names) - yes], axis=-1))
        asked = self.ratings.asked
        kappa = np.where(asked, fleiss_kappa(self._summed(parts)), np.nan)
        return tuple(
            ClassAgreement(
                name=name,
                dice=defined(dice[0, one]),
                fleiss_kappa=defined(kappa[0, one]),
                positive=dict(zip(self.names, positive[:, one].sum(axis=0).tolist(), strict=True))
                if asked[one]
                else {},
                intervals=_intervals({"dice": dice[:, one], "fleiss_kappa": kappa[:, one]}),
            )
            for one, name in enumerate(self.classes)
        )

    def rows(
        self, images: Sequence[str], groups: Sequence[str | None]
    ) -> tuple[DifferingImage, ...]:
        """Return a row per image, those first on which the annotators differ most."""
        foreground = [scores.dice(one.cells[:, 1:].sum(axis=1)) for one in self.pairs]
        dice = mean(np.stack(foreground, axis=-1))
        marked = self._pixels()
        rows = [
            DifferingImage(
                name=name,
                group=group,
                dice=defined(dice[number]),
                pixels={
                    class_: dict(zip(self.names, marked[number, one].tolist(), strict=True))
                    for one, class_ in enumerate(self.classes)
                },
            )
            for number, (name, group) in enumerate(zip(images, groups, strict=True))
        ]
        return tuple(sorted(rows, key=lambda row: (_least_first(row), row.name)))

    def _pixels(self) -> NDArray[np.int64]:
        """Return (N, K, A): the pixels of every class that each annotator marked."""
        with_first = self.pairs[: len(self.names) - 1]
        cells = [one.cells[:, 1:] for one in with_first]
        first = cells[0][..., 0] + cells[0][..., 2]
        return np.stack([first, *(one[..., 0] + one[..., 1] for one in cells)], axis=-1)


def _least_first(row: DifferingImage) -> float:
    nothing = 2.0  # nobody marked anything: they agree better than any Dice tells
    return nothing if row.dice is None else row.dice


def _cells(positive: NDArray[np.bool_], first: int, second: int) -> NDArray[np.bool_]:
    """Return (U, K, 4): whether both, the second alone, the first alone, or neither is positive."""
    one, other = positive[..., first], positive[..., second]
    return np.stack([one & other, ~one & other, one & ~other, ~(one | other)], axis=-1)


def _with_interval(values: NDArray[np.float64]) -> tuple[float | None, Interval | None]:
    """Return a score and its interval; the first value is that of all images."""
    return defined(values[0]), interval(values[1:]) if len(values) > 1 else None


def _intervals(values: Mapping[str, NDArray[np.float64]]) -> dict[str, Interval | None]:
    """Return the intervals of scores by name; none if no data set was drawn."""
    return {key: interval(one[1:]) for key, one in values.items() if len(one) > 1}
