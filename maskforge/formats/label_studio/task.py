"""From a task to an image record: which image, which of the annotations, which size."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from maskforge.errors import shorten
from maskforge.formats.addresses import image_name, image_path
from maskforge.formats.base import ImageRecord, left_over
from maskforge.formats.label_studio.recognition import ANNOTATIONS
from maskforge.formats.label_studio.result_records import KINDS, ResultReader, form, frame_of
from maskforge.formats.plainform import read_each
from maskforge.images.embedded import EmbeddedImage, is_data_uri
from maskforge.images.suffixes import is_image_name
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.shapes import ImageState, Shape, Size

Task = dict[str, Any]

_SERVER = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_UPLOAD = re.compile(r"/?data/upload/(\d+/)?")
_HASH = re.compile(r"[0-9a-f]{8}-(?=.)")
_LOCAL = re.compile(r"/?data/local-files/?\?")


def read_task(task: Task, origin: Origin, stored: Origin | None = None) -> ImageRecord:
    """Return the image of a task, with the results of one of its annotations.

    Args:
        task: A task.
        origin: Its place.
        stored: Place of the only annotation, if that holds the task and not the other way round.
    """
    issues: list[Issue] = []
    key, place = _chosen(task, origin, issues)
    annotation = task[key][place] if place is not None else None
    results = annotation["result"] if annotation is not None else []
    at = stored or (origin.at(f".{key}[{place}]") if annotation is not None else origin)
    texts = list(_images(task.get("data")))
    text = texts[0] if len(texts) == 1 else ""
    shapes: list[Shape] = []
    size = _size(results) or _size([task["data"]], "width", "height")
    if len(texts) == 1:
        reader = ResultReader(results, size)
        shapes, found = read_each(results, at.at(".result"), reader.read, form(reader), size=size)
        issues += found
    else:
        words = f"{len(texts)} images" if texts else "no image"
        message = f"expected one image in the `data` of the task, found {words}"
        issues.append(Issue(Code.INVALID_IMAGE_RECORD, message, origin.at(".data")))
    written = written_paths(text)
    return ImageRecord(
        _HASH.sub("", image_name(written[0]), count=1)
        if written
        else f"task-{_word(task.get('id'))}",
        written,
        tuple(shapes),
        _state(results, annotation),
        at,
        declared=size,
        upright=True,  # browsers turn images so
        is_normalized=size is None,
        beside=(".", "images"),
        embedded=EmbeddedImage(text) if is_data_uri(text) else None,
        tags=tuple(_tags(results)),
        issues=tuple(issues),
        extra=_extra(task, key, place) | left_over("result", results, shapes, at.at(".result")),
    )


def image_key(task: Mapping[str, Any]) -> str:
    """Return the key in the data of a task under which the place of the image stands."""
    data = task.get("data")
    if not isinstance(data, dict) or "image" in data:
        return "image"
    named = (key for key, one in data.items() if isinstance(one, str) and _is_image(one))
    return next(named, "image")


def _chosen(task: Task, origin: Origin, issues: list[Issue]) -> tuple[str, int | None]:
    """Return where the annotation is that is read, and say what becomes of the others.

    It is the one that is marked as ground truth, or else the latest.
    """
    key = next((key for key in ANNOTATIONS if key in task), ANNOTATIONS[0])
    listed = task.get(key)
    listed = listed if isinstance(listed, list) else []
    good = [
        index
        for index, one in enumerate(listed)
        if isinstance(one, dict)
        and isinstance(one.get("result"), list)
        and one.get("was_cancelled") is not True
    ]
    for index, one in enumerate(listed):
        if not isinstance(one, dict) or not isinstance(one.get("result"), list):
            place = origin.at(f".{key}[{index}]")
            text = f"expected an annotation with a list `result`, found {shorten(one)}; ignored"
            issues.append(Issue(Code.INVALID_IMAGE_RECORD, text, place, override=Level.NOTE))
    if not good:
        predictions = task.get("predictions")
        if isinstance(predictions, list) and predictions:
            text = f"{len(predictions)} predictions, and no annotation that accepts one"
            issues.append(Issue(Code.UNREVIEWED, text, origin.at(".predictions")))
        return key, None
    best = max(
        good,
        key=lambda index: (listed[index].get("ground_truth") is True, _time(listed[index]), index),
    )
    if len(good) > 1:
        why = "marked as ground truth" if listed[best].get("ground_truth") is True else "the latest"
        text = f"{len(good)} annotations; the one that is {why} is drawn"
        issues.append(Issue(Code.SEVERAL_ANNOTATIONS, text, origin.at(f".{key}")))
    return key, best


def _time(annotation: Mapping[str, Any]) -> str:
    """Return when an annotation was changed; ISO 8601 sorts as text."""
    times = (annotation.get(key) for key in ("updated_at", "created_at"))
    return next((one for one in times if isinstance(one, str)), "")


def _state(results: list[Any], annotation: object) -> ImageState:
    if annotation is None:
        return ImageState.UNVISITED
    drawn = any(isinstance(one, dict) and one.get("type") in KINDS for one in results)
    return ImageState.ANNOTATED if drawn else ImageState.EMPTY


def _size(results: list[Any], *keys: str) -> Size | None:
    """Return the size that most results say they were drawn on."""
    sizes = Counter(frame_of(one, *keys) for one in results if isinstance(one, dict))
    del sizes[None]
    return sizes.most_common(1)[0][0] if sizes else None


def _images(data: object) -> Iterator[str]:
    """Yield where the images of a task are."""
    if not isinstance(data, dict):
        return
    if isinstance(data.get("image"), str):
        yield data["image"]
        return
    listed = (
        one for value in data.values() for one in (value if isinstance(value, list) else [value])
    )
    for one in listed:
        text = one.get("url") if isinstance(one, dict) else one
        if isinstance(text, str) and _is_image(text):
            yield text


def _is_image(text: str) -> bool:
    return text.startswith("data:image/") or any(map(is_image_name, written_paths(text)))


def written_paths(text: str) -> tuple[str, ...]:
    """Return the paths of an image that a reference can mean.

    Uploaded images are kept by the name that they had after eight hexadecimal digits, and images of
    a folder that the server sees by their path in a query.
    """
    if is_data_uri(text):
        return ()
    text = text.replace("\\", "/")
    below = _SERVER.sub("", text, count=1)
    if found := _UPLOAD.match(below):
        path = image_name(image_path(below[found.end() :]))
        names = (path, _HASH.sub("", path, count=1))
        return tuple(dict.fromkeys(one for one in names if one))
    if _LOCAL.match(below):
        path = next(iter(parse_qs(urlsplit(below).query).get("d", ())), "")
    else:
        path = image_path(text)
    return (path,) if image_name(path) else ()


def _tags(results: list[Any]) -> Iterator[str]:
    """Yield the choices about the image as a whole: those that belong to no region."""
    records = [one for one in results if isinstance(one, dict)]
    regions = [one.get("id") for one in records if one.get("type") in KINDS]
    known = {one for one in regions if isinstance(one, str)}
    found: dict[str, None] = {}
    for one in records:
        match one:
            case {"type": "choices", "id": str(id_)} if id_ in known:
                continue
            case {"type": "choices", "value": {"choices": list(names)}}:
                found |= dict.fromkeys(name for name in names if isinstance(name, str))
    yield from (name for name in found if name.strip())


def _extra(task: Task, key: str, place: int | None) -> dict[str, Any]:
    """Return a task without the results that are read, and without embedded images."""
    extra = dict(task)
    if place is not None:
        extra[key] = list(task[key])
        extra[key][place] = {k: v for k, v in task[key][place].items() if k != "result"}
    if isinstance(task.get("data"), dict):
        extra["data"] = {
            k: True if isinstance(v, str) and is_data_uri(v) else v for k, v in task["data"].items()
        }
    return extra


def _word(value: object) -> str:
    return str(value) if isinstance(value, int | str) and str(value).isalnum() else "without-id"
