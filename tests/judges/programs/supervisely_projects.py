"""Read the annotations below a folder as Supervisely's own package does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import supervisely as sly


def main(folder: str, is_whole: str) -> dict[str, Any]:
    found = {}
    for file in sorted(Path(folder).rglob("meta.json")):
        if is_whole == "whole":
            sly.Project(str(file.parent), sly.OpenMode.READ)
        meta = sly.ProjectMeta.from_json(json.loads(file.read_text("utf-8")))
        for path in sorted(file.parent.rglob("ann/*.json")):
            root = json.loads(path.read_text("utf-8"))
            annotation = sly.Annotation.from_json(root, meta)
            sent = [sent_of(one) for one in root["objects"]]
            found[path.relative_to(folder).as_posix()] = {
                "size": annotation.img_size[::-1],
                "tags": [tag.name for tag in annotation.img_tags],
                "objects": [
                    told(label) | {"sent": one}
                    for label, one in zip(annotation.labels, sent, strict=True)
                ],
            }
    return found


def sent_of(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return an object as it is sent to the tool; it gives up on cuboids."""
    if record.get("geometryType") == "cuboid":
        return None
    sized = {"objects": [record], "size": {"height": 1, "width": 1}}
    (sent,) = sly.Annotation._to_subpixel_coordinate_system_json(sized)["objects"]
    return sent


def told(label: sly.Label) -> dict[str, Any]:
    geometry = label.geometry
    bitmap = None
    if isinstance(geometry, sly.Bitmap):
        shape, data = geometry.data.shape, geometry.data.astype(bool).tobytes()
        bitmap = [geometry.origin.row, geometry.origin.col, shape, hashlib.sha256(data).hexdigest()]
    return {
        "class": label.obj_class.name,
        "kind": geometry.geometry_name(),
        "tags": {tag.name: tag.value for tag in label.tags},
        "instance": label.binding_key,
        "bitmap": bitmap,
    }
