"""COCO: one JSON file for all images."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from annotation_files.marks import Mark, Sheet, filled

HOLDS_HOLES = True


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images and one annotation file.

    Args:
        folder: Must exist.
        sheets: What to write.
        colors: Color of each label.
    """
    names = list(colors)
    (folder / "images").mkdir()
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, sheet in enumerate(sheets, 1):
        (folder / "images" / sheet.name).write_bytes(sheet.jpeg())
        size = {"width": sheet.width, "height": sheet.height}
        images.append({"id": number, "file_name": sheet.name, **size})
        for mark in sheet.marks:
            first = {"id": len(annotations) + 1, "image_id": number}
            category = {"category_id": names.index(mark.labels[0]) + 1}
            annotations.append(first | category | _region(mark, sheet))
    categories = [{"id": id_, "name": name} for id_, name in enumerate(names, 1)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(document), "utf-8")


def _region(mark: Mark, sheet: Sheet) -> dict[str, object]:
    """Return a polygon, or the run lengths of one with holes."""
    if not mark.holes:
        low, high = mark.points.min(axis=0), mark.points.max(axis=0)
        return {
            "segmentation": [mark.points.ravel().tolist()],
            "area": round(shapely.Polygon(mark.points).area, 2),
            "bbox": np.round([*low, *(high - low)], 2).tolist(),
            "iscrowd": 0,
        }
    inside = filled(mark.points, sheet.width, sheet.height)
    for hole in mark.holes:
        inside &= ~filled(hole, sheet.width, sheet.height)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return {
        "segmentation": {"size": [sheet.height, sheet.width], "counts": _runs(inside)},
        "area": int(inside.sum()),
        "bbox": [int(one) for one in (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)],
        "iscrowd": 0,
    }


def _runs(inside: NDArray[np.bool_]) -> list[int]:
    """Return the lengths of runs down the columns, the first one of background."""
    flat = np.concatenate(([False], inside.ravel("F")))
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    runs: list[int] = np.diff(edges, prepend=0, append=inside.size).tolist()
    return runs
