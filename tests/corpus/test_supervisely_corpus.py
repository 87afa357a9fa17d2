"""Real projects of Supervisely, from the test data of SuperAnnotate's library."""

from __future__ import annotations

import base64
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image

import maskforge as mf


@pytest.fixture(scope="module")
def images(corpus):
    return list(mf.read(corpus / "supervisely"))


def test_every_object_is_a_shape(images):
    assert len(images) == 12
    for image in images:
        root = json.loads(image.origin.file.read_text())
        assert {one.level for one in image.issues} <= {mf.Level.NOTE}
        assert [one.labels[0] for one in image.shapes] == [
            one["classTitle"] for one in root["objects"]
        ]
        assert image.image.size == mf.Size(root["size"]["width"], root["size"]["height"])
    # The images of one project are those of the other, too.
    assert {one.image.file.parent.name for one in images} == {"img"}


def test_bitmaps_are_what_pillow_decodes(images):
    compared = 0
    for image in images:
        root = json.loads(image.origin.file.read_text())
        for shape, record in zip(image.shapes, root["objects"], strict=True):
            if record["geometryType"] == "bitmap":
                png = zlib.decompress(base64.b64decode(record["bitmap"]["data"]))
                opacity = np.array(Image.open(io.BytesIO(png)).convert("RGBA"))[..., 3]
                left, top = record["bitmap"]["origin"]
                expected = np.zeros(image.image.size[::-1], bool)
                height, width = opacity.shape
                expected[top : top + height, left : left + width] = opacity > 0
                drawn = mf.rasterize([shape.geometry], image.image.size) > 0
                assert (drawn == expected).all()
                assert drawn.any()
                compared += 1
    assert compared == 8
