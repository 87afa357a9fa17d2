"""The routes that Label Studio calls as its ML backend.

There they are once for the first model, and once below ``/label-studio/NAME`` for each. Label
Studio asks for nothing at ``/``.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from maskforge.errors import MaskforgeError
from maskforge.exports.export_options import ExportOptions
from maskforge.geometry import rectangle
from maskforge.prediction.predictor import Predictor
from maskforge.raster.runs import to_bitmaps
from maskforge.raster.scan import scan
from maskforge.server import answers
from maskforge.server.label_config import LabelConfig, read_label_config
from maskforge.server.models import ServedModel
from maskforge.server.operation import Call, HttpError, Operation, Reply, as_json
from maskforge.server.service import Service
from maskforge.server.task_images import TaskImage, task_image
from maskforge.shapes import Area, Bitmap, Shape, Size

_log = logging.getLogger("maskforge.server")

_LONGEST = 60.0
"""Seconds after which only one prediction is sent. Label Studio waits 100, and then forgets all;
if it gets one prediction for several tasks, it asks for one after the other."""


class LabelStudioTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task.

    Attributes:
        data: What it is about; the configuration says where the image is.
        id: Its number.
    """

    data: dict[str, msgspec.Raw]
    id: int | str | None = None


class LabelStudioRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Tasks that are to be predicted.

    Attributes:
        tasks: The tasks.
        label_config: The labeling configuration of the project.
    """

    tasks: tuple[LabelStudioTask, ...]
    label_config: str


class LabelStudioPrediction(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in the image of a task.

    Attributes:
        result: The regions, as Label Studio writes them.
        score: The mean of their scores, 0 to 1; null if there are none.
        model_version: The model and what it was trained to.
    """

    result: tuple[dict[str, Any], ...]
    score: float | None
    model_version: str


class LabelStudioReply(msgspec.Struct, frozen=True, kw_only=True):
    """The predictions of all tasks, in their order.

    Attributes:
        results: The predictions.
        model_version: As in each of them.
    """

    results: tuple[LabelStudioPrediction, ...]
    model_version: str


class LabelStudioSetup(msgspec.Struct, frozen=True, kw_only=True):
    """A project that wants to use the model.

    Attributes:
        schema: Its labeling configuration; empty before there is one.
    """

    schema: str | None = None


class LabelStudioVersion(msgspec.Struct, frozen=True, kw_only=True):
    """The model.

    Attributes:
        model_version: Changes with its weights, thresholds and post-processing; then Label Studio
            wants new predictions.
    """

    model_version: str


class LabelStudioHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the model can be used.

    Attributes:
        status: It is ``UP``, or there would be an error.
    """

    status: str = "UP"


def _predict(service: Service, call: Call) -> Reply:
    asked = call.read(LabelStudioRequest)
    model = _model(service, call)
    predictor = model.predictor
    config = read_label_config(asked.label_config, predictor.classes)
    version = _version(model)
    results: list[LabelStudioPrediction] = []
    start = time.monotonic()
    for task in asked.tasks:
        try:
            window = predictor.description.scaling.window
            image = task_image(task.data, config.key, service, window)
            results.append(_prediction(predictor, model, image, config, version))
        except MaskforgeError as error:
            _log.warning("task %s of Label Studio cannot be predicted: %s", task.id, error)
            if not results:
                raise
            del results[1:]
            break
        if time.monotonic() - start > _LONGEST:
            del results[1:]
            break
    return as_json(LabelStudioReply(results=tuple(results), model_version=version))


def _prediction(
    predictor: Predictor, model: ServedModel, image: TaskImage, config: LabelConfig, version: str
) -> LabelStudioPrediction:
    found = predictor.predict(image.source, model.options)
    annotated = answers.annotated(found, image.name)
    assert annotated.image.size is not None
    shapes = [*_fitting(annotated.shapes, annotated.image.size, config)]
    results: list[dict[str, Any]] = []
    if shapes:
        options = ExportOptions(format="label-studio", holes="cut")
        fitted = replace(annotated, shapes=tuple(shapes))
        written = answers.written_files(fitted, found.classes, options)
        ((prediction,),) = (
            one["predictions"] for one in msgspec.json.decode(written["tasks.json"])
        )
        results = [_placed(one, config) for one in prediction["result"]]
    scores = [one["score"] for one in results]
    return LabelStudioPrediction(
        result=tuple(results),
        score=sum(scores) / len(scores) if scores else None,
        model_version=version,
    )


def _fitting(shapes: tuple[Shape, ...], size: Size, config: LabelConfig) -> Iterator[Shape]:
    """Yield the shapes of classes that have a label, in a form that the configuration has.

    Brushes hold every pixel, and so do polygons, where holes can be cut into their outlines.
    """
    wanted = [one for one in shapes if one.labels[0] in config.places]
    areas = [one.geometry for one in wanted if isinstance(one.geometry, Area)]
    bitmaps = to_bitmaps(scan(areas, size), len(areas))
    for shape, area, bitmap in zip(wanted, areas, bitmaps, strict=True):
        places = config.places[shape.labels[0]]
        has_holes = any(part.holes for part in area.parts)
        if "polygonlabels" in places and not (has_holes and "brushlabels" in places):
            yield shape
        elif bitmap is not None:
            is_brush = "brushlabels" in places
            yield replace(shape, geometry=bitmap if is_brush else _box(bitmap, shape))


def _box(bitmap: Bitmap, shape: Shape) -> Area:
    height, width = bitmap.pixels.shape
    left, top = bitmap.column, bitmap.row
    return Area((rectangle(left, top, left + width, top + height, shape.origin),))


def _placed(result: dict[str, Any], config: LabelConfig) -> dict[str, Any]:
    """Return a result with the names of the configuration."""
    kind = result["type"]
    value = dict(result["value"])
    places = config.places[value.pop(kind)[0]]
    if kind not in places:
        kind = "rectanglelabels"
        (left, top), _, (right, bottom), _ = value["points"]
        sides = {"width": right - left, "height": bottom - top}
        value = {"x": left, "y": top, **sides, "rotation": 0}
    place = places[kind]
    return {
        **result,
        "type": kind,
        "from_name": place.control,
        "to_name": config.image,
        "value": {**value, kind: [place.label]},
    }


def _setup(service: Service, call: Call) -> Reply:
    asked = call.read(LabelStudioSetup)
    model = _model(service, call)
    if asked.schema:
        try:
            read_label_config(asked.schema, model.predictor.classes)
        except HttpError as error:  # the project can still be set up
            _log.warning("a project of Label Studio that was connected: %s", error)
    return as_json(LabelStudioVersion(model_version=_version(model)))


def _webhook(_: Service, __: Call) -> Reply:
    return as_json({}, 201)


def _health(service: Service, call: Call) -> Reply:
    _model(service, call)
    return as_json(LabelStudioHealth())


def _model(service: Service, call: Call) -> ServedModel:
    return service.models.find(call.path.get("model"))


def _version(model: ServedModel) -> str:
    decided_by = (
        model.predictor.thresholds(model.options),
        model.predictor.post_processing(model.options),
    )
    digest = hashlib.sha256(repr((model.digest, decided_by)).encode()).hexdigest()
    return f"{model.name}-{digest[:8]}"


def _routes(prefix: str, which: str) -> Iterator[Operation]:
    yield Operation(
        method="POST",
        path=f"{prefix}/predict",
        summary=f"The regions in the images of tasks, for Label Studio, by {which}.",
        handle=_predict,
        answer=LabelStudioReply,
        takes_body=True,
        body=LabelStudioRequest,
    )
    yield Operation(
        method="POST",
        path=f"{prefix}/setup",
        summary=f"The version of {which}, for Label Studio.",
        handle=_setup,
        answer=LabelStudioVersion,
        takes_body=True,
        body=LabelStudioSetup,
    )
    yield Operation(
        method="POST",
        path=f"{prefix}/webhook",
        summary="Takes what Label Studio tells about annotations, and does nothing.",
        handle=_webhook,
        takes_body=True,
    )


OPERATIONS = (
    *_routes("", "the first model"),
    *_routes("/label-studio/{model}", "a model"),
    Operation(
        method="GET",
        path="/label-studio/{model}/health",
        summary="Whether a model can be used, for Label Studio.",
        handle=_health,
        answer=LabelStudioHealth,
    ),
)
