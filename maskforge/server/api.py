"""The routes of maskforge itself."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

import maskforge
from maskforge.errors import DatasetError
from maskforge.evaluation.report.plain_words import explanations, warnings
from maskforge.evaluation.report.worst import outcome_image
from maskforge.examples.example import Example
from maskforge.examples.statistics import statistics_of
from maskforge.formats.registry import READ_AGAIN
from maskforge.images.decoder import read_header, read_to_show
from maskforge.images.png import png_bytes
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.prediction import Prediction
from maskforge.server import answers, records
from maskforge.server.findings import findings
from maskforge.server.models import ServedModel
from maskforge.server.operation import BINARY, JSON, PNG, Call, HttpError, Operation, Reply, as_json
from maskforge.server.sent_image import sent_image
from maskforge.server.service import Service
from maskforge.server.shown_set import Account, ShownSet


def _server(service: Service, _: Call) -> Reply:
    images = service.images
    return as_json(
        records.ServerRecord(
            version=maskforge.__version__,
            models=tuple(_model(one) for one in service.models.values()),
            dataset=None
            if images is None
            else records.SetRecord(name=images.name, images=len(images.examples)),
            formats=READ_AGAIN,
            megapixels=service.options.megapixels,
        )
    )


def _model(model: ServedModel) -> records.ModelRecord:
    predictor = model.predictor
    description, classes = predictor.description, predictor.classes
    limits = predictor.thresholds(model.options)
    post_processing = predictor.post_processing(model.options)
    by_id = dict(zip(description.channel_ids, limits, strict=True)) if limits else {}
    return records.ModelRecord(
        name=model.name,
        head=description.head,
        classes=tuple(
            records.ClassRecord(
                id=id_,
                name=classes.names[id_],
                color="#{:02x}{:02x}{:02x}".format(*classes.colors[id_]),
                threshold=by_id.get(id_),
                post_processing=post_processing.get(classes.names[id_]),
            )
            for id_ in classes.foreground_ids
        ),
        channels=description.channel_ids,
        created=description.created,
        digest=description.weights_digest,
        runtime=predictor.runtime.name,
        precision=predictor.runtime.precision,
    )


def _images(service: Service, call: Call) -> Reply:
    query: records.ImagesQuery = call.query
    shown = _set(service)
    account = shown.account(service.models.find(query.model))
    found = [_image(id_, one, account) for id_, one in shown.examples.items()]
    kept = [
        one
        for one in found
        if query.part in (None, one.part)
        and query.group in (None, one.group)
        and (one.missed or not query.missed)
    ]
    kept.sort(key=_ORDERS[query.sort])
    return as_json(
        records.ImagesRecord(
            total=len(kept),
            measured=len(account.rows),
            images=tuple(kept[query.offset : query.offset + query.limit]),
        )
    )


_NOTHING_TO_FIND = 2.0  # is better than any Dice
_ORDERS = {
    "name": lambda one: one.name,
    "dice": lambda one: (
        not one.measured,
        _NOTHING_TO_FIND if one.dice is None else one.dice,
        one.name,
    ),
    "missed": lambda one: (not one.measured, -one.missed, -one.invented, one.name),
    "uncertainty": lambda one: (not one.measured, -(one.uncertainty or 0), one.name),
}


def _image(id_: str, example: Example, account: Account) -> records.ImageRecord:
    image = records.ImageRecord(
        id=id_,
        name=example.name,
        width=example.size.width,
        height=example.size.height,
        part=account.parts.get(example.name, ""),
        group=account.groups.get(example.name),
    )
    row = account.rows.get(example.name)
    if row is None:
        return image
    doubts = [one.uncertainty for one in row.classes.values() if one.uncertainty is not None]
    return msgspec.structs.replace(
        image,
        measured=True,
        dice=row.dice,
        lesions=sum(one.lesions for one in row.classes.values()),
        missed=row.missed_lesions,
        invented=row.false_lesions,
        uncertainty=max(doubts, default=None),
    )


def _one_image(service: Service, call: Call) -> Reply:
    shown, example = _found(service, call)
    return as_json(_image(call.path["id"], example, shown.account(_asked(service, call))))


def _pixels(service: Service, call: Call) -> Reply:
    _, example = _found(service, call)
    return Reply(png_bytes(read_to_show(example.image, upright=example.upright)), PNG)


def _truth_png(service: Service, call: Call) -> Reply:
    shown, example = _found(service, call)
    classes = _asked(service, call).predictor.classes
    return answers.mask_png(shown.truth(example, classes), classes)


def _truth_planes(service: Service, call: Call) -> Reply:
    shown, example = _found(service, call)
    return answers.planes(shown.truth(example, _asked(service, call).predictor.classes))


def _prediction_png(service: Service, call: Call) -> Reply:
    prediction = _predicted(service, call)
    return answers.mask_png(prediction.mask, prediction.classes)


def _overlay(service: Service, call: Call) -> Reply:
    return answers.overlay_png(_predicted(service, call))


def _difference(service: Service, call: Call) -> Reply:
    shown, example = _found(service, call)
    regions = shown.regions(example, _predicted(service, call))
    return Reply(png_bytes(outcome_image(example, regions)), PNG)


def _probability_png(service: Service, call: Call) -> Reply:
    prediction = _predicted(service, call)
    description = _asked(service, call).predictor.description
    ids = {str(id_): channel for channel, id_ in enumerate(description.channel_ids)}
    if call.path["id_of_class"] not in ids:
        raise HttpError(404, "the model has no class of this id", hint=f"it has {', '.join(ids)}")
    assert prediction.probabilities is not None
    plane = prediction.probabilities[..., ids[call.path["id_of_class"]]]
    gray = (np.clip(plane, 0, 1) * 255).round().astype(np.uint8)
    return Reply(png_bytes(gray[..., None].repeat(3, axis=-1)), PNG)


def _probabilities(service: Service, call: Call) -> Reply:
    return answers.probability_planes(_predicted(service, call))


def _shapes(service: Service, call: Call) -> Reply:
    _, example = _found(service, call)
    return answers.shapes_file(
        _predicted(service, call),
        example.image.name,
        call.query.format,
        orientation=read_header(example.image).orientation,
        upright=example.upright,
    )


def _predict(service: Service, call: Call) -> Reply:
    query: records.SentQuery = call.query
    model = service.models.find(query.model)
    image = sent_image(call, service.options)
    if query.answer == "image":
        return Reply(png_bytes(read_to_show(image.content, upright=True)), PNG)
    options = _with_thresholds(model.options, query.threshold)
    keep = query.answer in ("shapes", "probabilities")
    pixels = image.pixels(model.predictor.description.scaling.window)
    found = model.predictor.predict(pixels, options, keep_probabilities=keep)
    if query.answer == "mask":
        return answers.mask_png(found.mask, found.classes)
    if query.answer == "overlay":
        return answers.overlay_png(found)
    if query.answer == "probabilities":
        return answers.probability_planes(found)
    return answers.shapes_file(found, image.name, query.format, orientation=image.orientation)


def _evaluation(service: Service, call: Call) -> Reply:
    query: records.EvaluationQuery = call.query
    shown = _set(service)
    model = service.models.find(query.model)
    account = shown.account(model)
    part = account.names[0] if query.part is None else query.part
    if part not in account.names:
        raise HttpError(404, "there is no such part", hint=f"there are: {', '.join(account.names)}")
    report = account.reports.get(part)
    if report is not None:  # no places of this machine
        report = msgspec.structs.replace(report, prediction=model.name, truth=shown.name)
    return as_json(
        records.EvaluationRecord(
            parts=account.names,
            part=part,
            total=len(shown.examples),
            measured=len(account.rows),
            problem=account.problem,
            compared=shown.compared(model.predictor.classes),
            findings=() if report is None else findings(report),
            warnings=() if report is None else tuple(warnings(report)),
            explanations=() if report is None else tuple(explanations(report)),
            report=None if report is None else msgspec.Raw(msgspec.json.encode(report)),
        )
    )


def _set(service: Service) -> ShownSet:
    if service.images is None:
        raise DatasetError("no data set is served", hint="start the server with --dataset DIR")
    return service.images


def _found(service: Service, call: Call) -> tuple[ShownSet, Example]:
    shown = _set(service)
    return shown, shown.find(call.path["id"])


def _asked(service: Service, call: Call) -> ServedModel:
    return service.models.find(call.query.model)


def _predicted(service: Service, call: Call) -> Prediction:
    model = _asked(service, call)
    predictor, found = _set(service).prediction(call.path["id"], model)
    threshold = getattr(call.query, "threshold", None)
    return answers.decided_again(predictor, found, _with_thresholds(model.options, threshold))


def _with_thresholds(options: ModelOptions, text: str | None) -> ModelOptions:
    given = answers.thresholds(text)
    return options if given is None else replace(options, thresholds=given)


def _content_of_image(service: Service, call: Call) -> tuple[object, ...]:
    example = _found(service, call)[1]
    return (statistics_of(example).image_digest, example.upright)


def _content_of_truth(service: Service, call: Call) -> tuple[object, ...]:
    example = _found(service, call)[1]
    return (statistics_of(example).mask_digest, _model(_asked(service, call)).classes)


def _content_of_prediction(service: Service, call: Call) -> tuple[object, ...]:
    model = _asked(service, call)
    content = (*_content_of_image(service, call), *_content_of_truth(service, call))
    return (*content, model.digest, repr(call.query), sorted(call.path.items()))


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/model",
        summary="What is served: the models, their classes and thresholds, and the data set.",
        handle=_server,
        answer=records.ServerRecord,
    ),
    Operation(
        method="GET",
        path="/api/images",
        summary="The images of the data set, and how well the model does on each.",
        handle=_images,
        query=records.ImagesQuery,
        answer=records.ImagesRecord,
    ),
    Operation(
        method="GET",
        path="/api/images/{id}",
        summary="One image of the data set.",
        handle=_one_image,
        query=records.ModelQuery,
        answer=records.ImageRecord,
    ),
    Operation(
        method="GET",
        path="/api/images/{id}/image",
        summary="The image, as PNG of 8 bits to look at.",
        handle=_pixels,
        query=records.ModelQuery,
        media_types=(PNG,),
        key=_content_of_image,
    ),
    Operation(
        method="GET",
        path="/api/images/{id}/truth.png",
        summary="Its true mask, in the class ids of the model; void is 255.",
        handle=_truth_png,
        query=records.ModelQuery,
        media_types=(PNG,),
        key=_content_of_truth,
    ),
    Operation(
        method="GET",
        path="/api/images/{id}/truth.bin",
        summary="The same as rows of uint8, or little-endian uint16 if an id needs it.",
        handle=_truth_planes,
        query=records.ModelQuery,
        media_types=(BINARY,),
        key=_content_of_truth,
    ),
    Operation(
        method="GET",
        path="/api/images/{id}/prediction.png",
        summary="The predicted mask, as maskforge predict writes it.",
        handle=_prediction_png,
        query=records.PredictionQuery,
        media_types=(PNG,),
        key=_content_of_prediction,
    ),
    Operation(
        method="GET",
        path="/api/images/{id}/overlay.png",
        summary="The image with the predicted mask laid over it.",
        handle=_overlay,
        query=records.PredictionQuery,
        media_types=(PNG,),
        key=_content_of_prediction,
    ),
    Operation(
        method="GET",
        path="/api/images/{id}/difference.png",
        summary="The image with what was found, missed and invented.",
        handle=_difference,
        query=records.PredictionQuery,
        media_types=(PNG,),
        key=_content_of_prediction,
    ),
    Operation(
        method="GET",
        path="/api/images/{id}/probability/{id_of_class}.png",
        summary="The probability of a class as gray: 0 is black, 1 is white.",
        handle=_probability_png,
        query=records.ModelQuery,
        media_types=(PNG,),
        key=_content_of_prediction,
    ),
    Operation(
        method="GET",
        path="/api/images/{id}/probabilities.bin",
        summary="All probabilities, exact: little-endian float32, a plane for every channel.",
        handle=_probabilities,
        query=records.ModelQuery,
        media_types=(BINARY,),
        key=_content_of_prediction,
    ),
    Operation(
        method="GET",
        path="/api/images/{id}/shapes",
        summary="The prediction as the file of a labeling tool; as ZIP if it takes several.",
        handle=_shapes,
        query=records.ShapesQuery,
        media_types=(JSON, BINARY, answers.ZIP),
        key=_content_of_prediction,
    ),
    Operation(
        method="GET",
        path="/api/evaluation",
        summary="How good the model is on a part of the data set.",
        handle=_evaluation,
        query=records.EvaluationQuery,
        answer=records.EvaluationRecord,
    ),
    Operation(
        method="POST",
        path="/api/predict",
        summary="Predict an image: the body is the image, or a form with it as a file.",
        handle=_predict,
        query=records.SentQuery,
        media_types=(PNG, JSON, BINARY, answers.ZIP),
        takes_body=True,
    ),
)
