"""Masks of the bundled samples, beside what shapely makes of the same files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
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
SHARED = {
    "labelme": "labelme/bitewing-01.json",
    "vott": "vott",
    "superannotate": "superannotate/vector/bitewing-01.jpg___objects.json",
}


def mask_of(samples: Path, source: str) -> np.ndarray:
    classes = mf.load_class_map(samples / "classes.toml")
    (image,) = (
        image for image in mf.read(samples / source) if image.image.name == "bitewing-01.jpg"
    )
    return mf.draw(image, classes).mask


@pytest.mark.parametrize("name", ["vott", "superannotate"])
def test_three_tools_with_the_same_drawing_give_the_same_mask(samples: Path, name: str) -> None:
    assert (mask_of(samples, SHARED[name]) == mask_of(samples, SHARED["labelme"])).all()


def test_the_mask_is_the_one_that_shapely_finds(samples: Path) -> None:
    document = json.loads((samples / SHARED["labelme"]).read_text())
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
    differs = mask_of(samples, SHARED["labelme"]) != expected
    assert not (differs & ~on_an_edge).any()
    assert on_an_edge.sum() < 20
    assert len(np.unique(expected)) == 6
