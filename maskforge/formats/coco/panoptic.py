"""COCO's panoptic files: a PNG for each image, in which colors are the ids of segments.

The id of a pixel is its red plus 256 times its green plus 65536 times its blue; 0 is no segment
(``panopticapi/utils.py`` of cocodataset/panopticapi).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import RecordError, shorten
from maskforge.formats.base import ImageRecord, ReadContext, left_over
from maskforge.formats.coco.annotation_records import (
    FORM,
    as_crowd,
    crowds_first,
    is_crowd,
)
from maskforge.formats.coco.categories import Categories, key_of
from maskforge.formats.coco.images import Listed, listed_images
from maskforge.formats.coco.recognition import SEGMENTS
from maskforge.formats.fields import bad_bitmap
from maskforge.formats.jsonio import Document, as_list, fields_of, structure
from maskforge.formats.pixels import read_colors
from maskforge.formats.plainform import read_each
from maskforge.images.regions import Region, regions
from maskforge.issues import Code, Issue, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import ImageState, Shape, Size

"""Key of the list of segments of an image, and of those in ``extra`` that became no shape."""

PANOPTIC = "panoptic"
"""Key in ``extra`` of what else the annotation of an image holds."""

_COLORS = 0xFFFFFF


def read_panoptic(document: Document, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the images of a panoptic file.

    Raises:
        FormatError: If a list is not one.
    """
    root: dict[str, Any] = document.root
    categories = Categories(
        root.get("categories"), document.origin.at(".categories"), context.report
    )
    listed = list(listed_images(document))
    by_key = {one.key: one for one in listed if one.key is not None}
    place = document.origin.at(".annotations")
    annotated: set[str] = set()
    for index, entry in enumerate(root["annotations"]):
        origin = place.at(f"[{index}]")
        key = key_of(entry.get("image_id")) if isinstance(entry, dict) else None
        image = by_key.get(key) if key is not None else None
        if image is None or key in annotated:
            yield _refused(entry, index, origin, "is repeated" if image else "is not listed")
            continue
        annotated.add(str(key))
        yield _image(image, entry, categories, origin)
    for one in listed:
        if one.key not in annotated:
            yield one.record((), ImageState.UNVISITED)


def _refused(entry: object, index: int, origin: Origin, why: str) -> ImageRecord:
    id_ = entry.get("image_id") if isinstance(entry, dict) else entry
    issue = Issue(Code.INVALID_IMAGE_RECORD, f"the image {shorten(id_)} {why}", origin)
    extra = entry if isinstance(entry, dict) else {}
    return ImageRecord(
        f"annotation {index}", (), (), ImageState.ANNOTATED, origin, issues=(issue,), extra=extra
    )


def _image(
    image: Listed, entry: dict[str, Any], categories: Categories, origin: Origin
) -> ImageRecord:
    place = origin.at(f".{SEGMENTS}")
    records = as_list(entry.get(SEGMENTS), "segments", place)
    notes: list[Issue] = []
    reader = SegmentReader(_png(origin.file, entry.get("file_name")), image.size, categories)
    shapes, issues = read_each(records, place, reader, FORM)
    crowds_first(shapes)
    found = reader.unlisted(records)
    if found:
        notes.append(Issue(Code.UNLISTED_PIXELS, found, origin))
    rest = {key: value for key, value in entry.items() if key != SEGMENTS}
    record = image.record(
        shapes,
        ImageState.ANNOTATED,
        (*notes, *issues),
        {PANOPTIC: rest, **left_over(SEGMENTS, records, shapes, place)},
        reader.png,
    )
    return replace(record, origin=origin)


def _png(file: Path, name: object) -> Path | None:
    """Return where the PNG of an annotation is: beside the file, or in a folder of its name."""
    if not isinstance(name, str):
        return None
    written = PurePosixPath(name.replace("\\", "/"))
    if written.is_absolute() or ".." in written.parts:
        written = PurePosixPath(written.name)
    places = [file.parent / file.stem / written, file.parent / written]
    return next((one for one in places if _is_file(one)), places[-1])


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@dataclass
class SegmentReader:
    """Reads the segments of one image.

    Attributes:
        png: Where the PNG is; None if the file does not tell.
        size: Size that the file gives of the image, or None.
        categories: The names of categories.
        pixels: Counts the pixels of bitmaps.
    """

    png: Path | None
    size: Size | None
    categories: Categories
    pixels: Allowance = field(default_factory=lambda: Allowance(Limit.BITMAP_PIXELS))

    def __call__(self, record: object, origin: Origin) -> Shape:
        """Read one segment.

        Raises:
            RecordError: If it is malformed, or no pixel has its id.
            LimitError: If it takes more pixels than are left.
        """
        fields = fields_of(record, origin)
        place = origin.at(".id")
        id_ = structure(fields.get("id"), int, place)
        if not 0 < id_ <= _COLORS:
            raise RecordError(
                Code.INVALID_RECORD, f"{shorten(id_)} cannot be the id of a segment", origin=place
            )
        ids, found = self._regions(place)
        if id_ not in found:
            raise bad_bitmap(f"no pixel of the PNG has the id {id_}", place)
        self.pixels.take(found[id_].box_pixels)
        label, label_issue = self.categories.label(fields, origin)
        shape = Shape(
            (label,) if label else (),
            found[id_].bitmap(ids),
            "segment",
            origin,
            extra=fields,
            label_issue=label_issue,
        )
        return as_crowd(shape) if is_crowd(fields) else shape

    def unlisted(self, records: list[Any]) -> str:
        """Say how many pixels have an id that no segment has; empty if none has."""
        if isinstance(self._loaded, str):
            return ""
        listed = {one.get("id") for one in records if isinstance(one, dict) and _is_id(one)}
        rest = [one for id_, one in self._loaded[1].items() if id_ not in listed]
        count = sum(one.count for one in rest)
        return f"{count:,} pixels have {len(rest)} ids that no segment has" if rest else ""

    def _regions(self, origin: Origin) -> tuple[NDArray[np.uint32], Mapping[int, Region]]:
        if isinstance(self._loaded, str):
            raise bad_bitmap(self._loaded, origin)
        return self._loaded

    @cached_property
    def _loaded(self) -> tuple[NDArray[np.uint32], Mapping[int, Region]] | str:
        """The id of every pixel, and where each is; or why there are none."""
        if self.png is None:
            return "the annotation has no `file_name` of a PNG"
        try:
            ids = read_colors(self.png)
        except OSError as error:
            return f"{self.png.name} cannot be read: {error.strerror or error}"
        size = Size(ids.shape[1], ids.shape[0])
        if self.size is not None and size != self.size:
            return f"{self.png.name} has {size} px, the image {self.size} px"
        ids &= _COLORS  # without opacity
        return ids, regions(ids, lowest=1)


def _is_id(record: dict[str, Any]) -> bool:
    return isinstance(record.get("id"), int)
