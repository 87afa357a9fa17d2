"""What the routes of maskforge answer with, and what may be asked."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from maskforge.formats.registry import WriterName
from maskforge.masks.post_processing import PostProcessing

Sort = Literal["name", "dice", "missed", "uncertainty"]


class ClassRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A class of a model.

    Attributes:
        id: Value in masks.
        name: Its name.
        color: As ``#rrggbb``.
        threshold: Probability from which on a pixel has the class; null if the most probable class
            is taken.
        post_processing: What becomes of its regions after that; null for nothing.
    """

    id: int
    name: str
    color: str
    threshold: float | None
    post_processing: PostProcessing | None


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A model.

    Attributes:
        name: By which it is asked for.
        head: ``sigmoid`` if classes may overlap, ``softmax`` if each pixel has one.
        classes: Its classes without the background.
        channels: Class id of every plane of ``probabilities.bin``.
        created: When it was trained, in UTC.
        digest: SHA-256 of its weights.
        runtime: What it runs in.
        precision: What it computes in.
    """

    name: str
    head: Literal["sigmoid", "softmax"]
    classes: tuple[ClassRecord, ...]
    channels: tuple[int, ...]
    created: str
    digest: str
    runtime: str
    precision: str


class SetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The data set.

    Attributes:
        name: Of its folder.
        images: Number of its images.
    """

    name: str
    images: int


class ServerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is served.

    Attributes:
        version: Of maskforge.
        models: The models; the first is taken if none is named.
        dataset: The data set; null if there is none.
        formats: Names of the formats in which shapes can be had.
        megapixels: Largest image that is taken, in millions of pixels.
    """

    version: str
    models: tuple[ModelRecord, ...]
    dataset: SetRecord | None
    formats: tuple[str, ...]
    megapixels: int


class ImageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An image of the data set, and how well the model does on it.

    Attributes:
        id: By which it is asked for.
        name: Its name.
        width: In pixels.
        height: In pixels.
        part: ``test``, ``validation`` or ``train``; empty if the model knows no split of these
            images.
        group: Patient or other group; null if there is none.
        measured: Whether the model was compared with the truth here; the values below mean nothing
            before.
        dice: Dice of all foreground pixels; null if there are none on either side.
        lesions: Lesions in the truth.
        missed: Of them, those that were not found.
        invented: Predicted lesions that are none.
        uncertainty: How doubtful the most doubtful region is, 0 to 1.
    """

    id: str
    name: str
    width: int
    height: int
    part: str
    group: str | None
    measured: bool = False
    dice: float | None = None
    lesions: int = 0
    missed: int = 0
    invented: int = 0
    uncertainty: float | None = None


class ImagesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Some images of the data set.

    Attributes:
        total: Number of images that fit what was asked, of which these are some.
        measured: Number of images of the whole set that were compared with the truth so far.
        images: Them.
    """

    total: int
    measured: int
    images: tuple[ImageRecord, ...]


class ModelQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model.

    Attributes:
        model: Its name; the first by default.
    """

    model: str | None = None


class ImagesQuery(ModelQuery, frozen=True, kw_only=True):
    """Which images, and in which order.

    Attributes:
        sort: ``name``; or worst first by ``dice``, lesions ``missed`` or ``uncertainty``.
        part: Only images of this part.
        group: Only images of this group.
        missed: Only images with a lesion that was missed.
        offset: Number of images that are left out first.
        limit: Number of images in the answer.
    """

    sort: Sort = "name"
    part: str | None = None
    group: str | None = None
    missed: bool = False
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


class PredictionQuery(ModelQuery, frozen=True, kw_only=True):
    """Which prediction.

    Attributes:
        threshold: ``0.4`` for all classes, or ``caries=0.4,plaque=0.6``; as tuned in training by
            default.
    """

    threshold: str | None = None


class ShapesQuery(PredictionQuery, frozen=True, kw_only=True):
    """Shapes in which format.

    Attributes:
        format: Name of the format.
    """

    format: WriterName = "labelme"


class SentQuery(ShapesQuery, frozen=True, kw_only=True):
    """What is wanted of an image that is sent.

    Attributes:
        answer: ``mask``: PNG of class ids; ``shapes``: the file of a labeling tool; ``overlay``:
            PNG to look at; ``image``: the image itself as PNG of 8 bits, whatever was sent;
            ``probabilities``: float32 planes, as ``probabilities.bin``.
    """

    answer: Literal["mask", "shapes", "overlay", "image", "probabilities"] = "mask"


class NumberRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A number about a class, as people read it.

    Attributes:
        title: What it is.
        value: The number.
        meaning: A sentence that says what it means.
    """

    title: str
    value: str
    meaning: str


class FindingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How good the model is at a class.

    Attributes:
        name: Of the class.
        numbers: The chief ones.
    """

    name: str
    numbers: tuple[NumberRecord, ...]


class EvaluationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How good the model is on a part of the data set.

    Attributes:
        parts: Names of the parts; the first is the one to look at.
        part: The part; empty if nothing was compared yet.
        total: Number of images in the whole set.
        measured: Number of them that were compared with the truth so far.
        problem: Why nothing can be compared, or empty.
        compared: Ids of the classes of the model that the data set has, too.
        findings: What was found of every class; empty until the report is whole.
        warnings: What speaks against these numbers.
        explanations: What has to be known to understand what they mean.
        report: What ``maskforge evaluate`` says about the part; null until it is whole.
    """

    parts: tuple[str, ...]
    part: str
    total: int
    measured: int
    problem: str
    compared: tuple[int, ...]
    findings: tuple[FindingRecord, ...]
    warnings: tuple[str, ...]
    explanations: tuple[str, ...]
    report: msgspec.Raw | None


class EvaluationQuery(ModelQuery, frozen=True, kw_only=True):
    """Which numbers.

    Attributes:
        part: Of which part; by default test, else validation, else all images.
    """

    part: str | None = None
