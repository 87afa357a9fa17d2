"""Masks of the bundled samples, beside what shapely makes of the same files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import shapely

import maskforge as mf

VALUES = {
    "dentine": 1,
    "pulp": 2,
    "enamel": 3,
    "restoration": 4,
    "caries": 5,
    "secondary caries": 5,
}
SHARED = "labelme/bitewing-01.json"


def test_the_mask_is_the_one_that_shapely_finds(samples: Path) -> None:
    document = json.loads((samples / SHARED).read_text())
    height, width = document["imageHeight"], document["imageWidth"]
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    expected = np.zeros((height, width), dtype=np.uint8)
    on_an_edge = np.zeros((height, width), dtype=bool)
    for shape in document["shapes"]:
        assert shape["shape_type"] == "polygon"
        polygon = shapely.Polygon(shape["points"])
        shapely.prepare(polygon)
        inside = shapely.contains_xy(polygon, x, y)
        expected[inside] = VALUES[shape["label"]]
        on_an_edge |= shapely.intersects_xy(polygon, x, y) & ~inside
    (image,) = mf.read(samples / SHARED)
    mask = mf.draw(image, mf.load_class_map(samples / "classes.toml")).mask
    differs = mask != expected
    assert not (differs & ~on_an_edge).any()
    assert on_an_edge.sum() < 20
    assert len(np.unique(expected)) == 6
