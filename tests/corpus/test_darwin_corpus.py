"""Real items of V7, from the test data of its own library, against plain counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import maskforge as mf
from maskforge.issues import Code
from maskforge.shapes import Bitmap


@pytest.fixture(scope="module")
def folder(corpus: Path) -> Path:
    return corpus / "darwin"


def test_every_annotation_is_a_shape_or_says_why_not(folder):
    kinds: Counter[str] = Counter()
    images = list(mf.read(folder, size=(2000, 2000)))
    for image in images:
        assert image.refusal is None
        kinds.update(shape.kind for shape in image.shapes)
        kinds.update(issue.code for issue in image.issues if issue.loses_record)
    records = [
        one
        for path in folder.rglob("*.json")
        if ".v7" not in path.parts
        for one in json.loads(path.read_text())["annotations"]
    ]
    assert sum(kinds.values()) == len(records) == 331
    assert (kinds["polygon"], kinds["mask"], kinds[Code.NOT_DRAWABLE]) == (41, 47, 24)
    names = [image.image.name for image in images if "item" not in image.origin.pointer]
    assert len(images) - len(names) == 3  # the slots of one item


def test_masks_are_the_runs_one_after_the_other(folder):
    """Decoded here in the plainest way there is."""
    compared = 0
    for path in sorted(folder.rglob("image_new_basic_annotations/*.json")):
        root = json.loads(path.read_text())
        (image,) = mf.read(path)
        (layer,) = [one["raster_layer"] for one in root["annotations"] if "raster_layer" in one]
        runs = np.array(layer["dense_rle"]).reshape(-1, 2)
        width, height = image.image.size
        values = np.repeat(runs[:, 0], runs[:, 1]).reshape(height, width)
        for shape in image.shapes:
            if isinstance(shape.geometry, Bitmap):
                number = layer["mask_annotation_ids_mapping"][shape.extra["id"]]
                drawn = mf.rasterize([shape.geometry], image.image.size) > 0
                assert (drawn == (values == number)).all()
                compared += 1
    assert compared == 8
