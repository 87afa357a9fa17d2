"""What a measure is: a number about a class, with all that a report has to know to show it.

There are four kinds, by what is counted. A measure is an object of one of them, in a module of its
own or of its family, and a line in ``catalog``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.measured import Measured, Sample

Values: TypeAlias = NDArray[np.float64]

Unit: TypeAlias = Literal["score", "share", "distance", "rate"]
"""From 0 to 1; the same, read as percent; pixels or the unit of the spacing; so many per image."""

_FORMATS: dict[Unit, str] = {"score": ".4f", "share": ".1%", "distance": ".2f", "rate": ".2f"}


def as_text(value: float | None, unit: Unit) -> str:
    """Return a value for people."""
    return "undefined" if value is None else f"{value:{_FORMATS[unit]}}"


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """A number about a class.

    Attributes:
        name: In intervals, groups, rows and tables of files.
        title: For people.
        meaning: Its definition, for the documentation.
        formula: Takes what the kind of measure says; NaN is undefined.
        better: Whether ``higher`` or ``lower`` values are better.
        unit: What it counts in.
        key: Where it stands in its section of the report; the name if empty.
        beside: What is printed beside it.
        by_group: Whether it is printed in tables by group.
    """

    counted: ClassVar[str]
    """What it is about: ``pixels``, ``outlines``, ``lesions``, ``images``."""

    section: ClassVar[str]
    """The part of a report about a class in which it stands; empty for the report itself."""

    name: str
    title: str
    meaning: str
    formula: Callable[[Any], Any]
    _: KW_ONLY
    better: Literal["higher", "lower"] = "higher"
    unit: Unit = "score"
    key: str = ""
    beside: Literal["", "interval", "median"] = ""
    by_group: bool = True

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its values in the section of the report, the chief one first."""
        return (self.key or self.name,)

    def text(self, value: float | None) -> str:
        """Return a value for people."""
        return as_text(value, self.unit)

    def over(self, sample: Sample) -> Values:
        """Return the values (B, K) for data sets, NaN where undefined."""
        return np.asarray(self.formula(sample))

    def by_image(self, measured: Measured) -> Values | None:
        """Return the values (N, K) of single images; None if it says nothing about one."""
        return None


class PixelMeasure(Measure):
    """A score of pixels, computed once from the sum of the counts of all images.

    It has a value for the background, too, and a mean over all classes. The formula takes
    (..., 4) TP, FP, FN, TN and gives (...).
    """

    __slots__ = ()
    counted, section = "pixels", ""

    def over(self, sample: Sample) -> Values:
        """Return the values (B, K) of sums of pixels."""
        return np.asarray(self.formula(sample.cells[:, 1:]))

    def by_image(self, measured: Measured) -> Values:
        """Return the values (N, K) of the pixels of single images."""
        return np.asarray(self.formula(measured.cells[:, 1:]))


class OutlineMeasure(Measure):
    """A measure of single images, with mean and median over those where both sides have the class.

    The formula takes the ``ClassRegions`` of one image, on neither side empty, and gives a float.
    """

    __slots__ = ()
    counted, section = "outlines", "surface"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of mean and median in the section of the report."""
        key = self.key or self.name
        return f"{key}_mean", f"{key}_median"

    def over(self, sample: Sample) -> Values:
        """Return the means (B, K) over the images of each data set."""
        return sample.mean(sample.measured.outlines[self.name])

    def by_image(self, measured: Measured) -> Values:
        """Return the values (N, K) of single images."""
        return measured.outlines[self.name]


class LesionMeasure(Measure):
    """A measure of lesions, counted over all images; the formula takes a ``Sample``."""

    __slots__ = ()
    counted = section = "lesions"


class ImageMeasure(Measure):
    """Whether the class is in an image at all; the formula takes a ``Sample``."""

    __slots__ = ()
    counted = section = "images"
