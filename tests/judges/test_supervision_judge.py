"""supervision finds the classes, boxes and pixels that are written for COCO, YOLO, Pascal VOC."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from judges.environments import PROGRAMS, in_environment
from PIL import Image

import maskforge as mf
from maskforge.shapes import Area, Bitmap


@pytest.mark.parametrize("source", ["labelme", "coco"])
@pytest.mark.parametrize("format_", ["coco", "yolo"])
def test_it_finds_the_same_objects(tmp_path, samples, format_, source):
    """It rounds vertices and fills outlines with their rim, so rims alone may differ.

    It looks for images of YOLO in one folder, not in those below.
    """
    out, saved = tmp_path / "out", tmp_path / "saved"
    saved.mkdir()
    mf.export(samples / source, out, format=format_, image_files="copy")
    verdict = in_environment("supervision", PROGRAMS / "supervision_files.py", format_, out, saved)
    drawn = {one.image.name: one for one in mf.read(samples / source) if one.shapes}
    assert set(drawn) == {name for name, one in verdict.items() if one["names"]}
    for name, image in drawn.items():
        size = image.image.size
        assert size is not None
        names = np.array(verdict[name]["names"])
        masks = np.load(saved / f"{name}.npy")
        areas = [one for one in image.shapes if isinstance(one.geometry, Area | Bitmap)]
        for label in {shape.labels[0] for shape in areas}:
            geometries = [one.geometry for one in areas if label in one.labels]
            ours = mf.rasterize(geometries, size) > 0
            theirs = masks[names == label].any(axis=0)
            outlines = cv2.morphologyEx(ours.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((9, 9)))
            wrong = (ours != theirs) & (outlines == 0)
            assert not wrong.any(), (name, label, wrong.sum(), ours.sum(), theirs.sum())
            assert (ours & theirs).any()


def test_it_finds_the_boxes_of_pascal_voc(tmp_path, samples):
    """A box goes around the pixels of an object in the mask of objects."""
    out = tmp_path / "out"
    mf.export(samples / "labelme", out, format="pascal-voc", image_files="copy")
    verdict = in_environment(
        "supervision", PROGRAMS / "supervision_files.py", "pascal-voc", out, tmp_path
    )
    assert len(verdict) > 2
    for name, found in verdict.items():
        with Image.open(out / "SegmentationObject" / f"{Path(name).stem}.png") as opened:
            objects = np.array(opened)
        places = [
            np.nonzero(objects == one)
            for one in np.unique(objects[(objects > 0) & (objects < 255)])
        ]
        expected = [[x.min(), y.min(), x.max() + 1, y.max() + 1] for y, x in places]
        assert sorted(found["boxes"]) == sorted(expected)
