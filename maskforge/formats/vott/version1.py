"""VoTT version 1: one JSON file beside the folder of images or beside the video.

What the keys mean was read in ``src/index.js`` and ``src/public/js/video-tagging`` of the branch
v1 of microsoft/VoTT.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from maskforge.errors import FormatError, RecordError, shorten
from maskforge.formats.base import ImageRecord, ReadContext, left_over
from maskforge.formats.jsonio import Document, structure
from maskforge.formats.plainform import read_each
from maskforge.formats.vott.asset import of_frame, refused
from maskforge.formats.vott.region_records import FORM
from maskforge.formats.vott.tags import TagList
from maskforge.formats.vott.version1_records import in_one_frame, place_of, read_drawn
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import ImageState

_LISTED_IMAGE = re.compile(r".(jpg|jpeg|png|gif)$", re.IGNORECASE)  # as version 1 lists a folder
_VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".m4v", ".mpg", ".wmv", ".ogg", ".webm"})
_PLAIN_KEY = re.compile(r"\w+")
_FORM = replace(FORM, kind_of=None, place_of=place_of)  # without a type it is a box
_NUMBER = re.compile(r"[0-9]{1,9}")


class _Project(msgspec.Struct):
    frames: dict[str, Any]
    inputTags: str | list[str] | None = None  # noqa: N815 - the file's own word
    visitedFrames: list[str | int] | None = None  # noqa: N815 - likewise


@dataclass(frozen=True, slots=True)
class _Image:
    """Which image a key of ``frames`` stands for."""

    name: str
    is_video_frame: bool = False


def read_version1(document: Document, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the images of a version 1 file."""
    project = structure(document.root, _Project, document.origin, Code.INVALID_FILE, FormatError)
    visited = {str(key) for key in project.visitedFrames or ()}
    tags = TagList(_tag_names(project), "the file (`inputTags`)", context.report)
    frames = dict(project.frames)
    for key in map(str, project.visitedFrames or ()):
        frames.setdefault(key, [])
    folder = document.path.with_suffix("")
    listing = _listing(folder, frames, document.origin, context)
    for key, regions in frames.items():
        step = f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{key!r}]"
        origin = document.origin.at(f".frames{step}")
        try:
            image = _found_file(key, folder, listing, origin)
            record = _image(image, regions, folder, origin, context, visited=key in visited)
        except RecordError as error:
            yield refused(error, key or "unnamed", {"regions": regions})
            continue
        if image.is_video_frame:
            record = of_frame(record)
        yield tags.check(record)


def _tag_names(project: _Project) -> list[str]:
    names = project.inputTags or ""
    return [name for name in (names.split(",") if isinstance(names, str) else names) if name]


def _listing(
    folder: Path, frames: dict[str, Any], origin: Origin, context: ReadContext
) -> list[str] | None:
    """Return the images that keys are positions of, or None if keys are something else."""
    if not any(map(_NUMBER.fullmatch, frames)) or folder.suffix.lower() in _VIDEO_SUFFIXES:
        return None
    try:
        names = [path.name for path in folder.iterdir() if _LISTED_IMAGE.search(path.name)]
    except OSError:
        return []
    text = f"gives positions in the folder {folder.name} instead of names; compare the images"
    hint = "look at the masks with `maskforge preview`: images may have come or gone since"
    context.report(Issue(Code.LOSSY_SOURCE, text, origin, hint))
    return sorted(names)


def _found_file(key: str, folder: Path, listing: list[str] | None, origin: Origin) -> _Image:
    if not _NUMBER.fullmatch(key):
        name = key.replace("\\", "/").rpartition("/")[2]
        if name in {"", ".", ".."}:
            raise RecordError(
                Code.INVALID_IMAGE_RECORD, f"{shorten(key)} is not a file name", origin=origin
            )
        return _Image(name)
    if listing is None:
        return _Image(f"{folder.stem}_frame_{key}.jpg", is_video_frame=True)
    position = int(key)
    if position >= len(listing):
        raise RecordError(
            Code.INVALID_IMAGE_RECORD,
            f"position {position} of {len(listing)} images in the folder {folder.name}",
            origin=origin,
            hint="put the folder of the images beside the file, with the same name",
        )
    name = listing[position]
    # Windows lists names without regard to case, the other systems capitals first.
    other = sorted(listing, key=str.casefold)[position]
    if name != other:
        raise RecordError(
            Code.INVALID_IMAGE_RECORD,
            f"position {position} is {name!r} or {other!r}, depending on the system",
            origin=origin,
            hint="rename the key to the name of the image",
        )
    return _Image(name)


def _image(
    image: _Image,
    regions: object,
    folder: Path,
    origin: Origin,
    context: ReadContext,
    *,
    visited: bool,
) -> ImageRecord:
    regions = [] if regions is None else regions
    entries = structure(regions, list[Any], origin, Code.INVALID_IMAGE_RECORD)
    drawn, issues = read_each(entries, origin, read_drawn, _FORM)
    shapes, frame, more_issues = in_one_frame(drawn)
    if frame is not None and not frame.in_pixels:  # nobody knows the unit of what is damaged
        issues = [replace(issue, box=None) for issue in issues]
    if any(entry != {} for entry in entries):
        state = ImageState.ANNOTATED
    else:
        state = ImageState.EMPTY if entries or visited else ImageState.UNVISITED
    return ImageRecord(
        image.name,
        (image.name,),
        tuple(shapes),
        state,
        origin,
        declared=frame.size if frame else None,
        beside=(folder.name, "."),
        scale_to_image=frame is not None and not frame.in_pixels,
        issues=(*issues, *more_issues),
        extra=left_over("regions", entries, shapes, origin),
    )
