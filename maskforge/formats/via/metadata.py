"""The entries of a project or JSON export, one per image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from maskforge.errors import shorten
from maskforge.formats.addresses import image_name, image_path, is_address, without_signature
from maskforge.formats.base import ImageRecord, left_over
from maskforge.formats.fields import as_size
from maskforge.formats.plainform import read_each
from maskforge.formats.via.class_attribute import ClassAttribute, find_class_attribute
from maskforge.formats.via.region_records import FORM, read_region
from maskforge.images.embedded import EmbeddedImage
from maskforge.issues import Code, Issue, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import ImageState, Size

EMBEDDED = "base64_img_data"
"""Where version 1 can have the image itself."""


def read_metadata(
    root: Mapping[str, Any], metadata: Mapping[str, Any], origin: Origin
) -> Iterator[ImageRecord]:
    """Yield the images of a project or JSON export.

    Args:
        root: The document, which of a project says more than its entries.
        metadata: The entries by their ids.
        origin: Their place.
    """
    classes = find_class_attribute(_attributes_of_regions(metadata), declared_attributes(root))
    prefix = default_path(root)
    for key, entry in metadata.items():
        place = origin.at(f"[{shorten(without_signature(key))}]")
        yield _image_record(entry, place, prefix, classes)


def default_path(root: Mapping[str, Any]) -> str:
    """Return what a project puts before the names of images."""
    prefix = _at(root, "_via_settings", "core", "default_filepath")
    return prefix if isinstance(prefix, str) else ""


def declared_attributes(root: Mapping[str, Any]) -> object:
    """Return what a project says about the attributes of regions; None if it says nothing."""
    return _at(root, "_via_attributes", "region")


def _at(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _attributes_of_regions(metadata: Mapping[str, Any]) -> Iterator[object]:
    for entry in metadata.values():
        for region in listed(_at(entry, "regions")):
            yield _at(region, "region_attributes")


def listed(regions: object) -> Sequence[object]:
    """Return the regions of an entry, which version 1 numbers: ``{"0": ..., "1": ...}``."""
    if isinstance(regions, dict):
        return list(regions.values())
    return regions if isinstance(regions, list) else []


def _image_record(
    entry: object, origin: Origin, prefix: str, classes: ClassAttribute
) -> ImageRecord:
    filename = _at(entry, "filename")
    regions = _at(entry, "regions")
    name = image_name(image_path(filename)) if isinstance(filename, str) else ""
    is_listed = isinstance(regions, list | dict)
    if not isinstance(entry, dict) or not name or not is_listed:
        found = regions if name else filename
        key = "regions" if name else "filename"
        text = f"expected an image with `{key}`, found {shorten(found)}"
        issue = Issue(Code.INVALID_IMAGE_RECORD, text, origin)
        shown = name or origin.pointer
        extra = entry if isinstance(entry, dict) else {}
        state = ImageState.UNVISITED
        return ImageRecord(shown, (), (), state, origin, issues=(issue,), extra=extra)
    assert isinstance(filename, str)
    place = origin.at(".regions")
    records = listed(regions)
    read = partial(read_region, classes=classes, vertices=Allowance(Limit.VERTICES))
    attributes = entry.get("file_attributes")
    size = declared_size(attributes)
    shapes, issues = read_each(records, place, read, FORM, size=size)
    data = entry.get(EMBEDDED)
    extra = {key: value for key, value in entry.items() if key != "regions"}
    if EMBEDDED in extra:
        extra[EMBEDDED] = bool(data)
    return ImageRecord(
        name,
        written_places(filename, prefix),
        tuple(shapes),
        ImageState.ANNOTATED if records else ImageState.EMPTY,
        origin,
        declared=size,
        upright=True,  # as browsers show images
        embedded=EmbeddedImage(data) if data and isinstance(data, str) else None,
        tags=tuple(tags_of(attributes)),
        issues=tuple(issues),
        extra=extra | left_over("regions", records, shapes, place),
    )


def written_places(filename: str, prefix: str = "") -> tuple[str, ...]:
    """Return the paths that a file writes for an image, most trusted first."""
    written = (filename,) if is_address(filename) else (prefix + filename, filename)
    return tuple(dict.fromkeys(filter(None, map(image_path, written))))


def declared_size(attributes: object) -> Size | None:
    """Return the size that is in the attributes of images which VIA took from a COCO file."""
    return as_size(_at(attributes, "width"), _at(attributes, "height"), is_text=True)


def tags_of(attributes: object) -> Iterator[str]:
    """Yield the boxes of an image that are checked."""
    values: Iterable[object] = attributes.values() if isinstance(attributes, dict) else ()
    boxes = [box for one in values if isinstance(one, dict) for box in one.items()]
    yield from dict.fromkeys(name for name, is_set in boxes if is_set is True)
