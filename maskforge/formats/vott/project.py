"""Projects, asset files and JSON exports of VoTT version 2.

The ``.vott`` file lists the assets and their states; the regions of each tagged asset are in a file
of its own beside it (``src/services/assetService.ts`` of microsoft/VoTT). An export holds both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from maskforge.errors import FormatError, RecordError, shorten
from maskforge.formats.base import ImageRecord, ReadContext
from maskforge.formats.jsonio import Document, structure
from maskforge.formats.vott.asset import (
    Asset,
    AssetState,
    AssetType,
    image_record,
    lost,
    read_asset,
    read_metadata,
    refused,
)
from maskforge.formats.vott.known import KnownImages, image_folders
from maskforge.formats.vott.recognition import is_metadata
from maskforge.formats.vott.tags import TagList
from maskforge.issues import Code, Issue, Level, Origin

ASSET_FILE_SUFFIX = "-asset.json"
PROJECT_SUFFIX = ".vott"

_IDENTIFIER = re.compile(r"\w[\w.-]*")


class _Tag(msgspec.Struct):
    name: str


class _Project(msgspec.Struct):
    assets: dict[str, Any] | list[Any] | None = None
    tags: list[_Tag] | None = None

    def entries(self, origin: Origin) -> Iterator[tuple[str, Any, Origin]]:
        """Yield id, value and place of every asset."""
        place = origin.at(".assets")
        if isinstance(self.assets, list):
            for index, value in enumerate(self.assets):
                yield _id(value) or "", value, place.at(f"[{index}]")
        else:
            for key, value in (self.assets or {}).items():
                step = f".{key}" if _IDENTIFIER.fullmatch(key) else f"[{key!r}]"
                yield _id(value) or key, value, place.at(step)

    @property
    def tag_names(self) -> list[str]:
        """The project's own list of tags."""
        return [tag.name for tag in self.tags or ()]


def read_project(document: Document, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the images of a ``.vott`` file, and those of asset files that it does not list."""
    project = _project(document)
    folder = document.path.parent
    paths = _list(folder)
    files = {
        path.name.removesuffix(ASSET_FILE_SUFFIX): path
        for path in paths
        if path.name.endswith(ASSET_FILE_SUFFIX)
    }
    known = KnownImages(document.path, context)
    tags = TagList(project.tag_names, "the project", context.report)
    for id_, value, origin in project.entries(document.origin):
        if known.repeats("id", id_, None):
            continue
        try:
            asset = read_asset(value, origin)
            record = _listed(asset, value, id_, origin, files.get(id_), context)
        except RecordError as error:
            record = refused(error, _name(value, id_), {"asset": value})
        else:
            if record is None:
                continue
            if not any(issue.code is Code.LOST_ANNOTATION for issue in record.issues):
                if known.copies(id_, record):
                    continue
                known.add(id_, record, document.origin)
        yield tags.check(record)
    known.finish()
    listed = {id_ for id_, _, _ in project.entries(document.origin)}
    for path in paths:
        if path.suffix.lower() == PROJECT_SUFFIX and path != document.path:
            listed.update(_listed_ids(path, context))
    for id_, path in files.items():
        if id_ not in listed and path not in context.claimed:
            for record in _orphan(path, document.path, context):
                yield tags.check(record)


def read_asset_file(document: Document, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the one image of an asset file."""
    id_ = document.path.name.removesuffix(ASSET_FILE_SUFFIX)
    try:
        asset, record = read_metadata(document.root, document.origin, (".",))
    except RecordError as error:
        yield refused(error, _name(document.root, id_), document.root)
        return
    if _is_mere_video(asset, record, context):
        return
    known = KnownImages(document.path, context)
    if known.copies(asset.id or id_, record):
        known.finish()
        return
    known.add(asset.id or id_, record, document.origin)
    known.finish()
    yield record


def read_export(document: Document, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the images of a JSON export that were not read from a better source."""
    project = _project(document)
    beside = image_folders(document.path)
    known = KnownImages(document.path, context, is_export=True)
    tags = TagList(project.tag_names, "the export", context.report)
    for id_, value, origin in project.entries(document.origin):
        try:
            asset, record = read_metadata(value, origin, beside, exported=True)
        except RecordError as error:
            extra = value if is_metadata(value) else {"asset": value}
            if not known.repeats("id", id_, None):
                yield refused(error, _name(value, id_), extra)
            continue
        if (
            known.repeats("id", id_, record)
            or _is_mere_video(asset, record, context)
            or known.copies(id_, record)
        ):
            continue
        known.add(id_, record, document.origin)
        yield tags.check(record)
    known.finish()


def _project(document: Document) -> _Project:
    root = document.root
    assets = root.get("assets") if isinstance(root, dict) else None
    if not isinstance(assets, dict | list):
        return structure(root, _Project, document.origin, Code.INVALID_FILE, FormatError)
    # The assets are checked one by one, when their turn comes.
    place = document.origin.at(".tags")
    type_: Any = list[_Tag] | None
    tags = structure(root.get("tags"), type_, place, Code.INVALID_FILE, FormatError)
    return _Project(assets, tags)


def _listed(
    asset: Asset,
    value: dict[str, Any],
    id_: str,
    origin: Origin,
    file: Path | None,
    context: ReadContext,
) -> ImageRecord | None:
    """Return the image of an asset that a project lists, joined with its asset file."""
    extra = {"asset": value}
    if file is not None and file not in context.claimed:
        try:
            document = context.sibling(file)
        except FormatError as error:
            context.report(error.issue())
            record = image_record(asset, [], origin, origin, (".",), extra)
            return lost(record, f"its asset file {file.name} cannot be read")
        joined, record = read_metadata(document.root, document.origin, (".",), listed=asset)
        if _is_mere_video(joined, record, context):
            return None
        own = record.extra["asset"]
        assert isinstance(own, dict)
        return replace(record, extra={**record.extra, "asset": value | own})
    record = image_record(asset, [], origin, origin, (".",), extra)
    if _is_mere_video(asset, record, context):
        return None
    if asset.state is AssetState.TAGGED:
        record = lost(record, f"tagged, but {id_}{ASSET_FILE_SUFFIX} is not beside the project")
    return record


def _is_mere_video(asset: Asset, record: ImageRecord, context: ReadContext) -> bool:
    """Report a whole video that carries no regions: its frames are assets of their own."""
    has_regions = record.shapes or any(issue.loses_record for issue in record.issues)
    if asset.type is not AssetType.VIDEO or has_regions:
        return False
    text = (
        f"{shorten(asset.file_name)} is a video; only its frames can be annotated, each on its own"
    )
    context.report(Issue(Code.VIDEO, text, record.origin, override=Level.IGNORED))
    return True


def _orphan(path: Path, project: Path, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the image of an asset file that no project in its folder lists."""
    try:
        document = context.sibling(path)
    except FormatError as error:
        context.report(error.issue())
        return
    if not is_metadata(document.root):
        context.claimed.discard(path)  # the name alone proves nothing
        return
    context.report(
        Issue(
            Code.ORPHAN_ASSET,
            f"is not listed in {project.name}; it may be left from images that were moved",
            document.origin,
            "delete the file if its image is also annotated under another id",
        )
    )
    yield from read_asset_file(document, context)


def _listed_ids(path: Path, context: ReadContext) -> Iterator[str]:
    try:
        document = context.load(path)
        entries = _project(document).entries(document.origin)
    except FormatError:
        return
    for id_, _, _ in entries:
        yield id_


def _list(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        text = f"its folder cannot be listed: {error.strerror or error}"
        raise FormatError(Code.UNREADABLE_FILE, text, origin=Origin(folder)) from None


def _id(value: object) -> str | None:
    if is_metadata(value):
        assert isinstance(value, dict)
        value = value["asset"]
    id_ = value.get("id") if isinstance(value, dict) else None
    return id_ if isinstance(id_, str) and id_ else None


def _name(value: object, fallback: str) -> str:
    """Return a name for an image whose entry is malformed."""
    if is_metadata(value):
        assert isinstance(value, dict)
        value = value["asset"]
    name = value.get("name") if isinstance(value, dict) else None
    return Asset(id=fallback, name=name if isinstance(name, str) else None).file_name
