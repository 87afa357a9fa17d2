"""One asset of VoTT version 2: an image or video frame, its state, and its regions."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from maskforge.errors import RecordError, shorten
from maskforge.formats.base import ImageRecord, left_over
from maskforge.formats.fields import declared_size
from maskforge.formats.jsonio import structure
from maskforge.formats.plainform import read_each
from maskforge.formats.vott.names import decoded_name, is_video_frame, written_places
from maskforge.formats.vott.region_records import FORM, read_region
from maskforge.images.suffixes import is_image_name
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.shapes import ImageState


class AssetState(enum.IntEnum):
    """How far somebody has come with an asset."""

    NOT_VISITED = 0
    VISITED = 1
    TAGGED = 2


class AssetType(enum.IntEnum):
    """What an asset is; VoTT decides by the suffix of the file."""

    UNKNOWN = 0
    IMAGE = 1
    VIDEO = 2
    VIDEO_FRAME = 3
    TFRECORD = 4


class Asset(msgspec.Struct):
    """The description of one image or video, as VoTT writes it."""

    id: str | None = None
    name: str | None = None
    path: str | None = None
    type: AssetType | None = None
    state: AssetState | None = None
    size: object = None

    @property
    def file_name(self) -> str:
        """File name of the image, decoded, without folders."""
        return decoded_name(self.name or "", self.path or "", self.id or "unnamed")


class _Metadata(msgspec.Struct):
    asset: dict[str, Any]
    regions: list[Any]


def read_asset(value: object, origin: Origin) -> Asset:
    """Check the description of an asset.

    Raises:
        RecordError: If it is malformed.
    """
    return structure(value, Asset, origin, Code.INVALID_IMAGE_RECORD)


def read_metadata(
    value: object,
    origin: Origin,
    beside: tuple[str, ...],
    *,
    listed: Asset | None = None,
    exported: bool = False,
) -> tuple[Asset, ImageRecord]:
    """Read an asset together with its regions.

    Args:
        value: The decoded object ``{asset, regions, version}``.
        origin: Its place.
        beside: Folders of the file and of its project, relative to the file.
        listed: What the project says about the asset; used for what the object leaves open.
        exported: Whether an export wrote the object, in which a tagged asset without regions
            means that its asset file was missing.

    Raises:
        RecordError: If anything but a single region is malformed.
    """
    fields = structure(value, _Metadata, origin, Code.INVALID_IMAGE_RECORD)
    asset = read_asset(fields.asset, origin.at(".asset"))
    if listed is not None:
        given = {key: one for key, one in msgspec.structs.asdict(asset).items() if one is not None}
        asset = msgspec.structs.replace(listed, **given)
    assert isinstance(value, dict)
    extra = {key: one for key, one in value.items() if key != "regions"}
    record = image_record(asset, fields.regions, origin, origin.at(".asset"), beside, extra)
    if exported and asset.state is AssetState.TAGGED and not fields.regions:
        record = lost(record, "the export says that it is tagged, but holds no regions for it")
    return asset, record


def image_record(
    asset: Asset,
    regions: list[Any],
    origin: Origin,
    place: Origin,
    beside: tuple[str, ...],
    extra: Mapping[str, object],
) -> ImageRecord:
    """Return what an asset and its regions say about an image.

    Args:
        asset: The asset.
        regions: Its regions.
        origin: Place of the object that holds both.
        place: Place of the asset.
        beside: Folders of the file and of its project, relative to the file.
        extra: The object without the regions.
    """
    listed = origin.at(".regions")
    unsized: list[Issue] = []
    size = declared_size(asset.size, place.at(".size"), unsized)
    shapes, issues = read_each(regions, listed, read_region, FORM, size=size)
    record = ImageRecord(
        asset.file_name,
        written_places(asset.name or "", asset.path or ""),
        tuple(shapes),
        _state(asset, regions),
        origin,
        declared=size,
        beside=beside,
        issues=(*issues, *unsized),
        extra={**extra, **left_over("regions", regions, shapes, listed)},
    )
    match asset.type:
        case AssetType.VIDEO:
            return of_image(record, "a video", "annotate its frames")
        case AssetType.TFRECORD:
            return of_image(record, "a TFRecord", "extract its image beside it")
        case AssetType.VIDEO_FRAME:
            return of_frame(record)
        case None if is_video_frame(record.name):
            return of_frame(record)
    return record


def of_frame(record: ImageRecord) -> ImageRecord:
    """Return the record of a video frame, refused unless somebody saved it as an image."""
    wanted = record.name if is_image_name(record.name) else f"{record.name}.png"
    return of_image(record, "a video frame", f"save the frame as an image called {wanted}")


def of_image(record: ImageRecord, what: str, hint: str) -> ImageRecord:
    """Return the record of something that is not an image, refused unless an image of it exists.

    Args:
        record: With the places in which the thing itself would be.
        what: For people: what the thing is.
        hint: For people: how to make an image of it.
    """
    unvisited = record.state is ImageState.UNVISITED
    issue = Issue(
        Code.VIDEO,
        f"{shorten(record.name)} is {what}, and there is no image of it",
        record.origin,
        hint,
        Level.IGNORED if unvisited else None,
    )
    return replace(record, unless_found=issue)


def lost(record: ImageRecord, text: str) -> ImageRecord:
    """Return a record refused because its regions are missing."""
    hint = "restore the asset file from a backup, or tag the image again"
    issue = Issue(Code.LOST_ANNOTATION, text, record.origin, hint)
    return replace(record, state=ImageState.ANNOTATED, issues=(*record.issues, issue))


def refused(error: RecordError, name: str, extra: Mapping[str, object]) -> ImageRecord:
    """Return the record of an image whose entry is malformed, with all that it holds."""
    return ImageRecord(
        name,
        (),
        (),
        ImageState.ANNOTATED,
        error.origin,
        issues=(error.issue(),),
        extra=extra,
    )


def _state(asset: Asset, regions: list[Any]) -> ImageState:
    if regions:
        return ImageState.ANNOTATED
    return (
        ImageState.EMPTY
        if asset.state in {AssetState.VISITED, AssetState.TAGGED}
        else ImageState.UNVISITED
    )
