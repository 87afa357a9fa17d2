"""A real task of CVAT, beside plain counts and the drawn masks that came with it."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

import maskforge as mf
from maskforge.issues import Code
from maskforge.shapes import Bitmap

COLORS = {
    "CAR": (0xFA, 0x32, 0x53),
    "TRAFFIC_SIGN": (0xFF, 0xCC, 0x33),
    "PEDESTRIAN": (0x3D, 0xF5, 0x3D),
    "ROAD_SURFACE": (0x3D, 0x3D, 0xF5),
}


@pytest.fixture(scope="module")
def folder(corpus: Path) -> Path:
    return corpus / "cvat"


def test_every_element_is_a_shape_or_a_tag(folder):
    kinds: Counter[str] = Counter()
    reader = mf.read(folder)
    for image in reader:
        assert image.refusal is None
        kinds.update(shape.kind for shape in image.shapes)
        kinds.update(issue.code for issue in image.issues if issue.loses_record)
    assert kinds == {"mask": 245, "box": 70, Code.NOT_A_SHAPE: 20}
    assert not reader.issues


def test_masks_are_the_runs_one_after_the_other(folder):
    """Decoded here in the plainest way there is, every eighth of them."""
    path = folder / "KGCraig__urban-scene-annotation" / "annotations.xml"
    elements = ElementTree.parse(path).getroot().iter("mask")
    shapes = [shape for image in mf.read(path) for shape in image.shapes if shape.kind == "mask"]
    pairs = list(zip(elements, shapes, strict=True))
    for element, shape in pairs[::8]:
        width, height = int(element.get("width")), int(element.get("height"))
        runs = [int(one) for one in element.get("rle").split(",")]
        values = itertools.cycle((False, True))
        flat = np.concatenate([np.full(n, one) for n, one in zip(runs, values, strict=False)])
        whole = np.zeros((height, width), bool)
        assert isinstance(shape.geometry, Bitmap)
        row = shape.geometry.row - int(element.get("top"))
        column = shape.geometry.column - int(element.get("left"))
        pixels = shape.geometry.pixels
        whole[row : row + pixels.shape[0], column : column + pixels.shape[1]] = pixels
        assert (whole == flat.reshape(height, width)).all()


def test_masks_are_those_that_the_task_came_with(folder):
    """Those are JPEG files, so colors are near, and edges blurred."""
    place = folder / "KGCraig__urban-scene-annotation"
    (image,) = [one for one in mf.read(place / "annotations.xml") if "benjamin" in one.image.name]
    path = place / "images" / "masks" / f"{Path(image.image.name).stem}_mask.jpg"
    drawn = cv2.imread(str(path))[::4, ::4, ::-1].astype(np.float32)
    palette = np.array([(0, 0, 0), *COLORS.values()], np.float32)
    nearest = np.argmin([((drawn - one) ** 2).sum(axis=2) for one in palette], axis=0)
    values = [list(COLORS).index(shape.labels[0]) + 1 for shape in image.shapes]
    regions = [shape.geometry for shape in image.shapes]
    mask = mf.rasterize(regions, image.image.size, values=values)[::4, ::4]
    assert set(np.unique(mask)) == {0, 1, 2, 3, 4}
    assert (mask == nearest).mean() > 0.999
