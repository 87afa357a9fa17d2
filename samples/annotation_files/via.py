"""VIA 2: one project file beside the images."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from annotation_files.marks import Mark, Sheet

HOLDS_HOLES = False


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images and the project that lists them.

    Args:
        folder: Must exist.
        sheets: What to write.
        colors: The classes; VIA gives them colors itself.
    """
    metadata: dict[str, object] = {}
    for sheet in sheets:
        jpeg = sheet.jpeg()
        (folder / sheet.name).write_bytes(jpeg)
        metadata[f"{sheet.name}{len(jpeg)}"] = {
            "filename": sheet.name,
            "size": len(jpeg),
            "regions": [_region(mark) for mark in sheet.marks],
            "file_attributes": {"quality": {"sharp": True}},
        }
    tissue = {"type": "dropdown", "description": "", "default_options": {}}
    quality = {"type": "checkbox", "description": "", "default_options": {}}
    document = {
        "_via_settings": {
            "ui": {"image": {"region_label": "tissue", "region_color": "tissue"}},
            "core": {"buffer_size": 18, "filepath": {}, "default_filepath": ""},
            "project": {"name": "caries"},
        },
        "_via_img_metadata": metadata,
        "_via_attributes": {
            "region": {
                "tissue": tissue | {"options": dict.fromkeys(colors, "")},
                "note": {"type": "text", "description": "", "default_value": ""},
            },
            "file": {"quality": quality | {"options": {"sharp": "", "blurred": ""}}},
        },
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": list(metadata),
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    (folder / "caries.json").write_text(text, "utf-8")


def _region(mark: Mark) -> dict[str, object]:
    x, y = mark.points.T.tolist()
    return {
        "shape_attributes": {"name": mark.kind, "all_points_x": x, "all_points_y": y},
        "region_attributes": {"tissue": mark.labels[0], "note": mark.note},
    }
