"""What SuperAnnotate's files say about an image as a whole: name, size, status, tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from maskforge.errors import shorten
from maskforge.images.suffixes import is_image_name
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.shapes import ImageState, Size

NO_SHAPES = frozenset({"comment", "comment_inst", "tag", "meta", "event", "entity"})
"""Types of the records that stand among the instances and are none."""

_FACTS = ("name", "width", "height", "status", "duration")
_LONGEST_SIDE = 2**31
_UNSEEN = frozenset({"notstarted", "skipped"})
_UNSEEN_NUMBERS = (1, 6)  # the same two in superannotate-python-sdk of 2021: common.py
_VIDEO_NAME = re.compile(r"\.(avi|flv|mkv|mov|mp4|mpe?g|ogg|webm|wmv)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class ImageEntry:
    """What a file holds about one image.

    Attributes:
        written_name: Name of the image by the name of the annotation file, or by a key in it.
        origin: Place of the entry.
        records: The instances, and whatever stands among them.
        records_origin: Place of the records.
        metadata: Value of ``metadata``, if any.
        tags: Value of ``tags``, if any.
        comments: Value of ``comments``, if any.
        folders: Where the image may be, relative to the annotation file.
        problem: Why the entry is not what it should be; None if it is.
        extra: The entry without its records.
    """

    written_name: str
    origin: Origin
    records: list[Any]
    records_origin: Origin
    metadata: object = None
    tags: object = None
    comments: object = None
    folders: tuple[str, ...] = (".",)
    problem: Issue | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """What `metadata`, or else records of type `meta`, say about the whole image."""
        sources = [one for one in self.records if isinstance(one, dict) and is_of(one, "meta")]
        # A `meta` record's name says what the record holds, not what the image is called.
        facts = {k: one[k] for one in sources for k in _FACTS[1:] if one.get(k) is not None}
        if isinstance(self.metadata, dict):
            facts |= {k: self.metadata[k] for k in _FACTS if self.metadata.get(k) is not None}
        return facts


def is_of(record: Mapping[str, Any], *kinds: str) -> bool:
    """Tell whether a record is of one of these types."""
    kind = record.get("type")
    return isinstance(kind, str) and kind in kinds


def image_names(entry: ImageEntry, facts: Mapping[str, Any]) -> list[str]:
    """Return what the image may be called, most trusted first, with forward slashes.

    People rename annotation files together with their images, and `metadata.name` stays as it
    was, so the file's name counts first if it names an image at all.
    """
    names = [entry.written_name]
    if isinstance(facts.get("name"), str):
        names.insert(1 if is_image_name(entry.written_name) else 0, facts["name"])
    names = [name.replace("\\", "/") for name in names]
    names = [name for name in names if PurePosixPath(name).name not in {"", ".."}]
    return list(dict.fromkeys(names)) or [entry.origin.file.stem]


def is_video(entry: ImageEntry, facts: Mapping[str, Any], names: list[str]) -> bool:
    """Tell whether an entry is about a video: by its metadata, or by tracks in place of shapes."""
    return (
        "duration" in facts
        or _VIDEO_NAME.search(names[0]) is not None
        or any(
            isinstance(one, dict) and ("timeline" in one or one.keys() >= {"meta", "parameters"})
            for one in entry.records
        )
    )


def image_state(entry: ImageEntry, facts: Mapping[str, Any]) -> ImageState:
    """Return whether anybody looked at the image.

    Without instances the status tells. A file without status is one that somebody saved.
    """
    if any(not (isinstance(one, dict) and is_of(one, *NO_SHAPES)) for one in entry.records):
        return ImageState.ANNOTATED
    status = facts.get("status")
    if isinstance(status, str):
        unseen = re.sub("[^a-z]", "", status.casefold()) in _UNSEEN
    else:
        unseen = status in _UNSEEN_NUMBERS
    return ImageState.UNVISITED if unseen else ImageState.EMPTY


def declared_size(entry: ImageEntry, facts: Mapping[str, Any], issues: list[Issue]) -> Size | None:
    """Return the size that the file gives; what is not a size is noted and counts as none."""
    sides: list[int] = []
    for key in ("width", "height"):
        side = facts.get(key)
        if isinstance(side, float) and side.is_integer():
            side = int(side)
        if isinstance(side, int) and not isinstance(side, bool) and 1 <= side <= _LONGEST_SIDE:
            sides.append(side)
        elif side is not None:
            text = f"expected whole pixels as `{key}`, found {shorten(side)}"
            issues.append(ignored(text, entry.origin))
    if len(sides) == 2:
        return Size(*sides)
    if sides and facts.keys() >= {"width", "height"}:
        return None  # the other one is noted above
    if sides:
        issues.append(ignored("only one of `width` and `height` is given", entry.origin))
    return None


def image_tags(
    entry: ImageEntry, classes: Mapping[int | str, str], issues: list[Issue]
) -> Iterator[str]:
    """Yield the labels of the image as a whole: entries of `tags`, and records of type `tag`."""
    tags, origin = entry.tags, entry.origin.at(".tags")
    if tags is not None and not isinstance(tags, list):
        issues.append(ignored(f"expected a list of tags, found {shorten(tags)}", origin))
        tags = []
    for index, tag in enumerate(tags or []):
        name = _tag_name(tag, classes)
        if name is not None:
            yield name
        else:
            text = f"expected the text of a tag, found {shorten(tag)}"
            issues.append(ignored(text, origin.at(f"[{index}]")))
    for record in entry.records:
        if isinstance(record, dict) and is_of(record, "tag"):
            name = _tag_name(record, classes)
            if name is not None:
                yield name


def _tag_name(tag: object, classes: Mapping[int | str, str]) -> str | None:
    match tag:
        case str(name) | {"className": str(name)} | {"name": str(name)}:
            return name
        case {"classId": int() | str() as key}:
            return classes.get(key)
    return None


def ignored(message: str, origin: Origin) -> Issue:
    """Return a note on a damaged key of an image that can be read without it."""
    return Issue(Code.INVALID_IMAGE_RECORD, f"{message}; ignored", origin, override=Level.NOTE)
