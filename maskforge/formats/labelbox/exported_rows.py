"""Rows of exports of version 1 and 2: an image each, with the labels that people gave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from maskforge.errors import shorten
from maskforge.formats.addresses import image_name, image_path
from maskforge.formats.base import ImageRecord, ReadContext, left_over
from maskforge.formats.fields import as_size
from maskforge.formats.labelbox.answers import chosen
from maskforge.formats.labelbox.mask_pixels import MaskPixels
from maskforge.formats.labelbox.object_records import FORM, ObjectReader
from maskforge.formats.labelbox.old_labels import read_old
from maskforge.formats.plainform import read_each
from maskforge.images.suffixes import is_image_name
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import ImageState, Size


def read_row(row: object, origin: Origin, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the images of a row: one for every label that somebody gave it."""
    if isinstance(row, dict) and "Label" in row:
        yield _first_version(row, origin, context)
    elif isinstance(row, dict) and isinstance(row.get("data_row"), dict):
        yield from _second_version(row, origin, context)
    else:
        text = f"expected a row of an export, found {shorten(row)}"
        yield _refused(origin.pointer, Code.INVALID_IMAGE_RECORD, text, origin)


def _first_version(row: dict[str, Any], origin: Origin, context: ReadContext) -> ImageRecord:
    label = row["Label"]
    place = origin.at(".Label")
    extra = {key: value for key, value in row.items() if key != "Label"}
    written = written_places(row.get("External ID"), row.get("Labeled Data"))
    declared = _size(row.get("Media Attributes"))
    if isinstance(label, str) or not label or row.get("Skipped") is True:
        return _image(written, place, ImageState.UNVISITED, declared, extra | {"Label": label})
    if not isinstance(label, dict):
        text = f"expected an object, found {shorten(label)}"
        return _refused(name_in(written, place), Code.INVALID_IMAGE_RECORD, text, place, extra)
    if "objects" in label or "classifications" in label or "frames" in label:
        return read_annotations(label, place, context, written, declared, extra, "Label")
    shapes, issues = read_old(label, place)
    return ImageRecord(
        name_in(written, place),
        written,
        tuple(shapes),
        ImageState.ANNOTATED if shapes or issues else ImageState.EMPTY,
        place,
        declared=declared,
        upward=True,
        issues=tuple(issues),
        extra=extra,
    )


def _second_version(
    row: dict[str, Any], origin: Origin, context: ReadContext
) -> Iterator[ImageRecord]:
    data_row = row["data_row"]
    names = (data_row.get(key) for key in ("external_id", "global_key", "row_data"))
    written = written_places(*names)
    declared = _size(row.get("media_attributes"))
    rest = {key: value for key, value in row.items() if key != "projects"}
    found = False
    for place, project, label in _labels(row.get("projects"), origin.at(".projects")):
        found = True
        extra = rest | {"project": project}
        if not isinstance(label, dict) or not isinstance(label.get("annotations"), dict):
            text = f"expected a label with annotations, found {shorten(label)}"
            name = name_in(written, place)
            yield _refused(name, Code.INVALID_IMAGE_RECORD, text, place, extra)
            continue
        extra["label"] = {key: value for key, value in label.items() if key != "annotations"}
        performance = label.get("performance_details")
        if isinstance(performance, dict) and performance.get("skipped") is True:
            extra["annotations"] = label["annotations"]
            yield _image(written, place, ImageState.UNVISITED, declared, extra)
            continue
        annotations, below = label["annotations"], place.at(".annotations")
        yield read_annotations(annotations, below, context, written, declared, extra, "annotations")
    if not found:
        yield _image(written, origin, ImageState.UNVISITED, declared, row)


def _labels(projects: object, origin: Origin) -> Iterator[tuple[Origin, object, object]]:
    for key, project in projects.items() if isinstance(projects, dict) else ():
        place = origin.at(f"[{shorten(key)}]")
        labels = project.get("labels") if isinstance(project, dict) else project
        beside = {"id": key}
        if isinstance(project, dict):
            beside |= {name: value for name, value in project.items() if name != "labels"}
        if not isinstance(labels, list):
            yield place.at(".labels"), beside, labels
            continue
        for index, label in enumerate(labels):
            yield place.at(f".labels[{index}]"), beside, label


def read_annotations(
    annotations: dict[str, Any],
    origin: Origin,
    context: ReadContext,
    written: tuple[str, ...],
    declared: Size | None,
    extra: dict[str, Any],
    key: str,
) -> ImageRecord:
    """Return an image with its objects and answers.

    Args:
        annotations: Objects and classifications.
        origin: Their place.
        context: For the masks.
        written: What the file writes about the place of the image.
        declared: What it says about its size.
        extra: What else is written.
        key: What the annotations are called in ``ImageRecord.extra``.
    """
    objects = annotations.get("objects", [])
    beside = {name: value for name, value in annotations.items() if name != "objects"}
    extra = extra | {key: beside}
    name = name_in(written, origin)
    if "frames" in annotations:
        text = "a video, whose frames are not in the file"
        return _refused(name, Code.VIDEO, text, origin, extra)
    if not isinstance(objects, list):
        text = f"expected a list of objects, found {shorten(objects)}"
        return _refused(name, Code.INVALID_IMAGE_RECORD, text, origin, extra)
    place = origin.at(".objects")
    masks = MaskPixels(origin.file.parent, context, declared)
    shapes, issues = read_each(objects, place, ObjectReader(masks), FORM, size=declared)
    return ImageRecord(
        name,
        written,
        tuple(shapes),
        ImageState.ANNOTATED if objects else ImageState.EMPTY,
        origin,
        declared=masks.size,
        upright=True,  # as browsers show images
        tags=tuple(dict.fromkeys(chosen(annotations.get("classifications")))),
        issues=tuple(issues),
        extra=extra | left_over("objects", objects, shapes, place),
    )


def written_places(*names: object) -> tuple[str, ...]:
    """Return what a file writes about the place of an image, the names of files first."""
    texts = [image_path(one) for one in names if isinstance(one, str)]
    texts.sort(key=lambda one: not is_image_name(one))
    return tuple(dict.fromkeys(one for one in texts if image_name(one)))


def name_in(written: tuple[str, ...], origin: Origin) -> str:
    """Return the name of an image; its place in the file if there is none."""
    return image_name(written[0]) if written else origin.pointer.replace("/", "_")


def _size(attributes: object) -> Size | None:
    given = attributes if isinstance(attributes, dict) else {}
    return as_size(given.get("width"), given.get("height"))


def _image(
    written: tuple[str, ...],
    origin: Origin,
    state: ImageState,
    declared: Size | None,
    extra: Mapping[str, Any],
) -> ImageRecord:
    name = name_in(written, origin)
    return ImageRecord(name, written, (), state, origin, declared, upright=True, extra=extra)


def _refused(
    name: str, code: Code, text: str, origin: Origin, extra: Mapping[str, Any] | None = None
) -> ImageRecord:
    issue = Issue(code, text, origin)
    state = ImageState.UNVISITED
    return ImageRecord(name, (), (), state, origin, issues=(issue,), extra=extra or {})
