"""What a SuperAnnotate file holds about one image - name, size, status, tags - as a record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from maskforge.errors import shorten
from maskforge.formats.base import ImageRecord, left_over, places_in
from maskforge.formats.fields import declared_size, ignored, of_video
from maskforge.formats.plainform import read_each
from maskforge.formats.superannotate.classlist import ClassList, Labeler
from maskforge.formats.superannotate.pixel import PartFile, PartMap
from maskforge.formats.superannotate.shape_records import FORM, NO_SHAPES, ShapeReader
from maskforge.images.suffixes import is_image_name
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.shapes import ImageState, Shape, Size

_FACTS = ("name", "width", "height", "status", "duration")
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
        sources = [one for one in self.records if isinstance(one, dict) and _is_of(one, "meta")]
        # A `meta` record's name says what the record holds, not what the image is called.
        facts = {k: one[k] for one in sources for k in _FACTS[1:] if one.get(k) is not None}
        if isinstance(self.metadata, dict):
            facts |= {k: self.metadata[k] for k in _FACTS if self.metadata.get(k) is not None}
        return facts


def read_image(entry: ImageEntry, classes: ClassList) -> ImageRecord:
    """Return the image of an entry; each of its records is a shape or has an issue."""
    issues = [entry.problem] if entry.problem else []
    facts = entry.facts
    names = _image_names(entry, facts)
    declared = declared_size(facts, entry.origin, issues)
    shapes: list[Shape] = []
    if _is_video(entry, facts, names):
        places = places_in(entry.records_origin, range(len(entry.records)))
        text = f"a video with {len(places)} records"
        issues += of_video(text, entry.origin, "annotate single frames as images", places)
    else:
        shapes, declared = _read_records(entry, names, classes, declared, issues)
    _note_what_is_beside(entry, issues)
    return ImageRecord(
        PurePosixPath(names[0]).name,
        tuple(names),
        tuple(shapes),
        _image_state(entry, facts),
        entry.origin,
        declared=declared,
        # The SDK turns images upright for display (src/superannotate/lib/core/plugin.py), and
        # the browsers in which people draw do so, too.
        upright=True,
        beside=entry.folders,
        tags=tuple(dict.fromkeys(_image_tags(entry, classes.by_id, issues))),
        issues=tuple(issues),
        extra=entry.extra | left_over("instances", entry.records, shapes, entry.records_origin),
    )


def _read_records(
    entry: ImageEntry,
    names: Sequence[str],
    classes: ClassList,
    declared: Size | None,
    issues: list[Issue],
) -> tuple[list[Shape], Size | None]:
    folder = entry.origin.file.parent
    parts = PartFile(
        [folder / one for one in entry.folders], [PurePosixPath(one).name for one in names]
    )
    reader = ShapeReader(Labeler(classes, issues), parts, issues)
    shapes, more_issues = read_each(
        entry.records, entry.records_origin, reader.read, FORM, size=declared
    )
    issues += more_issues
    if parts.loaded is None:
        return shapes, declared
    return shapes, _compare_with_parts(entry, parts.loaded, reader.colors, declared, issues)


def _compare_with_parts(
    entry: ImageEntry, parts: PartMap, listed: set[int], declared: Size | None, issues: list[Issue]
) -> Size:
    """Report what ``___save.png`` holds beyond the JSON, and return the size of the image."""
    colors, pixels = parts.unlisted(listed)
    if colors:
        text = f"{pixels} pixels of {colors} colors in ___save.png belong to no instance"
        issues.append(Issue(Code.UNLISTED_PIXELS, text, entry.records_origin))
    if declared is not None and declared != parts.size:
        text = f"the annotation file says {declared} px, its ___save.png has {parts.size} px"
        hint = "the two files belong to different versions of the image; download both again"
        issues.append(Issue(Code.SIZE_MISMATCH, text, entry.origin, hint))
    return parts.size


def _note_what_is_beside(entry: ImageEntry, issues: list[Issue]) -> None:
    if entry.metadata is not None and not isinstance(entry.metadata, dict):
        text = f"expected an object, found {shorten(entry.metadata)}"
        issues.append(ignored(text, entry.origin.at(".metadata")))
    if entry.comments:
        place = entry.origin.at(".comments")
        count = len(entry.comments) if isinstance(entry.comments, list) else 1
        text = f"{count} comments on the image are not shapes"
        issues.append(Issue(Code.NOT_A_SHAPE, text, place, override=Level.NOTE))


def _is_of(record: Mapping[str, Any], *kinds: str) -> bool:
    """Tell whether a record is of one of these types."""
    kind = record.get("type")
    return isinstance(kind, str) and kind in kinds


def _image_names(entry: ImageEntry, facts: Mapping[str, Any]) -> list[str]:
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


def _is_video(entry: ImageEntry, facts: Mapping[str, Any], names: list[str]) -> bool:
    """Tell whether an entry is about a video: by its metadata, or by tracks in place of shapes."""
    return (
        "duration" in facts
        or _VIDEO_NAME.search(names[0]) is not None
        or any(
            isinstance(one, dict) and ("timeline" in one or one.keys() >= {"meta", "parameters"})
            for one in entry.records
        )
    )


def _image_state(entry: ImageEntry, facts: Mapping[str, Any]) -> ImageState:
    """Return whether anybody looked at the image.

    Without instances the status tells. A file without status is one that somebody saved.
    """
    if any(not (isinstance(one, dict) and _is_of(one, *NO_SHAPES)) for one in entry.records):
        return ImageState.ANNOTATED
    status = facts.get("status")
    if isinstance(status, str):
        unseen = re.sub("[^a-z]", "", status.casefold()) in _UNSEEN
    else:
        unseen = status in _UNSEEN_NUMBERS
    return ImageState.UNVISITED if unseen else ImageState.EMPTY


def _image_tags(
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
        if isinstance(record, dict) and _is_of(record, "tag"):
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
