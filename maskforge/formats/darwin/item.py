"""From an item to image records: which image is in which slot, and which annotations are on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from maskforge.formats.base import ImageRecord, left_over, places_in
from maskforge.formats.darwin.annotation_records import FORM, NO_SHAPES, AnnotationReader
from maskforge.formats.darwin.raster import RasterLayers
from maskforge.formats.fields import declared_size, of_video
from maskforge.formats.plainform import read_each
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import ImageState, Shape

RECORDS = "annotations"
SLOT = "slot"
"""Key of the number of a slot, in the extra of an image that is one of several."""

_BESIDE = (".", "images", "../images", "../../images", "../../../images")
"""Where images lie: beside the file; as the command line of V7 downloads a data set."""


def read_item(root: dict[str, Any], origin: Origin) -> Iterator[ImageRecord]:
    """Yield the image of every slot of an item; an item without slots is one image."""
    item: dict[str, Any] = root["item"]
    slots = item.get("slots")
    slots = slots if isinstance(slots, list) and slots else [{}]
    names = [_slot_name(slot, index) for index, slot in enumerate(slots)]
    own: list[list[int]] = [[] for _ in slots]
    for number, record in enumerate(root[RECORDS]):
        wanted = record.get("slot_names") if isinstance(record, dict) else None
        first = wanted[0] if isinstance(wanted, list) and wanted else None
        own[names.index(first) if first in names else 0].append(number)
    several = len(slots) > 1
    for index, slot in enumerate(slots):
        place = origin.at(f".item.slots[{index}]") if several else origin
        extra = {key: value for key, value in root.items() if key != RECORDS}
        if several:
            extra[SLOT] = index
        written = _written(item, slot, several=several)
        yield _image(root, own[index], slot, written, extra, origin, place)


def read_version1(root: dict[str, Any], origin: Origin) -> ImageRecord:
    """Return the image of a file of version 1.0."""
    image: dict[str, Any] = root["image"]
    names = [image.get(key) for key in ("original_filename", "filename")]
    folder = _folder(image.get("path"))
    texts = dict.fromkeys(one for one in names if isinstance(one, str) and one)
    written = tuple(f"{folder}{one}" for one in texts)
    extra = {key: value for key, value in root.items() if key != RECORDS}
    return _image(root, range(len(root[RECORDS])), image, written, extra, origin, origin)


def _image(
    root: Mapping[str, Any],
    numbers: Sequence[int],
    slot: object,
    written: tuple[str, ...],
    extra: dict[str, Any],
    origin: Origin,
    place: Origin,
) -> ImageRecord:
    records = [root[RECORDS][number] for number in numbers]
    issues: list[Issue] = []
    facts = slot if isinstance(slot, dict) else {}
    size = declared_size(facts, place, issues)
    list_place = origin.at(f".{RECORDS}")
    places = places_in(list_place, numbers)
    shapes: list[Shape] = []
    if _is_video(facts, records):
        text = f"a video or volume with {len(places)} annotations"
        issues += of_video(text, place, "annotate single frames as images", places)
    else:
        layers = RasterLayers(records, places, size)
        reader = AnnotationReader(layers, issues)
        shapes, found = read_each(records, list_place, reader.read, FORM, places, size)
        issues += found
        if layers.unlisted:
            text = f"{layers.unlisted} pixels of the raster layer belong to no mask"
            issues.append(Issue(Code.UNLISTED_PIXELS, text, list_place))
    names = [PurePosixPath(one).name for one in written]
    return ImageRecord(
        next((one for one in names if one not in ("", "..")), origin.file.stem),
        tuple(one for one, name in zip(written, names, strict=True) if name not in ("", "..")),
        tuple(shapes),
        ImageState.EMPTY if all(map(_is_no_shape, records)) else ImageState.ANNOTATED,
        place,
        declared=size,
        upright=True,  # V7 turns images upright
        own=() if place != origin else (origin.file.stem,),
        beside=_BESIDE,
        tags=tuple(dict.fromkeys(filter(None, map(_tag, records)))),
        issues=tuple(issues),
        extra=extra | left_over(RECORDS, records, shapes, list_place, places),
    )


def _slot_name(slot: object, index: int) -> str:
    name = slot.get("slot_name") if isinstance(slot, dict) else None
    return name if isinstance(name, str) else str(index)


def _written(item: Mapping[str, Any], slot: object, *, several: bool) -> tuple[str, ...]:
    """Return paths of the image of a slot: the name of a file in the folder of the item."""
    files = slot.get("source_files") if isinstance(slot, dict) else None
    first = files[0] if isinstance(files, list) and files else None
    source = first.get("file_name") if isinstance(first, dict) else None
    names = [source] if several else [item.get("name"), source]
    folder = _folder(item.get("path"))
    texts = dict.fromkeys(one for one in names if isinstance(one, str) and one)
    return tuple(f"{folder}{one}".replace("\\", "/") for one in texts)


def _folder(path: object) -> str:
    inner = path.strip("/") if isinstance(path, str) else ""
    return f"{inner}/" if inner else ""


def _is_video(facts: Mapping[str, Any], records: Sequence[object]) -> bool:
    """Tell whether a slot is no single image, by its own word or by frames of annotations."""
    kind = facts.get("type")
    frames = any(isinstance(one, dict) and isinstance(one.get("frames"), dict) for one in records)
    return frames or (isinstance(kind, str) and kind != "image")


def _is_no_shape(record: object) -> bool:
    return isinstance(record, dict) and any(key in record for key in NO_SHAPES)


def _tag(record: object) -> str:
    """Return the name of a tag; empty if a record is none."""
    match record:
        case {"tag": _, "name": str(name)} if name.strip():
            return name
    return ""
