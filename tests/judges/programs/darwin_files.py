"""Reads Darwin's files as V7's own library does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from darwin.exporter.formats.mask import rle_decode
from darwin.utils import parse_darwin_json


def main(folder: str) -> dict[str, Any]:
    """Return the annotations of every file: kind, label, and what was drawn.

    Args:
        folder: The folder, whose sub-folders are looked at, too.
    """
    found: dict[str, Any] = {}
    for path in sorted(Path(folder).rglob("[!.]*.json")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        parsed = parse_darwin_json(path)
        assert parsed is not None
        size = [parsed.image_width, parsed.image_height]
        shapes = [_shape(one) for one in parsed.annotations]
        found[path.relative_to(folder).as_posix()] = [parsed.filename, size, shapes]
    return found


def _shape(one: Any) -> Any:
    kind = one.annotation_class.annotation_type
    data = one.data
    if kind == "raster_layer":
        mapping = data["mask_annotation_ids_mapping"]
        pixels = rle_decode(
            data["dense_rle"], {number: number for number in (0, *mapping.values())}
        )
        runs: dict[str, list[int]] = {}
        for id_, number in mapping.items():
            edges = [index for index, value in enumerate(pixels) if value == number]
            runs[id_] = [len(edges), edges[0] if edges else -1, edges[-1] if edges else -1]
        return [kind, one.annotation_class.name, runs, None]
    drawn = data.get("paths", data.get("path")) if isinstance(data, dict) else data
    return [kind, one.annotation_class.name, drawn, one.id]
