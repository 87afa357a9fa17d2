"""What was found about the agreement of annotators, part by part."""

from __future__ import annotations

from typing import Any

import msgspec

from maskforge.display.brief import Brief
from maskforge.evaluation.report.records import Interval

SCHEMA_VERSION = 1


class AreaAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far the areas of a class differ between two annotators (Bland and Altman 1986).

    Attributes:
        images: Images on which at least one of them marked the class; the others say nothing.
        bias: Mean of the area of the first minus that of the second.
        lower: Lower limit of agreement: about 95 % of the differences lie between the limits.
        upper: Upper limit.
        intervals: Bootstrap interval of each of the three.
    """

    images: int
    bias: float | None
    lower: float | None
    upper: float | None
    intervals: dict[str, Interval | None] = {}


class PairClass(msgspec.Struct, frozen=True, kw_only=True):
    """One class as two annotators marked it. What is not defined is None.

    Attributes:
        name: Name.
        dice: Of all pixels of all images together.
        hd95_mean: Mean of the 95th percentile of the Hausdorff distance, over the images where both
            have the class.
        lesion_f1: Share of the lesions of both that the other one has as well.
        kappa: Cohen's kappa on whether the class is in a unit.
        intervals: Bootstrap interval per score; ``hd95`` for that of ``hd95_mean``.
        areas: How far the areas differ.
    """

    name: str
    dice: float | None
    hd95_mean: float | None
    lesion_f1: float | None
    kappa: float | None
    intervals: dict[str, Interval | None] = {}
    areas: AreaAgreement


class PairAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Two annotators.

    Attributes:
        first: Name of one.
        second: Name of the other.
        dice: Mean Dice over the classes.
        interval: Its bootstrap interval.
        classes: Every class.
    """

    first: str
    second: str
    dice: float | None
    interval: Interval | None
    classes: tuple[PairClass, ...]


class ClassAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """One class as all annotators marked it.

    Attributes:
        name: Name.
        dice: Mean over all pairs.
        fleiss_kappa: Fleiss' kappa on whether the class is in a unit.
        positive: Units in which each annotator marked the class; empty for a class that is not a
            lesion of units.
        intervals: Bootstrap interval per score.
    """

    name: str
    dice: float | None
    fleiss_kappa: float | None
    positive: dict[str, int]
    intervals: dict[str, Interval | None] = {}


class DifferingImage(msgspec.Struct, frozen=True, kw_only=True):
    """One image.

    Attributes:
        name: Name.
        group: Patient or other group; None if there is none.
        dice: Dice of all foreground pixels, as the mean over all pairs; None if nobody marked any.
        pixels: Per class name the pixels that each annotator marked.
    """

    name: str
    group: str | None
    dice: float | None
    pixels: dict[str, dict[str, int]]


class ConsensusReport(msgspec.Struct, frozen=True, kw_only=True):
    """The data set that was made of all masks.

    Attributes:
        out: Its folder.
        method: ``majority`` or ``staple``.
        void_where: Which pixels are void: ``tie`` or ``disagree``.
        masks: Number of masks.
        void_pixels: Their void pixels.
    """

    out: str
    method: str
    void_where: str
    masks: int
    void_pixels: int


class Agreement(Brief, msgspec.Struct, frozen=True, kw_only=True):
    """How far annotators agree: the fields of ``AgreementReport``, which explains them."""

    schema: int = SCHEMA_VERSION
    annotators: dict[str, str]
    images: int
    unit: str
    units: int
    dice: float | None
    interval: Interval | None
    classes: tuple[ClassAgreement, ...]
    pairs: tuple[PairAgreement, ...]
    rows: tuple[DifferingImage, ...]
    consensus: ConsensusReport | None = None
    missing: dict[str, tuple[str, ...]] = {}
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    seconds: float = 0.0
    digests: dict[str, str] = {}
    versions: dict[str, str] = {}
    created: str = ""
