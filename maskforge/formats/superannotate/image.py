"""From what a SuperAnnotate file holds about one image to an image record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from maskforge.errors import shorten
from maskforge.formats.base import ImageRecord, left_over
from maskforge.formats.plainform import read_each
from maskforge.formats.superannotate.classlist import ClassList, Labeler
from maskforge.formats.superannotate.entry import (
    ImageEntry,
    declared_size,
    ignored,
    image_names,
    image_state,
    image_tags,
    is_video,
)
from maskforge.formats.superannotate.pixel import PartFile, PartMap
from maskforge.formats.superannotate.shape_records import FORM, ShapeReader
from maskforge.issues import Code, Issue, Level
from maskforge.shapes import Shape, Size


def read_image(entry: ImageEntry, classes: ClassList) -> ImageRecord:
    """Return the image of an entry; each of its records is a shape or has an issue."""
    issues = [entry.problem] if entry.problem else []
    facts = entry.facts
    names = image_names(entry, facts)
    declared = declared_size(entry, facts, issues)
    shapes: list[Shape] = []
    if is_video(entry, facts, names):
        _refuse_video(entry, issues)
    else:
        shapes, declared = _read_records(entry, names, classes, declared, issues)
    _note_what_is_beside(entry, issues)
    return ImageRecord(
        PurePosixPath(names[0]).name,
        tuple(names),
        tuple(shapes),
        image_state(entry, facts),
        entry.origin,
        declared=declared,
        # The SDK turns images upright for display (src/superannotate/lib/core/plugin.py), and
        # the browsers in which people draw do so, too.
        upright=True,
        beside=entry.folders,
        tags=tuple(dict.fromkeys(image_tags(entry, classes.by_id, issues))),
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
    shapes, more_issues = read_each(entry.records, entry.records_origin, reader.read, FORM)
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


def _refuse_video(entry: ImageEntry, issues: list[Issue]) -> None:
    count = len(entry.records)
    text = f"a video with {count} records; only single images have masks"
    issues.append(Issue(Code.VIDEO, text, entry.origin, "annotate single frames as images"))
    for index in range(count):
        place = entry.records_origin.at(f"[{index}]")
        issues.append(Issue(Code.NOT_DRAWABLE, "a record of a video, not of an image", place))


def _note_what_is_beside(entry: ImageEntry, issues: list[Issue]) -> None:
    if entry.metadata is not None and not isinstance(entry.metadata, dict):
        text = f"expected an object, found {shorten(entry.metadata)}"
        issues.append(ignored(text, entry.origin.at(".metadata")))
    if entry.comments:
        place = entry.origin.at(".comments")
        count = len(entry.comments) if isinstance(entry.comments, list) else 1
        text = f"{count} comments on the image are not shapes"
        issues.append(Issue(Code.NOT_A_SHAPE, text, place, override=Level.NOTE))
