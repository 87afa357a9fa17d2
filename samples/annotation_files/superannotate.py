"""SuperAnnotate: JSON beside the images, for vector and for pixel projects, and the classes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation_files.marks import Mark, Sheet, filled

_PROJECT = 416250
_FIRST_CLASS = 2871300
_DATE = "2024-03-18T09:26:53.000Z"
_PERSON = {"email": "annotator@example.org", "role": "Annotator"}
_COLOR_STEP = 15  # the tool numbers parts by colors 15, 30, 45, ... as 24-bit numbers


def write_classes(folder: Path, colors: Mapping[str, str]) -> None:
    """Write ``classes/classes.json`` into the root folder of an export."""
    classes = [
        {
            "id": _FIRST_CLASS + number,
            "project_id": _PROJECT,
            "name": name,
            "color": color,
            "type": "object",
            "count": 0,
            "createdAt": _DATE,
            "updatedAt": _DATE,
            "attribute_groups": [],
        }
        for number, (name, color) in enumerate(colors.items())
    ]
    (folder / "classes").mkdir(parents=True, exist_ok=True)
    _dump(folder / "classes" / "classes.json", classes)


def write_vector(folder: Path, sheet: Sheet, classes: Sequence[str], *, suffix: str = "") -> None:
    """Write an image and its vector annotations.

    Args:
        folder: Must exist.
        sheet: What to write; the tool writes a file for every image of a project.
        classes: Names in the order of ``classes.json``.
        suffix: ``___objects`` for the names that were used until 2022.
    """
    (folder / sheet.name).write_bytes(sheet.jpeg())
    write_annotations(folder, sheet, classes, suffix=suffix)


def write_annotations(
    folder: Path, sheet: Sheet, classes: Sequence[str], *, suffix: str = ""
) -> None:
    """Write the vector annotations of an image alone; see ``write_vector``."""
    instances = [_common(mark, classes) | _geometry(mark) for mark in sheet.marks]
    _dump(folder / f"{sheet.name}{suffix}.json", _document(sheet, instances))


def write_pixel(folder: Path, sheet: Sheet, classes: Sequence[str]) -> None:
    """Write an image and its pixel annotations; later marks cover earlier ones.

    Args:
        folder: Must exist.
        sheet: What to write; only polygons.
        classes: Names in the order of ``classes.json``.
    """
    (folder / sheet.name).write_bytes(sheet.jpeg())
    owner = np.full((sheet.height, sheet.width), -1)
    for index, mark in enumerate(sheet.marks):
        owner[filled(mark.points, sheet.width, sheet.height)] = index
    colors = np.zeros(owner.shape, np.int64)
    instances = []
    for index, mark in enumerate(sheet.marks):
        parts = _paint(owner == index, colors)
        if parts:
            instances.append(_common(mark, classes) | {"parts": parts})
    channels = [colors & 255, colors >> 8 & 255, colors >> 16, 255 * (colors > 0)]
    _, data = cv2.imencode(".png", np.dstack(channels).astype(np.uint8))
    (folder / f"{sheet.name}___save.png").write_bytes(data.tobytes())
    _dump(folder / f"{sheet.name}___pixel.json", _document(sheet, instances))


def _paint(region: NDArray[np.bool_], colors: NDArray[np.int64]) -> list[dict[str, str]]:
    """Give every connected part of a region the next free color."""
    count, numbers = cv2.connectedComponents(region.astype(np.uint8), connectivity=4)
    first = int(colors.max())
    colors[region] = first + _COLOR_STEP * numbers[region]
    return [{"color": f"#{first + _COLOR_STEP * part:06x}"} for part in range(1, count)]


def _document(sheet: Sheet, instances: list[dict[str, object]]) -> dict[str, object]:
    metadata = {
        "name": sheet.name,
        "width": sheet.width,
        "height": sheet.height,
        "status": "Completed" if sheet.visited else "NotStarted",
        "pinned": False,
        "isPredicted": False,
        "projectId": _PROJECT,
        "annotatorEmail": _PERSON["email"],
        "qaEmail": None,
        "lastAction": {"email": _PERSON["email"], "timestamp": 1710754013000},
    }
    return {"metadata": metadata, "instances": instances, "tags": [], "comments": []}


def _common(mark: Mark, classes: Sequence[str]) -> dict[str, object]:
    return {
        "classId": _FIRST_CLASS + classes.index(mark.labels[0]),
        "className": mark.labels[0],
        "probability": 100,
        "visible": True,
        "locked": False,
        "groupId": mark.group or 0,
        "attributes": [],
        "trackingId": None,
        "error": None,
        "createdAt": _DATE,
        "createdBy": _PERSON,
        "creationType": "Manual",
        "updatedAt": _DATE,
        "updatedBy": _PERSON,
    }


def _geometry(mark: Mark) -> dict[str, object]:
    points = mark.points
    own: dict[str, object]
    match mark.kind:
        case "polygon":
            holes = [hole.ravel().tolist() for hole in mark.holes]
            own = {"type": "polygon", "points": points.ravel().tolist(), "exclude": holes}
        case "rectangle":
            (x1, y1), (x2, y2) = points.tolist()
            own = {"type": "bbox", "points": {"x1": x1, "y1": y1, "x2": x2, "y2": y2}}
        case "ellipse":
            oval = mark.oval
            own = {"type": "ellipse", "cx": oval.x, "cy": oval.y, "rx": oval.along}
            own |= {"ry": oval.across, "angle": oval.degrees}
        case "line":
            own = {"type": "polyline", "points": points.ravel().tolist()}
        case "point":
            own = {"type": "point", "x": float(points[0, 0]), "y": float(points[0, 1])}
        case _:
            raise ValueError(f"SuperAnnotate has no {mark.kind}")
    return own | {"pointLabels": {}}


def _dump(path: Path, document: object) -> None:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    path.write_text(text, "utf-8")
