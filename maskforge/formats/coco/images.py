"""COCO's list of images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskforge.errors import shorten
from maskforge.formats.addresses import image_name, image_path, is_address
from maskforge.formats.base import ImageRecord
from maskforge.formats.coco.categories import key_of
from maskforge.formats.fields import declared_size
from maskforge.formats.jsonio import Document, as_list
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.shapes import ImageState, Shape, Size


@dataclass(frozen=True)
class Listed:
    """One entry of the list of images.

    Attributes:
        key: Its id as text; None if annotations cannot refer to it.
        name: File name of the image.
        written: Its path as it is written, with forward slashes.
        size: Size that the entry gives.
        entry: The entry itself.
        origin: Its place.
        issues: What is wrong with it.
        beside: Folders in which the image may be, relative to the file.
    """

    key: str | None
    name: str
    written: tuple[str, ...]
    size: Size | None
    entry: Mapping[str, object]
    origin: Origin
    issues: tuple[Issue, ...]
    beside: tuple[str, ...]

    def record(
        self,
        shapes: Sequence[Shape],
        state: ImageState,
        issues: Iterable[Issue] = (),
        rest: Mapping[str, object] = {},
        mask: Path | None = None,
    ) -> ImageRecord:
        """Return the image with its shapes.

        Args:
            shapes: The shapes.
            state: Whether anybody looked at it.
            issues: What was found while reading them.
            rest: What is left beside the keys of the entry.
            mask: The PNG that they are from.
        """
        return ImageRecord(
            self.name,
            self.written,
            tuple(shapes),
            state,
            self.origin,
            declared=self.size,
            # Everything that trains on COCO files reads images with OpenCV or turns them upright.
            upright=True,
            beside=self.beside,
            masks=() if mask is None else (mask,),
            issues=(*self.issues, *issues),
            extra={**self.entry, **rest},
        )


def listed_images(document: Document) -> Iterator[Listed]:
    """Yield the images of a file.

    Raises:
        FormatError: If they are not a list.
    """
    place = document.origin.at(".images")
    entries = as_list(document.root.get("images"), "images", place)
    ids = Counter(key_of(entry.get("id")) for entry in entries if isinstance(entry, dict))
    beside = _folders(document.path)
    for index, entry in enumerate(entries):
        yield _listed(entry, index, place.at(f"[{index}]"), ids, beside)


def _listed(
    entry: object,
    index: int,
    origin: Origin,
    ids: Mapping[str | None, int],
    beside: tuple[str, ...],
) -> Listed:
    if not isinstance(entry, dict):
        text = f"expected an image, found {shorten(entry)}"
        issue = Issue(Code.INVALID_IMAGE_RECORD, text, origin)
        return Listed(None, f"image {index}", (), None, {}, origin, (issue,), beside)
    issues: list[Issue] = []
    key = key_of(entry.get("id"))
    written = _written(entry)
    name = image_name(written)
    if not name:
        name = f"image {index}" if key is None else key.replace("/", "_")
        written = ""
        text = f"has no `file_name` that can be used; it is called {shorten(name)}"
        issues.append(Issue(Code.INVALID_IMAGE_RECORD, text, origin, override=Level.NOTE))
    if key is None or ids[key] > 1:
        id_ = shorten(entry.get("id"))
        text = f"the id {id_} is used twice" if key else f"{id_} cannot be the id of an image"
        hint = "give each image an id of its own, or export the annotations again"
        issues.append(Issue(Code.INVALID_IMAGE_RECORD, text, origin.at(".id"), hint))
        key = None
    size = declared_size(entry, origin, issues)
    paths = (written,) if written else ()
    return Listed(key, name, paths, size, entry, origin, tuple(issues), beside)


def _written(entry: dict[str, Any]) -> str:
    """Return the path of an image; LVIS has only its address."""
    name, address = entry.get("file_name"), entry.get("coco_url")
    if isinstance(name, str) and name.strip():
        return image_path(name)
    return image_path(address) if isinstance(address, str) and is_address(address) else ""


def _folders(file: Path) -> tuple[str, ...]:
    """Return where images lie: ``instances_val2017.json`` has those of ``val2017``."""
    subset = file.stem.partition("_")[2]
    subsets = ("",) if subset.strip(".") == "" else ("", subset)
    return (
        ".",
        *(f"{up}images/{one}" for up in ("", "../") for one in subsets),
        *(f"../{one}" for one in subsets[1:]),
    )
