"""What an evaluation found, as it is written and printed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from maskforge.display.brief import Brief
from maskforge.evaluation.measures.calibration import Calibration
from maskforge.evaluation.measures.freeresponse import OperatingPoint

SCHEMA_VERSION = 1

Interval: TypeAlias = tuple[float, float]
"""Lower and upper limit."""

Scored = TypeVar("Scored", bound=msgspec.Struct)


def with_scores(
    struct: type[Scored],
    scores: Mapping[str, float | None],
    **others: Any,  # noqa: ANN401 - whatever else the struct holds
) -> Scored:
    """Return a struct with the values of measures.

    Args:
        struct: Its class. Values that it has no field for get fields at the end.
        scores: Values by key.
        **others: The other fields.
    """
    return cast("Scored", _with_fields(struct, tuple(scores))(**scores, **others))


@cache
def _with_fields(struct: type[msgspec.Struct], names: tuple[str, ...]) -> type[msgspec.Struct]:
    new = [(name, float | None) for name in names if name not in struct.__struct_fields__]
    if not new:
        return struct
    return msgspec.defstruct(struct.__name__, new, bases=(struct,), frozen=True, kw_only=True)


class SurfaceScores(msgspec.Struct, frozen=True, kw_only=True):
    """Distances between outlines, over the images where truth and prediction have the class.

    Attributes:
        images: Their number.
        only_truth: Images where the class is in the truth alone: no distance is defined.
        only_predicted: Images where it is in the prediction alone.
        hd95_mean: Mean of the 95th percentile of the Hausdorff distance.
        hd95_median: Median.
        surface_dice_mean: Mean of the surface Dice at the tolerance.
        surface_dice_median: Median.
    """

    images: int
    only_truth: int
    only_predicted: int
    hd95_mean: float | None
    hd95_median: float | None
    surface_dice_mean: float | None
    surface_dice_median: float | None


class LesionScores(msgspec.Struct, frozen=True, kw_only=True):
    """Lesions, which are connected regions, over all images.

    Attributes:
        truth: Lesions in the truth.
        found: Of them, those that the prediction overlaps.
        predicted: Predicted lesions.
        false: Of them, those that overlap none in the truth.
        sensitivity: ``found / truth``.
        false_per_image: ``false / images``.
        f1: Share of the lesions of both sides that the other side has as well.
        operating_points: The free-response curve: what other thresholds would give; empty without
            probabilities.
    """

    truth: int
    found: int
    predicted: int
    false: int
    sensitivity: float | None
    false_per_image: float | None
    f1: float | None
    operating_points: tuple[OperatingPoint, ...] = ()


class ImageScores(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the class is in an image at all.

    Attributes:
        positive: Images with the class.
        negative: Images without it.
        found: Images with the class in which it was predicted, wherever.
        false: Images without the class in which it was predicted.
        sensitivity: ``found / positive``.
        specificity: ``1 - false / negative``.
        auc: Area under the ROC curve of the score of the images.
        false_positive_rates: Points of the ROC curve.
        sensitivities: Their other coordinate.
    """

    positive: int
    negative: int
    found: int
    false: int
    sensitivity: float | None
    specificity: float | None
    auc: float | None
    false_positive_rates: tuple[float, ...] = ()
    sensitivities: tuple[float, ...] = ()


class ClassReport(msgspec.Struct, frozen=True, kw_only=True):
    """All about one class. What is not defined is None.

    Attributes:
        id: Class id in the truth.
        name: Name.
        true_positive: Pixels.
        false_positive: Pixels.
        false_negative: Pixels.
        true_negative: Pixels.
        dice: Of all pixels of all images together.
        iou: Likewise, as all scores of pixels.
        precision: Share of the predicted pixels that are true.
        recall: Share of the true pixels that are found.
        specificity: Share of the other pixels that are left alone.
        surface: Distances between outlines; None for the background.
        lesions: Connected regions; None for the background.
        images: Whole images; None for the background.
        intervals: Bootstrap interval per score; None where it is seldom defined.
        calibration: Of the probabilities, if there are any.
    """

    id: int
    name: str
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int
    dice: float | None
    iou: float | None
    precision: float | None
    recall: float | None
    specificity: float | None
    surface: SurfaceScores | None = None
    lesions: LesionScores | None = None
    images: ImageScores | None = None
    intervals: dict[str, Interval | None] = {}
    calibration: Calibration | None = None


class Overall(msgspec.Struct, frozen=True, kw_only=True):
    """Scores over all classes.

    Attributes:
        accuracy: Share of the pixels of which every class is right.
        background_accuracy: The same of a prediction without any foreground.
        foreground: Mean over the classes without the background, per score of pixels.
        with_background: Mean over all classes: it looks good when nothing is found.
        intervals: Bootstrap intervals of ``accuracy`` and of the means over the foreground.
    """

    accuracy: float | None
    background_accuracy: float | None
    foreground: dict[str, float | None]
    with_background: dict[str, float | None]
    intervals: dict[str, Interval | None] = {}


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """The confusion matrix of exclusive classes.

    Attributes:
        names: Of the classes, the background first.
        pixels: ``pixels[truth][predicted]``.
    """

    names: tuple[str, ...]
    pixels: tuple[tuple[int, ...], ...]


class GroupReport(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of the images with one value in the column.

    Attributes:
        value: The value.
        images: Number of images.
        dice: Mean Dice over the classes without the background.
        classes: Every score by name, per class name.
    """

    value: str
    images: int
    dice: float | None
    classes: dict[str, dict[str, float | None]]


class ClassRow(msgspec.Struct, frozen=True, kw_only=True):
    """One class in one image.

    Attributes:
        truth_pixels: Pixels in the truth.
        predicted_pixels: Pixels in the prediction.
        dice: Dice; None if the class is in neither.
        iou: Likewise.
        precision: None if the class was not predicted.
        recall: None if the class is not in the truth.
        specificity: None if the class is everywhere.
        hd95: None if the class is missing on one side.
        surface_dice: Likewise.
        lesions: Lesions in the truth.
        missed_lesions: Of them, those not found.
        false_lesions: Predicted lesions that are none.
        score: How sure it is that the image shows the class.
        uncertainty: How doubtful its most doubtful region is, 0 to 1; None without probabilities.
    """

    truth_pixels: int
    predicted_pixels: int
    dice: float | None
    iou: float | None
    precision: float | None
    recall: float | None
    specificity: float | None
    hd95: float | None
    surface_dice: float | None
    lesions: int
    missed_lesions: int
    false_lesions: int
    score: float
    uncertainty: float | None


class ImageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One image.

    Attributes:
        name: Name.
        group: Patient or other group; None if there is none.
        dice: Dice of all foreground pixels together; None if there are none on either side.
        missed_lesions: Lesions that were not found, of all classes.
        false_lesions: Predicted lesions that are none, of all classes.
        classes: Per class name.
    """

    name: str
    group: str | None
    dice: float | None
    missed_lesions: int
    false_lesions: int
    classes: dict[str, ClassRow]


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """One annotator, and the prediction in their place, compared with all other annotators.

    Attributes:
        annotator: Name.
        prediction_dice: Mean Dice of the prediction with the other annotators.
        annotator_dice: Mean Dice of this annotator with the others.
        difference: The first minus the second.
        interval: Its bootstrap interval.
    """

    annotator: str
    prediction_dice: float | None
    annotator_dice: float | None
    difference: float | None
    interval: Interval | None


class AnnotatorReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a prediction differs from annotators more than they from each other.

    Attributes:
        annotators: Names, first that of the truth.
        images: Number of images that all have; these numbers rest on them alone.
        prediction_dice: Mean Dice of the prediction with each annotator.
        annotators_dice: Mean Dice of every two annotators.
        difference: The first minus the second: below 0 if the prediction differs from them more
            than they from each other. It is the mean of the differences of ``left_out``.
        interval: Its bootstrap interval.
        left_out: Each annotator in turn, with the prediction in their place.
        verdict: What the interval says, in words.
    """

    annotators: tuple[str, ...]
    images: int
    prediction_dice: float | None
    annotators_dice: float | None
    difference: float | None
    interval: Interval | None
    left_out: tuple[LeftOut, ...]
    verdict: str


class UnitDepth(msgspec.Struct, frozen=True, kw_only=True):
    """The units in which lesions reach a depth in the truth.

    Attributes:
        depth: ``E1``, ``E2``, ``D1``, ``D2``, ``D3``, or ``unknown``.
        units: Their number.
        marked: Of them, those in which a lesion was predicted, however deep.
        sensitivity: ``marked / units``; None without any.
        interval: Bootstrap interval of the sensitivity; None if there is none.
    """

    depth: str
    units: int
    marked: int
    sensitivity: float | None
    interval: Interval | None = None


class UnitRow(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of one image.

    Attributes:
        image: Name of the image.
        group: Patient or other group; None if there is none.
        unit: Number of the unit in the image, from 1.
        name: What it is called, such as the FDI number of a tooth; empty if it has no name.
        pixels: Its size.
        truth: Whether there is a lesion in it.
        predicted: Whether one was predicted in it.
        score: How sure the prediction is; None without probabilities.
        truth_depth: How deep lesions reach; empty without depths.
        predicted_depth: Likewise of the prediction.
    """

    image: str
    group: str | None
    unit: int
    name: str
    pixels: int
    truth: bool
    predicted: bool
    score: float | None
    truth_depth: str = ""
    predicted_depth: str = ""


class UnitReport(msgspec.Struct, frozen=True, kw_only=True):
    """All about units, such as teeth: is there a lesion in them?

    Attributes:
        source: Where the units come from.
        classes: The classes of which they are made.
        lesion_classes: The classes whose regions make them positive.
        unit_pixels: Number of pixels of a lesion that make them positive.
        images: Images whose units are known.
        units: Their units.
        positive: Units with a lesion.
        negative: Units without.
        found: Units with a lesion in which one was predicted.
        false: Units without a lesion in which one was predicted.
        sensitivity: ``found / positive``.
        specificity: ``1 - false / negative``.
        ppv: Positive predictive value: ``found / (found + false)``.
        npv: Negative predictive value: units that are rightly not marked, of all not marked.
        accuracy: Share of the units of which it is right whether there is a lesion.
        auc: Area under the ROC curve of the scores of units; None without probabilities.
        intervals: Bootstrap interval of each of these six.
        false_positive_rates: Points of the ROC curve.
        sensitivities: Their other coordinate.
        lost_units: Units of which the instance maps show no pixel, so that they count nowhere.
        outside_pixels: Pixels of lesions of the truth that lie in no unit.
        outside_lesions: Lesions of the truth that wholly lie in none.
        outside_predicted_pixels: Pixels of predicted lesions that lie in no unit.
        outside_predicted_lesions: Predicted lesions that wholly lie in none.
        depths: What was found of each depth; empty if nobody asked.
        depth_names: ``none``, the depths, ``unknown``.
        depth_confusion: Units by depth in the truth (rows) and in the prediction (columns).
        rows: The units.
    """

    source: str
    classes: tuple[str, ...]
    lesion_classes: tuple[str, ...]
    unit_pixels: int
    images: int
    units: int
    positive: int
    negative: int
    found: int
    false: int
    sensitivity: float | None
    specificity: float | None
    ppv: float | None
    npv: float | None
    accuracy: float | None
    auc: float | None
    intervals: dict[str, Interval | None] = {}
    false_positive_rates: tuple[float, ...] = ()
    sensitivities: tuple[float, ...] = ()
    lost_units: int = 0
    outside_pixels: int
    outside_lesions: int
    outside_predicted_pixels: int
    outside_predicted_lesions: int
    depths: tuple[UnitDepth, ...] = ()
    depth_names: tuple[str, ...] = ()
    depth_confusion: tuple[tuple[int, ...], ...] = ()
    rows: tuple[UnitRow, ...] = ()


class Evaluation(Brief, msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation found: the fields of ``EvaluationReport``, which explains them."""

    schema: int = SCHEMA_VERSION
    prediction: str
    truth: str
    part: str
    images: int
    classes: tuple[ClassReport, ...]
    overall: Overall
    confusion: Confusion | None
    group_column: str | None = None
    groups: tuple[GroupReport, ...] = ()
    units: UnitReport | None = None
    rows: tuple[ImageRow, ...]
    annotators: AnnotatorReport | None = None
    options: dict[str, Any] = {}
    image_score: str
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    unpaired_truth: tuple[str, ...] = ()
    unpaired_predictions: tuple[str, ...] = ()
    seconds: float = 0.0
    digests: dict[str, str] = {}
    data_digest: str = ""
    model_digest: str = ""
    versions: dict[str, str] = {}
    created: str = ""
