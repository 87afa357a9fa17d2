"""Files for import: a line for every annotation, with the image that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from maskforge.errors import FormatError, shorten
from maskforge.formats.base import ImageRecord, ReadContext, left_over, places_in
from maskforge.formats.jsonio import Document
from maskforge.formats.labelbox.answers import chosen
from maskforge.formats.labelbox.exported_rows import name_in, written_places
from maskforge.formats.labelbox.mask_pixels import MaskPixels
from maskforge.formats.labelbox.object_records import FORM, ObjectReader
from maskforge.formats.plainform import read_each
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import ImageState

DATA_ROWS = "data_rows.json"
"""Beside the lines: the images, as Labelbox makes data rows of them."""

EMPTY = {"type": "RAW_TEXT", "value": "Nothing is to be marked in this image."}
"""Attachment of a data row without annotations that somebody has looked at."""

_KEYS = ("globalKey", "id")


@dataclass(frozen=True, slots=True)
class _DataRow:
    """What ``data_rows.json`` says about an image."""

    written: tuple[str, ...]
    is_empty: bool


def read_lines(
    document: Document, lines: Sequence[Any], context: ReadContext
) -> Iterator[ImageRecord]:
    """Yield the images of a file of lines, and the lines that belong to none."""
    by_image: dict[str | None, list[int]] = {}
    for index, line in enumerate(lines):
        by_image.setdefault(_key_of(line), []).append(index)
    lost = by_image.pop(None, [])
    rows = _data_rows(document, context)
    for key in dict.fromkeys((*rows, *by_image)):
        assert key is not None
        row = rows.get(key) or _DataRow(written_places(key), False)
        yield _image(key, row, lines, by_image.get(key, []), document, context)
    if lost:
        yield _rest(lines, lost, document, context)


def _key_of(line: object) -> str | None:
    row = line.get("dataRow") if isinstance(line, dict) else None
    found = [row.get(key) for key in _KEYS] if isinstance(row, dict) else []
    return next((one for one in found if isinstance(one, str) and one.strip()), None)


def _data_rows(document: Document, context: ReadContext) -> dict[str, _DataRow]:
    """Return the images that are listed beside the lines."""
    path = document.path.parent / DATA_ROWS
    if path == document.path or not path.is_file():
        return {}
    try:
        root = context.sibling(path).root
    except FormatError as error:
        context.report(error.issue())
        return {}
    rows = {}
    for row in root if isinstance(root, list) else ():
        if not isinstance(row, dict):
            continue
        keys = [row.get(key) for key in ("global_key", "uid")]
        key = next((one for one in keys if isinstance(one, str) and one.strip()), None)
        attachments = row.get("attachments")
        is_empty = isinstance(attachments, list) and EMPTY in attachments
        if key is not None:
            written = written_places(row.get("row_data"), row.get("external_id"), key)
            rows[key] = _DataRow(written, is_empty)
    return rows


def _image(
    key: str,
    row: _DataRow,
    lines: Sequence[Any],
    numbers: Sequence[int],
    document: Document,
    context: ReadContext,
) -> ImageRecord:
    origin = document.origin.at(f"[dataRow {shorten(key)}]")
    record = _read(lines, numbers, document, context, origin, row.written)
    if numbers:
        return record
    state = ImageState.EMPTY if row.is_empty else ImageState.UNVISITED
    name = name_in(row.written, origin)
    return ImageRecord(name, row.written, (), state, origin, upright=True)


def _rest(
    lines: Sequence[Any], numbers: Sequence[int], document: Document, context: ReadContext
) -> ImageRecord:
    """Return lines without data row as an image of their own, which is refused."""
    place = document.origin.at(f"[{numbers[0]}]")
    count = f"{len(numbers)} lines belong" if len(numbers) > 1 else "1 line belongs"
    text = f"{count} to no image; the first is {shorten(lines[numbers[0]])}"
    refusal = Issue(Code.UNLISTED_IMAGE, text, place, "give every line a `dataRow`")
    name = f"{document.path.stem} (lines without data row)"
    origin = document.origin.at("[no dataRow]")
    return _read(lines, numbers, document, context, origin, (), (refusal,), name)


def _read(
    lines: Sequence[Any],
    numbers: Sequence[int],
    document: Document,
    context: ReadContext,
    origin: Origin,
    written: tuple[str, ...],
    refusal: tuple[Issue, ...] = (),
    name: str = "",
) -> ImageRecord:
    own = [lines[number] for number in numbers]
    masks = MaskPixels(document.path.parent, context)
    places = places_in(document.origin, numbers)
    shapes, issues = read_each(own, document.origin, ObjectReader(masks), FORM, places)
    return ImageRecord(
        name or name_in(written, origin),
        written,
        tuple(shapes),
        ImageState.ANNOTATED,
        origin,
        declared=masks.size,
        upright=True,
        tags=tuple(dict.fromkeys(chosen(own))),
        issues=(*refusal, *issues),
        extra=left_over("lines", own, shapes, document.origin, places),
    )
