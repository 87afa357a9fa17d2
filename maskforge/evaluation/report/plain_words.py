"""An evaluation in words: what was found, what that means, and what speaks against the numbers."""

from __future__ import annotations

from collections.abc import Iterator

from maskforge.display.table import cell_text
from maskforge.errors import listing
from maskforge.evaluation.measures.imagelevel import IMAGE_SPECIFICITY
from maskforge.evaluation.measures.lesions import FALSE_LESIONS_PER_IMAGE, LESION_SENSITIVITY
from maskforge.evaluation.measures.measure import Measure, as_text
from maskforge.evaluation.measures.scores import DICE, RECALL
from maskforge.evaluation.report.records import (
    ClassReport,
    Evaluation,
    ImageScores,
    Interval,
    LesionScores,
    UnitReport,
)
from maskforge.evaluation.report.report_tables import together
from maskforge.evaluation.report.summary import FEW_UNITS

_MOST_CLASSES = 8
_WIDE = 0.2
"""An interval of Dice as wide as this hides the difference between most models."""


def in_words(report: Evaluation) -> Iterator[tuple[str, list[str]]]:
    """Yield what was found: the name of a class and a few sentences."""
    classes = report.classes[:-1]
    for one in classes[:_MOST_CLASSES]:
        yield cell_text(one.name), [sentence for _, sentence in about_class(one)]
    if len(classes) > _MOST_CLASSES:
        yield "Others", [f"{len(classes) - _MOST_CLASSES} more classes are in the tables."]
    if (beside := report.annotators) is not None:
        shown = [as_text(one, "score") for one in (beside.prediction_dice, beside.annotators_dice)]
        yield (
            f"Beside {len(beside.annotators)} annotators",
            [
                f"The mean Dice of the prediction with each of them is {shown[0]}, and that of "
                f"every two of them {shown[1]}.",
                beside.verdict,
            ],
        )
    if report.units is not None:
        made_of = report.units.classes
        title = f"Per {made_of[0]}" if len(made_of) == 1 else f"Units of {together(made_of)}"
        yield title, [*_units(report.units)]


def about_class(one: ClassReport) -> Iterator[tuple[Measure, str]]:
    """Yield what was found of a class, each sentence with the measure that it is about."""
    assert one.lesions is not None
    assert one.images is not None
    yield LESION_SENSITIVITY, _found(one, one.lesions)
    yield FALSE_LESIONS_PER_IMAGE, _invented(one, one.lesions)
    if one.dice is not None:
        yield DICE, f"Dice is {_with_interval(DICE, one.dice, one)}."
    if one.recall is not None and one.precision is not None:
        yield (
            RECALL,
            f"The prediction covers {as_text(one.recall, 'share')} of the area in the truth, and "
            f"{as_text(one.precision, 'share')} of the area that it marks is right.",
        )
    if one.images.positive or one.images.negative:
        yield IMAGE_SPECIFICITY, _images(one.images)


def _found(one: ClassReport, lesions: LesionScores) -> str:
    if not lesions.truth:
        return "The truth has no lesion, so there was nothing to find."
    share = _with_interval(LESION_SENSITIVITY, lesions.sensitivity, one)
    return (
        f"The prediction found {lesions.found:,} of {_count(lesions.truth, 'lesion')}, which "
        f"is {share}, and missed {lesions.truth - lesions.found or 'none'}."
    )


def _invented(one: ClassReport, lesions: LesionScores) -> str:
    if not lesions.false:
        return "It marks no place where the truth has nothing."
    rate = _with_interval(FALSE_LESIONS_PER_IMAGE, lesions.false_per_image, one)
    return (
        f"It marks {_count(lesions.false, 'place')} where the truth has nothing, which is "
        f"{rate} per image."
    )


def _images(images: ImageScores) -> str:
    kinds = (
        (images.found, images.positive, "with this class"),
        (images.false, images.negative, "without it"),
    )
    parts = [
        f"{marked or 'none'} of {_count(total, 'image')} {kind}"
        for marked, total, kind in kinds
        if total
    ]
    return f"It marks something in {' and in '.join(parts)}."


def _units(units: UnitReport) -> Iterator[str]:
    if not units.units:
        yield "There are no units in these images."
        return
    shares = [
        f"{as_text(getattr(units, name), 'share')}{_range(units.intervals.get(name))}"
        for name in ("sensitivity", "specificity")
    ]
    yield (
        f"The prediction marks a lesion in {units.found:,} of "
        f"{_count(units.positive, 'unit')} that have one (sensitivity {shares[0]}), and leaves "
        f"{units.negative - units.false:,} of {units.negative:,} without one alone (specificity "
        f"{shares[1]})."
    )
    reached = [one for one in units.depths if one.units]
    if reached:
        parts = [f"{one.marked} of {one.units} that reach {one.depth}" for one in reached]
        yield f"Of units by depth, it marks {', '.join(parts)}."


def _range(limits: Interval | None) -> str:
    if limits is None:
        return ""
    return f", 95 % interval {' to '.join(as_text(one, 'share') for one in limits)}"


def explanations(report: Evaluation) -> Iterator[str]:
    """Yield what has to be known to understand these sentences."""
    least = report.options.get("match_iou")
    touches = f"overlaps it with an IoU of at least {least:g}" if least else "overlaps it at all"
    yield (
        "A lesion is a connected region of a class in the truth. It is found if the prediction "
        f"{touches}."
    )
    yield (
        "Dice tells how well areas agree: 1 if truth and prediction are the same pixels, 0 if they "
        "have none in common. Small lesions reach lower values than large ones, also when two "
        "people draw them."
    )
    if report.units is not None:
        classes = report.units.classes
        what = (
            f"one {classes[0]}"
            if len(classes) == 1
            else f"an instance or region of {together(classes)}"
        )
        yield (
            f"A unit is {what}. It has a lesion if one lies in it with at least "
            f"{_count(report.units.unit_pixels, 'pixel')}."
        )
    if report.overall.intervals:
        yield (
            "A 95 % interval tells between which values a number would probably be with other "
            "images of the same kind."
        )


def warnings(report: Evaluation) -> Iterator[str]:
    """Yield what speaks against the numbers, the gravest first."""
    yield from (note for note in report.notes if note.startswith("WARNING"))
    if report.problems:
        images = _count(len(report.problems), "image")
        yield f"{images} could not be compared, and no number here counts them: see Not compared."
    if report.unpaired_truth:
        masks = _count(len(report.unpaired_truth), "mask")
        yield f"The truth has {masks} without a prediction, and no number here counts them."
    if report.images < FEW_UNITS:
        yield (
            f"Only {_count(report.images, 'image')} could be compared: with others, the numbers "
            "may be quite different."
        )
    if not report.overall.intervals:
        yield "There are no intervals, so nobody can tell how far to trust the numbers."
    yield from _about_classes(report.classes[:-1])
    if report.units is not None:
        yield from _about_units(report.units)


def _about_units(units: UnitReport) -> Iterator[str]:
    if units.lost_units:
        yield (
            f"{_count(units.lost_units, 'unit')} cannot be seen in the instance maps, because "
            "other shapes lie on top or they lie outside the image, and no number here counts them."
        )
    if units.positive < FEW_UNITS:
        yield (
            f"Only {_count(units.positive, 'unit')} with a lesion: one more or less that is marked "
            "changes much."
        )


def _about_classes(classes: tuple[ClassReport, ...]) -> Iterator[str]:
    for concerned, what in (
        (
            [one for one in classes if one.lesions and not one.lesions.truth],
            "there are no lesions in the truth, so it is not known how many would be found",
        ),
        (
            [one for one in classes if one.lesions and 0 < one.lesions.truth < FEW_UNITS],
            f"there are fewer than {FEW_UNITS} lesions in the truth, so one more or less that is "
            "found changes much",
        ),
        (
            [one for one in classes if one.images and not one.images.negative],
            "no image is without it, so it is not known how often healthy images are marked",
        ),
        (
            [one for one in classes if _is_wide(one.intervals.get(DICE.name))],
            "the interval of Dice is wide: only more images can tell how good this is",
        ),
    ):
        if concerned:
            yield f"{listing(cell_text(one.name) for one in concerned)}: {what}."


def _is_wide(limits: Interval | None) -> bool:
    return limits is not None and limits[1] - limits[0] >= _WIDE


def _with_interval(measure: Measure, value: float | None, one: ClassReport) -> str:
    limits = one.intervals.get(measure.name)
    shown, *ends = (rounded(each, measure) for each in (value, *(limits or ())))
    return f"{shown} (95 % interval {' to '.join(ends)})" if ends else shown


def rounded(value: float | None, measure: Measure) -> str:
    """Return a value as people say it; the tables have more digits."""
    return f"{value:.2f}" if value is not None and measure.unit == "score" else measure.text(value)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
