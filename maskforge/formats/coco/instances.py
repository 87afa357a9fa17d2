"""Files of annotations: outlines, run lengths and boxes in one list for all images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from maskforge.errors import shorten
from maskforge.formats.base import ImageRecord, ReadContext, left_over, places_in
from maskforge.formats.coco.annotation_records import FORM, AnnotationReader, crowds_first
from maskforge.formats.coco.categories import Categories, key_of
from maskforge.formats.coco.images import Listed, listed_images
from maskforge.formats.jsonio import Document, as_list
from maskforge.formats.plainform import read_each
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import ImageState, Shape

RECORDS = "annotations"
"""Key of the list of annotations, and of those in ``extra`` that became no shape."""


def read_instances(document: Document, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the images of a file of annotations, and what belongs to none of them.

    Raises:
        FormatError: If a list is not one.
    """
    root: dict[str, Any] = document.root
    place = document.origin.at(f".{RECORDS}")
    written = root.get(RECORDS)
    records = None if written is None else as_list(written, RECORDS, place)
    yield from read_records(records, place, document, context)


def read_records(
    records: list[Any] | None, place: Origin, document: Document, context: ReadContext
) -> Iterator[ImageRecord]:
    """Yield the images of a file with their annotations, and what belongs to none of them.

    Args:
        records: The annotations; None if nobody has drawn any.
        place: Their place, which may be in another file.
        document: Lists the images and categories.
        context: Receives what is wrong with the categories.

    Raises:
        FormatError: If a list is not one.
    """
    categories = Categories(
        document.root.get("categories"), document.origin.at(".categories"), context.report
    )
    by_image: dict[str | None, list[int]] = {}
    for index, record in enumerate(records or []):
        key = key_of(record.get("image_id")) if isinstance(record, dict) else None
        by_image.setdefault(key, []).append(index)
    for image in listed_images(document):
        numbers = by_image.pop(image.key, []) if image.key is not None else []
        yield _image(image, records, numbers, categories, place)
    rest = sorted(number for numbers in by_image.values() for number in numbers)
    if records and rest:
        yield _rest(records, rest, categories, place)


def _image(
    image: Listed,
    records: list[Any] | None,
    numbers: Sequence[int],
    categories: Categories,
    place: Origin,
) -> ImageRecord:
    if records is None:
        return image.record((), ImageState.UNVISITED)
    notes: list[Issue] = []
    # Darwin of V7 marks what it writes as run lengths as crowds.
    reader = AnnotationReader(categories, image.size, "darwin_url" not in image.entry, notes)
    shapes, issues, lost = _read(records, numbers, reader, place)
    state = ImageState.ANNOTATED if numbers else ImageState.EMPTY
    return image.record(shapes, state, (*notes, *issues), lost)


def _rest(
    records: list[Any],
    numbers: Sequence[int],
    categories: Categories,
    place: Origin,
) -> ImageRecord:
    """Return annotations whose image is not listed as an image of their own, which is refused."""
    reader = AnnotationReader(categories, None, True, [])
    shapes, issues, lost = _read(records, numbers, reader, place)
    first = records[numbers[0]]
    id_ = first.get("image_id") if isinstance(first, dict) else None
    count = f"{len(numbers)} annotations belong" if len(numbers) > 1 else "1 annotation belongs"
    refusal = Issue(
        Code.UNLISTED_IMAGE,
        f"{count} to no image of the file; the `image_id` of the first is {shorten(id_)}",
        place.at(f"[{numbers[0]}]"),
        "export the annotations again, together with all their images",
    )
    return ImageRecord(
        f"{place.file.stem} (images not listed)",
        (),
        tuple(shapes),
        ImageState.ANNOTATED,
        place,
        issues=(refusal, *reader.notes, *issues),
        extra=lost,
    )


def _read(
    records: list[Any], numbers: Sequence[int], reader: AnnotationReader, place: Origin
) -> tuple[list[Shape], list[Issue], dict[str, list[object]]]:
    """Return the shapes of some records, crowds below what is told apart, and what became none."""
    own, places = [records[number] for number in numbers], places_in(place, numbers)
    shapes, issues = read_each(own, place, reader, FORM, places, reader.size)
    crowds_first(shapes)
    return shapes, issues, left_over(RECORDS, own, shapes, place, places)
