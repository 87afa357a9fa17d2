"""Writing a VIA project: one file for all images."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from maskforge.errors import FormatError
from maskforge.files import dump_record
from maskforge.formats.addresses import is_address
from maskforge.formats.base import with_left_over
from maskforge.formats.jsonio import load
from maskforge.formats.via.class_attribute import (
    CLASS,
    GROUP,
    SCORE,
    ClassAttribute,
    find_class_attribute,
)
from maskforge.formats.via.metadata import EMBEDDED, default_path
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage
from maskforge.shapes import Area, Points, PointSet, Polyline, Shape

_FILE = "via_project.json"
_TAGS = "tags"
_FEW = 5
"""More options than that are shown as a list, as VIA does itself."""


class ViaWriter(Writer):
    """One project, as VIA 2.0.10 and later writes and reads it."""

    title = "VGG Image Annotator (VIA)"
    holds = Holds(
        holes=("cut",),
        lines=True,
        points=True,
        labels=True,
        unlabeled=True,
        instances=True,
        scores=True,
        tags=True,
    )

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._images: list[tuple[WrittenImage, str]] = []
        self._projects: dict[Path, dict[str, Any]] = {}

    def add(self, image: WrittenImage) -> None:
        """Take an image into the project."""
        if image.is_own and image.origin.file not in self._projects:
            self._projects[image.origin.file] = _project(image.origin.file)
        path = self._path(image)
        # What is drawn of it, or was in it, would fill the memory until the end.
        self._images.append((replace(image, content=None, draw=_undrawn), path))

    def _path(self, image: WrittenImage) -> str:
        """Return the path of an image; what nobody has found stays as it is written."""
        written = image.extra.get("filename")
        is_found = image.file is not None or image.content is not None
        if image.is_own and not is_found and isinstance(written, str):
            prefix = default_path(self._projects[image.origin.file])
            return written if is_address(written) else prefix + written
        return self._context.image_path(image, image.path)

    def finish(self) -> None:
        """Write the project."""
        projects = list(self._projects.values())
        kept = {key: value for one in reversed(projects) for key, value in one.items()}
        declared = _merged(projects)
        classes = self._class_attribute(declared)
        folders = {_folder(path) for _, path in self._images}
        folder = folders.pop() if len(folders) == 1 else "."
        metadata: dict[str, object] = {}
        for image, path in self._images:
            entry = self._entry(image, path, folder, classes)
            metadata[_free_key(f"{entry['filename']}{entry['size']}", metadata)] = entry
        settings = kept.get("_via_settings") or {"ui": {}, "project": {"name": "maskforge"}}
        core = settings.get("core") if isinstance(settings, dict) else None
        core = {"buffer_size": 18, "filepath": {}} | (core if isinstance(core, dict) else {})
        core["default_filepath"] = "" if folder == "." else f"{folder}/"
        document = kept | {
            "_via_settings": settings | {"core": core},
            "_via_img_metadata": metadata,
            "_via_attributes": self._attributes(declared, classes),
            "_via_data_format_version": kept.get("_via_data_format_version", "2.0.10"),
            "_via_image_id_list": list(metadata),
        }
        self._context.write(_FILE, dump_record(document, indent=1))

    def _class_attribute(self, declared: Mapping[str, Any]) -> ClassAttribute:
        """Return where own images have their class, so that the others get theirs there, too."""
        own = (
            shape.extra.get("region_attributes")
            for image, _ in self._images
            if image.is_own
            for shape in image.shapes
        )
        found = find_class_attribute(own, declared.get("region"))
        return found if found.keys else ClassAttribute((CLASS,))

    def _entry(
        self, image: WrittenImage, path: str, folder: str, classes: ClassAttribute
    ) -> dict[str, Any]:
        records = [_region(shape, classes, own=image.is_own) for shape in image.shapes]
        filename = path if folder == "." else path.removeprefix(f"{folder}/")
        size: object = -1
        with contextlib.suppress(OSError):
            size = image.file.stat().st_size if image.file is not None else -1
        new: dict[str, Any] = {"width": image.size.width, "height": image.size.height}
        if image.tags:
            new[_TAGS] = dict.fromkeys(image.tags, True)
        own = {key: one for key, one in image.own.items() if key != EMBEDDED}
        entry = {"file_attributes": new, **own}
        return {
            **entry,
            "filename": filename,
            "size": entry.get("size", size),
            "regions": with_left_over(image.shapes, records, image.own.get("regions")),
        }

    def _attributes(self, declared: dict[str, Any], classes: ClassAttribute) -> dict[str, Any]:
        region = declared["region"]
        new = [shape for image, _ in self._images if not image.is_own for shape in image.shapes]
        key = classes.keys[0]
        if key not in region and self._images:
            several = any(len(shape.labels) > 1 for shape in new)
            few = "radio" if len(self._context.classes) <= _FEW else "dropdown"
            region[key] = _attribute("checkbox" if several else few)
            shapes = [shape for image, _ in self._images for shape in image.shapes]
            labels = [label for shape in shapes for label in shape.labels]
            region[key]["options"] = dict.fromkeys(labels, "")
        for name, is_used in (
            (GROUP, any(shape.instance is not None for shape in new)),
            (SCORE, any(shape.score is not None for shape in new)),
        ):
            if is_used:
                region.setdefault(name, _attribute("text"))
        file = declared["file"]
        if any(not image.is_own for image, _ in self._images):
            file.setdefault("width", _attribute("text"))
            file.setdefault("height", _attribute("text"))
        tags = [tag for image, _ in self._images if not image.is_own for tag in image.tags]
        if tags:
            file.setdefault(_TAGS, _attribute("checkbox") | {"options": dict.fromkeys(tags, "")})
        return declared


def _folder(path: str) -> str:
    return "." if is_address(path) else str(PurePosixPath(path).parent)


def _undrawn() -> NoReturn:
    raise AssertionError("a project holds no pixels")


def _project(path: Path) -> dict[str, Any]:
    """Return what a project says beside its images; nothing if it is an export."""
    with contextlib.suppress(FormatError):
        root = load(path).root
        if isinstance(root, dict) and "_via_img_metadata" in root:
            return {key: one for key, one in root.items() if key != "_via_img_metadata"}
    return {}


def _merged(projects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the attributes of all projects; where two differ, the first one counts."""
    merged: dict[str, dict[str, Any]] = {"region": {}, "file": {}}
    for project in projects:
        for about, attributes in merged.items():
            found = project.get("_via_attributes")
            known = found.get(about) if isinstance(found, dict) else None
            if isinstance(known, dict):
                attributes |= {key: one for key, one in known.items() if key not in attributes}
    return merged


def _attribute(kind: str) -> dict[str, Any]:
    text = {"type": kind, "description": "", "default_value": ""}
    return text if kind == "text" else text | {"options": {}, "default_options": {}}


def _free_key(key: str, taken: Mapping[str, object]) -> str:
    while key in taken:
        key += "_"
    return key


def _region(shape: Shape, classes: ClassAttribute, *, own: bool) -> dict[str, Any]:
    extra = dict(shape.extra) if own else {}
    given = extra.pop("region_attributes", None)
    attributes: dict[str, Any] = dict(given) if isinstance(given, dict) else {}
    if classes.labels(attributes) != shape.labels:
        labels = shape.labels
        attributes[classes.keys[0]] = labels[0] if len(labels) == 1 else dict.fromkeys(labels, True)
    if shape.instance is not None:
        attributes.setdefault(GROUP, shape.instance)
    if shape.score is not None:
        attributes.setdefault(SCORE, shape.score)
    drawn = dict(shape.primitive or {}) if own else {}
    return {
        "shape_attributes": drawn.get("shape_attributes") or _drawn(shape),
        "region_attributes": attributes,
        **extra,
    }


def _drawn(shape: Shape) -> dict[str, Any]:
    match shape.geometry:
        case Area(parts=(polygon,)):
            return {"name": "polygon", **_points(polygon.exterior)}
        case Polyline(points):
            return {"name": "polyline", **_points(points)}
        case PointSet(points):
            ((x, y),) = points.tolist()
            return {"name": "point", "cx": x, "cy": y}
    raise AssertionError(shape.geometry)


def _points(points: Points) -> dict[str, list[float]]:
    return {"all_points_x": points[:, 0].tolist(), "all_points_y": points[:, 1].tolist()}


WRITERS = {"via": ViaWriter}
