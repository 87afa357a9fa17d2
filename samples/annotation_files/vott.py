"""VoTT 2: a project file, and an asset file for every image that has regions."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

import numpy as np

from annotation_files.marks import Mark, Sheet

Asset: TypeAlias = dict[str, object]

_VERSION = "2.2.0"
_FOLDER = "file:/home/annotator/radiographs/"  # VoTT writes where the images once were
_REGION_TYPES = {"rectangle": "RECTANGLE", "line": "POLYLINE", "point": "POINT"}
_NOT_VISITED, _VISITED, _TAGGED = 0, 1, 2
_IMAGE = 1


def write_sheet(folder: Path, sheet: Sheet) -> Asset:
    """Write an image, and its asset file if there are regions.

    Args:
        folder: Must exist.
        sheet: What to write.

    Returns:
        What the project file says about the image.
    """
    (folder / sheet.name).write_bytes(sheet.jpeg())
    asset = _asset(sheet)
    if asset["state"] == _TAGGED:
        regions = [_region(mark, f"{sheet.name} {n}") for n, mark in enumerate(sheet.marks)]
        document = {"asset": asset, "regions": regions, "version": _VERSION}
        _dump(folder / f"{asset['id']}-asset.json", document)
    return asset


def write_project(
    folder: Path, assets: Sequence[Asset], *, name: str, tags: Mapping[str, str]
) -> None:
    """Write the project file.

    Args:
        folder: Where the assets are.
        assets: In the project's order.
        name: Of the project.
        tags: The project's tags with their colors, ``#rrggbb``.
    """
    connection = {
        "name": "radiographs",
        "providerType": "localFileSystemProxy",
        "providerOptions": {"encrypted": ""},
        "id": _short_id("connection"),
    }
    document = {
        "name": name,
        "securityToken": f"{name} Token",
        "useSecurityToken": True,
        "sourceConnection": connection,
        "targetConnection": connection,
        "videoSettings": {"frameExtractionRate": 15},
        "tags": [{"name": tag, "color": color} for tag, color in tags.items()],
        "id": _short_id(name),
        "activeLearningSettings": {
            "autoDetect": False,
            "predictTag": True,
            "modelPathType": "coco",
        },
        "version": _VERSION,
        "lastVisitedAssetId": assets[0]["id"],
        "assets": {str(asset["id"]): asset for asset in assets},
    }
    _dump(folder / f"{name}.vott", document)


def _asset(sheet: Sheet) -> Asset:
    name = quote(sheet.name)
    state = (_TAGGED if sheet.marks else _VISITED) if sheet.visited else _NOT_VISITED
    return {
        "format": Path(sheet.name).suffix[1:],
        "id": hashlib.md5((_FOLDER + name).encode(), usedforsecurity=False).hexdigest(),
        "name": name,
        "path": _FOLDER + name,
        "size": {"width": sheet.width, "height": sheet.height} if sheet.visited else None,
        "state": state,
        "type": _IMAGE,
    }


def _region(mark: Mark, key: str) -> dict[str, object]:
    (left, top), (right, bottom) = mark.points.min(axis=0), mark.points.max(axis=0)
    points = mark.points
    if mark.kind == "rectangle":
        points = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    return {
        "id": _short_id(key),
        "type": _REGION_TYPES.get(mark.kind, "POLYGON"),
        "tags": list(mark.labels),
        "boundingBox": {
            "height": round(float(bottom - top), 2),
            "width": round(float(right - left), 2),
            "left": float(left),
            "top": float(top),
        },
        "points": [{"x": x, "y": y} for x, y in points.tolist()],
    }


def _short_id(key: str) -> str:
    digest = hashlib.md5(key.encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode()[:9]


def _dump(path: Path, document: Mapping[str, object]) -> None:
    path.write_text(json.dumps(document, indent=4, ensure_ascii=False), "utf-8")
