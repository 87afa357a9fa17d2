"""A model as a function that CVAT's command line runs over the images of a task.

    cvat-cli task auto-annotate 137 --function-module maskforge.prediction.cvat \
        -p model=str:runs/caries

It calls ``create`` with the parameters, and the function that this returns for every image.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from maskforge.choices import check_choice, with_keywords
from maskforge.errors import OptionError, require
from maskforge.exports.fitted import cut
from maskforge.formats.runlength import alternating
from maskforge.images.containers.pillow import stored_of
from maskforge.masks.vectorized import vectorize
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.predictor import Predictor, load_as
from maskforge.raster.runs import to_bitmaps
from maskforge.raster.scan import scan
from maskforge.shapes import Area, Bitmap, Shape, Size

if TYPE_CHECKING:
    from PIL.Image import Image

Form: TypeAlias = Literal["mask", "polygon"]


class CvatFunction:
    """A model that predicts the images of a task, one after the other; made by ``create``.

    Attributes:
        spec: The classes, as CVAT wants to know them.
    """

    def __init__(self, predictor: Predictor, options: ModelOptions, form: Form) -> None:
        """Take a model.

        Args:
            predictor: The model.
            options: How it is run.
            form: What regions become.
        """
        self._predictor = predictor
        self._options = options
        self._form = form
        self._cvat = importlib.import_module("cvat_sdk.auto_annotation")
        models = importlib.import_module("cvat_sdk.models")
        self._has_scores = "score" in models.LabeledShapeRequest.attribute_map
        classes = predictor.classes
        self._ids = {classes.names[id_]: id_ for id_ in classes.foreground_ids}
        self.spec = self._cvat.DetectionFunctionSpec(
            labels=[self._cvat.label_spec(name, id_, type=form) for name, id_ in self._ids.items()]
        )

    def detect(self, context: Any, image: Image) -> Sequence[Any]:  # noqa: ANN401 - CVAT's types
        """Return the regions that were found in an image.

        Args:
            context: What CVAT tells; a threshold there is for the mean probability of a region.
            image: The image.

        Raises:
            DatasetError: If the image holds values that cannot be used.
            LimitError: If the regions need more time or memory than those of an image may take.
            ModelError: If the network cannot be run.
        """
        from PIL.ImageOps import exif_transpose

        upright = exif_transpose(image)  # as CVAT shows it
        found = self._predictor.predict(stored_of(upright).image(), self._options)
        least = context.conf_threshold or 0.0
        outlines = vectorize(found.mask, classes=found.classes, probabilities=found.probabilities)
        shapes = [one for one in outlines if one.score is None or one.score >= least]
        height, width = found.mask.shape
        form: Form = "polygon" if context.conv_mask_to_poly else self._form
        if form == "polygon":
            return [self._shape(one, "polygon", _ring(one)) for one in shapes]
        areas = [one.geometry for one in shapes if isinstance(one.geometry, Area)]
        bitmaps = to_bitmaps(scan(areas, Size(width, height)), len(areas))
        return [*self._masks(shapes, bitmaps)]

    def _masks(self, shapes: Sequence[Shape], bitmaps: Sequence[Bitmap | None]) -> Iterator[Any]:
        for shape, bitmap in zip(shapes, bitmaps, strict=True):
            if bitmap is None:
                continue
            height, width = bitmap.pixels.shape
            left, top = bitmap.column, bitmap.row
            box = [left, top, left + width - 1, top + height - 1]
            yield self._shape(shape, "mask", [*alternating(bitmap.pixels), *box])

    def _shape(self, shape: Shape, form: Form, points: Sequence[float]) -> Any:  # noqa: ANN401 - as above
        score = {"score": shape.score} if self._has_scores and shape.score is not None else {}
        make = self._cvat.mask if form == "mask" else self._cvat.polygon
        return make(self._ids[shape.labels[0]], [float(one) for one in points], **score)


def create(model: str = "", shapes: Form = "mask", **keywords: object) -> CvatFunction:
    """Return a function for ``cvat-cli``.

    Args:
        model: Folder that a training wrote.
        shapes: ``mask`` for masks, ``polygon`` for polygons with the holes cut into the outline.
            Both have exactly the pixels that were predicted.
        keywords: Single options of ``ModelOptions`` by name, such as ``thresholds``.

    Raises:
        MissingDependencyError: If ``cvat-sdk`` or a runtime is not installed.
        ModelError: If the model cannot be used.
        OptionError: If an option cannot be used.
    """
    require("cvat_sdk", "cvat-cli", "functions for CVAT")
    if not model:
        raise OptionError("no model was given", hint="add -p model=str:DIR")
    check_choice("shapes", shapes, Form)
    options = with_keywords(ModelOptions, None, keywords)
    predictor = load_as(model, options)
    predictor.thresholds(options)
    return CvatFunction(predictor, options, shapes)


def _ring(shape: Shape) -> list[float]:
    """Return x and y of all points of an outline, into which the holes are cut."""
    assert isinstance(shape.geometry, Area)
    (polygon,) = shape.geometry.parts
    ring: list[float] = cut(polygon).ravel().tolist()
    return ring
