"""Writing projects of VoTT version 2: the ``.vott`` file, files of tagged assets, the JSON export.

What VoTT expects was read in its source, microsoft/VoTT: an asset is known by the MD5 of its path
(``src/services/assetService.ts``), paths are absolute, and a project opens without a security token
if it does not use one (``src/services/projectService.ts``). The export of all assets is what
``src/providers/export/vottJson.ts`` makes of the project.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from maskforge.display.colors import default_color
from maskforge.errors import FormatError
from maskforge.files import dump_record
from maskforge.formats.base import is_upright_box, with_left_over
from maskforge.formats.jsonio import load
from maskforge.formats.vott.asset import AssetState, AssetType
from maskforge.formats.vott.known import JSON_EXPORT_FOLDER
from maskforge.formats.vott.project import ASSET_FILE_SUFFIX, PROJECT_SUFFIX
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage, as_objects
from maskforge.geometry import bounds
from maskforge.shapes import Area, ImageState, PointSet, Polyline, Shape

_VERSION = "2.2.0"
_UNENCODED = "/;,:@&=+$-_.!~*'()"
"""What ``encodeURI`` of JavaScript leaves as it is, but for ``?`` and ``#``."""

_IMAGE_FORMATS = frozenset(("gif", "jpg", "jpeg", "tif", "tiff", "png", "bmp"))
_WITHOUT_FILE = (AssetType.VIDEO, AssetType.VIDEO_FRAME, AssetType.TFRECORD)
_OF_ONE_PLACE = ("sourceConnection", "targetConnection", "securityToken", "exportFormat")
"""Keys of a project that say where it lies, or are encrypted with a token that is elsewhere."""

_NOT_EXPORTED = ("sourceConnection", "targetConnection", "exportFormat")
_BLANK = re.compile(r"\s")


class VottWriter(Writer):
    """One project of all images."""

    title = "VoTT"
    holds = Holds(
        lines=True, points=True, labels=True, unlabeled=True, unvisited=True, upright=False
    )

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._assets: dict[str, dict[str, Any]] = {}
        self._exported: dict[str, msgspec.Raw] = {}
        self._ids: dict[str, str] = {}
        self._labels: dict[str, None] = {}
        self._folders: set[Path] = set()
        self._projects = OwnProjects()

    def add(self, image: WrittenImage) -> None:
        """Write the file of an asset, if it has regions, and remember the asset."""
        known = _known(image)
        regions = _regions(image, own=bool(known))
        asset = self._asset(image, known, is_tagged=bool(regions))
        self._assets[asset["id"]] = asset
        self._labels.update((label, None) for one in image.shapes for label in one.labels)
        if known:
            self._ids[str(known.get("id"))] = asset["id"]
            self._projects.use(image.origin.file, str(known.get("id")))
        rest = {key: one for key, one in image.extra.items() if known and key != "regions"}
        document = {"version": _VERSION, **rest, "asset": asset, "regions": regions}
        if regions:
            content = dump_record(document, indent=4)
            self._context.write(f"{asset['id']}{ASSET_FILE_SUFFIX}", content)
        if asset.get("type") != AssetType.VIDEO:
            self._exported[asset["id"]] = msgspec.Raw(msgspec.json.encode(document))

    def finish(self) -> None:
        """Write the project, and its export."""
        folder = self._context.folder
        known = self._projects.only
        name = str(known.get("name") or folder.name)
        images = common_folder(self._folders) or folder
        last = self._ids.get(str(known.get("lastVisitedAssetId")), next(iter(self._assets), None))
        new = {
            "id": short_id(name),
            "videoSettings": {"frameExtractionRate": 15},
            "activeLearningSettings": {
                "autoDetect": False,
                "predictTag": True,
                "modelPathType": "coco",
            },
            "version": _VERSION,
        }
        document = {
            **new,
            **{key: one for key, one in known.items() if key not in _OF_ONE_PLACE},
            "name": name,
            "useSecurityToken": False,
            "sourceConnection": _connection(f"{name} images", images),
            "targetConnection": _connection(f"{name} project", folder),
            "tags": self._tags(),
            "lastVisitedAssetId": last,
            "assets": self._assets,
        }
        self._context.write(f"{name}{PROJECT_SUFFIX}", dump_record(document, indent=4))
        exported = {key: one for key, one in document.items() if key not in _NOT_EXPORTED}
        path = f"{JSON_EXPORT_FOLDER}/{_BLANK.sub('-', name)}-export.json"
        self._context.write(path, dump_record(exported | {"assets": self._exported}, indent=4))

    def _asset(
        self, image: WrittenImage, known: dict[str, Any], *, is_tagged: bool
    ) -> dict[str, Any]:
        """Return what is written about an image as a whole."""
        visited = AssetState.NOT_VISITED
        if image.state is not ImageState.UNVISITED:
            visited = AssetState.TAGGED if is_tagged else AssetState.VISITED
        asset = {"size": None, "state": int(visited), **known}
        if asset["size"] is not None or is_tagged or not known:  # VoTT measures what it shows
            asset["size"] = {"width": image.size.width, "height": image.size.height}
        is_unknown = image.file is None and known.get("path")
        if not is_unknown and known.get("type") not in _WITHOUT_FILE:
            asset |= self._place(image, known)
        asset["id"] = self._free_id(str(asset.get("id") or _id(str(asset.get("path")))))
        if image.is_predicted or image.is_scored:
            asset["predicted"] = True
        return asset

    def _place(self, image: WrittenImage, known: dict[str, Any]) -> dict[str, Any]:
        """Return what an asset says about the place of its image, if it is not where it was."""
        seen = self._context.image_path(image, image.path)
        file = Path(os.path.normpath(self._context.folder / seen))
        self._folders.add(file.parent)
        path = f"file:{quote(file.as_posix(), safe=_UNENCODED)}"
        if path == known.get("path"):
            return {}
        name = path.rpartition("/")[2]
        format_ = name.rpartition(".")[2]
        is_image = format_.lower() in _IMAGE_FORMATS
        type_ = AssetType.IMAGE if is_image else AssetType.UNKNOWN
        place = {"name": name, "path": path, "format": format_, "type": int(type_)}
        return {**place, "id": _id(path)}

    def _free_id(self, id_: str) -> str:
        """Return an id that no asset has yet: several people may have annotated an image."""
        free, number = id_, 2
        while free in self._assets:
            free, number = _id(f"{id_} {number}"), number + 1
        return free

    def _tags(self) -> list[dict[str, Any]]:
        """Return the tags of own projects, or else the classes, and labels that are neither."""
        tags: dict[str, dict[str, Any]] = {}
        for tag in self._projects.tags:
            tags.setdefault(tag["name"], tag)
        colors = {one.name: one.color for one in self._context.classes}
        named = [one.name for one in self._context.classes if one.is_foreground]
        for label in [*([] if tags else named), *self._labels]:
            color = "#{:02x}{:02x}{:02x}".format(*(colors.get(label) or default_color(len(tags))))
            tags.setdefault(label, {"name": label, "color": color})
        return list(tags.values())


class OwnProjects:
    """The projects that images were read from: their names, tags and settings are kept."""

    def __init__(self) -> None:
        self._loaded: dict[Path, dict[str, Any]] = {}
        self._used: dict[Path, dict[str, Any]] = {}

    def use(self, file: Path, id_: str) -> None:
        """Take the project that lists an asset, or the export that holds it.

        Args:
            file: Where the asset was read: its asset file, a project, or an export.
            id_: Its id.
        """
        is_asset_file = file.name.endswith(ASSET_FILE_SUFFIX)
        for path in sorted(file.parent.glob(f"*{PROJECT_SUFFIX}")) if is_asset_file else [file]:
            if path not in self._loaded:
                self._loaded[path] = _project(path)
            if _lists(self._loaded[path], id_):
                self._used[path] = self._loaded[path]
                return

    @property
    def only(self) -> dict[str, Any]:
        """The project of all images; empty if there is none, or more than one."""
        used = list(self._used.values())
        return used[0] if len(used) == 1 else {}

    @property
    def tags(self) -> list[dict[str, Any]]:
        """The tags of all projects, in their order."""
        tags = [tag for one in self._used.values() for tag in one.get("tags") or []]
        return [one for one in tags if isinstance(one, dict) and isinstance(one.get("name"), str)]


def _project(file: Path) -> dict[str, Any]:
    """Return what a project file or an export says, named as the file is; empty if it cannot."""
    with contextlib.suppress(FormatError):
        root = load(file).root
        if isinstance(root, dict):
            return {**root, "name": file.stem.removesuffix("-export")}
    return {}


def _lists(project: Mapping[str, Any], id_: str) -> bool:
    assets = project.get("assets")
    if isinstance(assets, dict):
        return id_ in assets
    return isinstance(assets, list)


def _known(image: WrittenImage) -> dict[str, Any]:
    """Return what a file of version 2 said about the image; empty if there is none."""
    asset = image.own.get("asset")
    return dict(asset) if isinstance(asset, dict) else {}


def _regions(image: WrittenImage, *, own: bool) -> list[object]:
    records = [
        _region(shape, short_id(f"{image.name} {number}"), own=own)
        for number, shape in enumerate(image.shapes)
    ]
    return with_left_over(image.shapes, records, image.extra.get("regions") if own else None)


def _region(shape: Shape, id_: str, *, own: bool) -> dict[str, object]:
    kind, geometry = shape.kind.upper(), shape.geometry
    tags = list(shape.labels)
    if own and shape.primitive is not None:
        return {"id": id_, "type": shape.kind, "tags": tags, **shape.primitive, **shape.extra}
    match geometry:
        case Area(parts=(polygon,)):
            drawn, points = "POLYGON", polygon.exterior
        case Polyline(points):
            drawn = "POLYLINE"
        case PointSet(points):
            drawn = "POINT"
        case _:
            raise AssertionError(geometry)
    left, top, right, bottom = bounds(points)
    box = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    if isinstance(geometry, Area) and kind != "POLYGON" and is_upright_box(polygon):
        is_exact = (left + (right - left), top + (bottom - top)) == (right, bottom)
        drawn = "RECTANGLE" if is_exact else drawn
    extra = shape.extra if own else {}
    is_same = _is_near(extra.get("boundingBox"), box)  # what VoTT worked out, to the last digit
    return {
        "id": id_,
        "type": shape.kind if own and kind == drawn else drawn,
        "tags": tags,
        **extra,
        "boundingBox": extra["boundingBox"] if is_same else box,
        "points": as_objects(points),
    }


def _is_near(value: object, box: dict[str, float]) -> bool:
    """Tell whether a bounding box is the one of these points, but for rounding."""
    if not isinstance(value, dict):
        return False
    numbers = {key: value.get(key) for key in box}
    return all(
        isinstance(one, int | float) and abs(one - box[key]) < 1 for key, one in numbers.items()
    )


def _id(path: str) -> str:
    return hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()


def short_id(key: str) -> str:
    """Return an id as VoTT gives to regions, connections and projects, but the same every time."""
    digest = hashlib.md5(key.encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode()[:9]


def _connection(name: str, folder: Path) -> dict[str, object]:
    """Return a connection to a folder of this machine, without a token to encrypt it."""
    return {
        "name": name,
        "id": short_id(name),
        "providerType": "localFileSystemProxy",
        "providerOptions": {"folderPath": str(folder)},
    }


def common_folder(folders: Iterable[Path]) -> Path | None:
    """Return the folder that all are in; None if there is none."""
    with contextlib.suppress(ValueError):  # none at all, or on different drives
        return Path(os.path.commonpath(list(folders)))
    return None


WRITERS = {"vott": VottWriter}
