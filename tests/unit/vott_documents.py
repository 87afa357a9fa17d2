"""VoTT documents as the tool writes them, and what is read of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

from maskforge.formats.reader import AnnotationReader, read
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Level
from maskforge.shapes import Area, Points, Shape

ID = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
OTHER = "ffeeddccbbaa99887766554433221100"
NOT_VISITED, VISITED, TAGGED = 0, 1, 2
IMAGE, VIDEO, VIDEO_FRAME, TFRECORD = 1, 2, 3, 4

TRIANGLE = [(1.5, 2.0), (20.25, 3.0), (9.0, 30.5)]


def points(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in pairs]


def box(left: float = 2, top: float = 3, width: float = 10, height: float = 6) -> dict[str, float]:
    return {"left": left, "top": top, "width": width, "height": height}


def region(kind: str = "POLYGON", tags: Any = ("caries",), **keys: Any) -> dict[str, Any]:
    """A region as VoTT writes it; a key given as None is left out."""
    whole = {
        "id": "aB-3_x",
        "type": kind,
        "tags": list(tags) if isinstance(tags, tuple) else tags,
        "boundingBox": box(),
        "points": points(*TRIANGLE),
    } | keys
    return {key: value for key, value in whole.items() if value is not None}


def asset(id_: str = ID, name: str = "tooth.png", **keys: Any) -> dict[str, Any]:
    return {
        "format": "png",
        "id": id_,
        "name": name,
        "path": f"file:/Users/someone/images/{name}",
        "size": {"width": 100, "height": 80},
        "state": TAGGED,
        "type": IMAGE,
    } | keys


def metadata(*regions: Any, **keys: Any) -> dict[str, Any]:
    return {"asset": asset(**keys), "regions": list(regions), "version": "2.2.0"}


def project(*assets: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {
        "name": "teeth",
        "securityToken": "teeth Token",
        "sourceConnection": {"id": "s", "providerOptions": {"encrypted": "c2VjcmV0LXNvdXJjZQ=="}},
        "targetConnection": {"id": "t", "providerOptions": {"encrypted": "c2VjcmV0LXRhcmdldA=="}},
        "videoSettings": {"frameExtractionRate": 15},
        "tags": [{"name": "caries", "color": "#5db300"}, {"name": "crown", "color": "#e81123"}],
        "id": "pRoJect",
        "version": "2.1.0",
        "assets": {one["id"]: one for one in assets},
    } | keys


def export(*entries: dict[str, Any], **keys: Any) -> dict[str, Any]:
    whole = project(**{"assets": {entry["asset"]["id"]: entry for entry in entries}} | keys)
    return {key: value for key, value in whole.items() if not key.endswith("Connection")}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_asset(folder: Path, *regions: Any, id_: str = ID, **keys: Any) -> Path:
    return write(folder / f"{id_}-asset.json", metadata(*regions, id_=id_, **keys))


def image_file(path: Path, size: tuple[int, int] = (100, 80)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(path, "PNG")
    return path


def read_all(source: Path, **options: Any) -> tuple[list[AnnotatedImage], AnnotationReader]:
    reader = read(source, format="vott", **options)
    return list(reader), reader


def read_one(source: Path, **options: Any) -> AnnotatedImage:
    (image,), reader = read_all(source, **options)
    assert not [issue for issue in reader.issues if issue.level is Level.REFUSED]
    return image


def read_region(tmp_path: Path, record: Any) -> AnnotatedImage:
    return read_one(write_asset(tmp_path, record))


def vertices(shape: Shape) -> Points:
    assert isinstance(shape.geometry, Area)
    (part,) = shape.geometry.parts
    assert part.holes == ()
    return part.exterior


def bounds(shape: Shape) -> tuple[float, ...]:
    corners = vertices(shape)
    return (*corners.min(axis=0), *corners.max(axis=0))


def codes(found: AnnotatedImage | AnnotationReader) -> list[Code]:
    return [issue.code for issue in found.issues if issue.code is not Code.IMAGE_MISSING]
