"""The routes that X-AnyLabeling calls as its Remote-Server.

It has no holes: these are later shapes of background, as in the files that are written for it. Of
all points of a ring that equal its first one, its client keeps only this, wherever they are; no
outline of a mask comes back to its first point.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import numpy as np

from maskforge.errors import MaskforgeError, OptionError, shorten
from maskforge.exports.export_options import ExportOptions
from maskforge.images.embedded import decoded_base64
from maskforge.masks.classes import ClassMap
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.prediction import Prediction
from maskforge.prediction.predictor import Predictor
from maskforge.server import answers
from maskforge.server.models import ServedModel
from maskforge.server.operation import Call, HttpError, Operation, Reply, as_json
from maskforge.server.sent_image import checked_image
from maskforge.server.service import Service

_MARK = 1.7e-7
"""What a threshold has behind its fourth decimal if it was announced here, and not typed: the
client sends it back as it is until somebody changes it, and then has two decimals. A newer model
may have other thresholds than were announced."""

_LEAST = 0.01
_CODES = {404: "MODEL_NOT_FOUND", 413: "TOO_LARGE", 415: "INVALID_IMAGE", 500: "INTERNAL_ERROR"}


class HealthRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the server can be used.

    Attributes:
        status: It is ``healthy``, or it would not answer.
        models_loaded: Number of models.
        timestamp: The time there, in UTC.
    """

    status: str
    models_loaded: int
    timestamp: str


class WidgetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something that X-AnyLabeling shows beside a model.

    Attributes:
        name: Its name in X-AnyLabeling.
        value: What it shows at first.
    """

    name: str
    value: float | bool | None = None


class RemoteModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A model, as X-AnyLabeling wants to know it.

    Attributes:
        display_name: Its name.
        classes: The labels that it gives.
        params: Nothing.
        capabilities: Nothing; anything would hide the model.
        batch_processing_mode: ``default``: it may be run on all images.
        widgets: What is shown beside it.
    """

    display_name: str
    classes: tuple[str, ...]
    params: dict[str, str] = {}
    capabilities: dict[str, str] = {}
    batch_processing_mode: str = "default"
    widgets: tuple[WidgetRecord, ...] = ()


class RemoteModelsReply(msgspec.Struct, frozen=True, kw_only=True):
    """The models.

    Attributes:
        success: True.
        data: The models by name.
    """

    success: bool = True
    data: dict[str, RemoteModelRecord]


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen in X-AnyLabeling; other parameters mean nothing to a U-Net.

    Attributes:
        conf_threshold: The threshold in its box.
        filter_classes: Labels that are wanted; all if it is null or empty.
    """

    conf_threshold: float | None = None
    filter_classes: tuple[str, ...] | None = None


class RemoteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An image that is to be predicted.

    Attributes:
        model: Name of the model.
        image: The image as base64, with or without the head of a data URI.
        params: What was chosen.
    """

    model: str
    image: str
    params: Parameters | None = None


class RemoteShape(msgspec.Struct, frozen=True, kw_only=True):
    """A shape.

    Attributes:
        label: Name of the class; ``_background_`` for a hole.
        shape_type: ``polygon``.
        points: x and y of every point, in pixels of the image as it is stored.
        score: Mean probability inside, 0 to 1; null for a hole.
        description: Empty.
        group_id: Number that all parts of one object have, from 1; null if it has one part.
    """

    label: str
    shape_type: str
    points: list[list[float]]
    score: float | None
    description: str
    group_id: int | None


class RemoteResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    Attributes:
        shapes: The shapes, in drawing order.
        description: Empty.
        replace: Null: the button in X-AnyLabeling decides whether other shapes go.
    """

    shapes: tuple[RemoteShape, ...]
    description: str = ""
    replace: bool | None = None


class RemoteReply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about an image.

    Attributes:
        success: True.
        data: What was found.
    """

    success: bool = True
    data: RemoteResult


def _health(service: Service, _: Call) -> Reply:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return as_json(HealthRecord(status="healthy", models_loaded=len(service.models), timestamp=now))


def _models(service: Service, _: Call) -> Reply:
    data = {name: _described(one) for name, one in service.models.items()}
    return as_json(RemoteModelsReply(data=data))


def _described(model: ServedModel) -> RemoteModelRecord:
    predictor = model.predictor
    widgets = [WidgetRecord(name="button_run")]
    limits = predictor.thresholds(model.options)
    if limits:
        shown = WidgetRecord(name="edit_conf", value=announced_threshold(limits))
        widgets += [WidgetRecord(name="input_conf"), shown]
    names = _names(predictor.classes)
    if len(names) > 1:
        widgets.append(WidgetRecord(name="button_classes_filter"))
    widgets.append(WidgetRecord(name="toggle_preserve_existing_annotations", value=False))
    return RemoteModelRecord(display_name=model.name, classes=names, widgets=tuple(widgets))


def _predict(service: Service, call: Call) -> Reply:
    asked = call.read(RemoteRequest)
    chosen = asked.params or Parameters()
    model = service.models.find(asked.model)
    predictor = model.predictor
    try:
        content = decoded_base64(asked.image)
    except ValueError as error:
        raise HttpError(415, f"the image is not base64: {error}") from None
    image = checked_image(content, "", service.options)
    options = _with_threshold(predictor, model.options, chosen.conf_threshold)
    pixels = image.pixels(predictor.description.scaling.window)
    found = predictor.predict(pixels, options)
    wanted = _filtered(found, chosen.filter_classes)
    shapes = _shapes(wanted, image.name, image.orientation)
    return as_json(RemoteReply(data=RemoteResult(shapes=shapes)))


def announced_threshold(limits: Sequence[float]) -> float:
    """Return what the box for a threshold shows: the mean of those of all classes."""
    return round(sum(limits) / len(limits), 4) + _MARK


def _with_threshold(
    predictor: Predictor, options: ModelOptions, shown: float | None
) -> ModelOptions:
    """Return options with the thresholds that are meant by what the box shows.

    As long as nobody has changed it, they are those of the model. Else every class has its own,
    higher or lower by as much as the box has been changed.
    """
    limits = predictor.thresholds(options)
    if not limits or not shown or abs(shown - round(shown, 4) - _MARK) < _MARK / 100:
        return options
    if not 0 <= shown <= 1:
        raise OptionError("conf_threshold is a number from 0 to 1")
    own = sum(limits) / len(limits)
    if round(own, 2) == round(shown, 2):
        return options
    ids = predictor.description.channel_ids
    moved = {
        predictor.classes.names[id_]: min(max(limit + shown - own, _LEAST), 1.0)
        for id_, limit in zip(ids, limits, strict=True)
    }
    return dataclasses.replace(options, thresholds=moved)


def _filtered(found: Prediction, wanted: Collection[str] | None) -> Prediction:
    """Return a prediction without classes that are not wanted."""
    names = _names(found.classes)
    unknown = sorted({*(wanted or ())} - {*names})
    if unknown:
        raise OptionError(
            f"the model has no class {shorten(unknown[0])}", hint=f"it has {', '.join(names)}"
        )
    if not wanted or {*wanted} == {*names}:
        return found
    ids = [id_ for id_ in found.classes.foreground_ids if found.classes.names[id_] in wanted]
    mask = np.where(np.isin(found.mask, ids), found.mask, np.zeros((), found.mask.dtype))
    return dataclasses.replace(found, mask=mask)


def _names(classes: ClassMap) -> tuple[str, ...]:
    return tuple(classes.names[id_] for id_ in classes.foreground_ids)


def _shapes(found: Prediction, name: str, orientation: int) -> tuple[RemoteShape, ...]:
    image = answers.annotated(found, name, orientation=orientation)
    options = ExportOptions(format="x-anylabeling")
    (content,) = answers.written_files(image, found.classes, options).values()
    records: list[dict[str, Any]] = msgspec.json.decode(content)["shapes"]
    return tuple(
        RemoteShape(
            label=one["label"],
            shape_type=one["shape_type"],
            points=one["points"],
            score=one.get("score"),
            description="",
            group_id=None if one["group_id"] is None else one["group_id"] + 1,
        )
        for one in records
    )


def _failure(status: int, error: MaskforgeError) -> Reply:
    """Return an error in the words of X-AnyLabeling."""
    message = f"{error.message}; {error.hint}" if error.hint else error.message
    code = _CODES.get(status, "INVALID_REQUEST" if status < 500 else "UNAVAILABLE")
    return as_json({"success": False, "error": {"code": code, "message": message}}, status)


OPERATIONS = (
    Operation(
        method="GET",
        path="/health",
        summary="Whether the server can be used, for X-AnyLabeling and Label Studio.",
        handle=_health,
        answer=HealthRecord,
    ),
    Operation(
        method="GET",
        path="/v1/models",
        summary="The models, for X-AnyLabeling.",
        handle=_models,
        answer=RemoteModelsReply,
        fail=_failure,
    ),
    Operation(
        method="POST",
        path="/v1/predict",
        summary="The shapes in an image, for X-AnyLabeling.",
        handle=_predict,
        answer=RemoteReply,
        takes_body=True,
        body=RemoteRequest,
        fail=_failure,
    ),
)
