"""Result files: what a network has found, without the images and categories that the ids name.

These stand in the annotation file that the network was run on; the results are a bare list.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from maskforge.errors import FormatError
from maskforge.files import read_bytes
from maskforge.formats.base import ImageRecord, ReadContext
from maskforge.formats.coco.categories import key_of
from maskforge.formats.coco.instances import read_records
from maskforge.formats.jsonio import Document
from maskforge.issues import Code

_LISTS = ("images", "categories")
_BESIDE = (".", "../annotations")
"""Folders in which the annotation file is looked for."""


def read_results(document: Document, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the images of the annotation file that belongs to results, with these alone.

    Raises:
        FormatError: If no file beside it lists the images.
    """
    ids = {key_of(one.get("image_id")) for one in document.root if isinstance(one, dict)}
    best, most = None, 0
    for path in _candidates(document.path):
        found = _listing(path, context)
        known = len(ids & _image_ids(found)) if found is not None else 0
        if known > most:
            best, most = found, known
    if best is None:
        raise FormatError(
            Code.INVALID_FILE,
            "holds results of a network, and no file beside it lists their images and categories",
            origin=document.origin,
            hint="put the annotation file that it was run on into the same folder",
        )
    yield from read_records(document.root, document.origin, best, context)


def _candidates(path: Path) -> Iterator[Path]:
    for folder in _BESIDE:
        for one in sorted((path.parent / folder).glob("*.json")):
            if one != path and one.is_file():
                yield one


def _listing(path: Path, context: ReadContext) -> Document | None:
    """Return a file that lists images and categories; None if it does not."""
    try:
        content = read_bytes(path)
        if not all(f'"{key}"'.encode() in content for key in _LISTS):
            return None  # which takes far less time than to decode it
        document = context.load(path)
    except (OSError, FormatError):
        return None
    root = document.root
    is_listing = isinstance(root, dict) and all(isinstance(root.get(key), list) for key in _LISTS)
    return document if is_listing else None


def _image_ids(document: Document) -> set[str | None]:
    entries = (one for one in document.root["images"] if isinstance(one, dict))
    return {key_of(one.get("id")) for one in entries} - {None}
