"""supervision finds the classes, boxes and pixels that are written for COCO, YOLO, Pascal VOC."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from judges.environments import PROGRAMS, in_environment

import maskforge as mf
from maskforge.shapes import Area


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
    images = [one for one in mf.read(out) if one.shapes]
    assert {one.image.name for one in images} == {
        name for name, one in verdict.items() if one["names"]
    }
    for image in images:
        assert image.image.size is not None
        found = verdict[image.image.name]
        masks = np.load(saved / f"{image.image.name}.npy")
        assert found["names"] == [shape.labels[0] for shape in image.shapes]
        for shape, theirs in zip(image.shapes, masks, strict=True):
            ours = mf.rasterize([shape.geometry], image.image.size) > 0
            near = np.zeros(ours.shape, np.uint8)
            parts = shape.geometry.parts if isinstance(shape.geometry, Area) else ()
            rings = [np.rint(ring).astype(int) for part in parts for ring in part.rings]
            cv2.polylines(near, rings, isClosed=True, color=1, thickness=3)
            assert not ((ours != theirs) & (near == 0)).any()
            assert (ours & theirs).any()


def test_it_finds_the_boxes_of_pascal_voc(tmp_path, samples):
    """It counts pixels from 1 up to the last one of a box, as the files do."""
    out = tmp_path / "out"
    mf.export(samples / "labelme", out, format="pascal-voc", image_files="copy")
    verdict = in_environment(
        "supervision", PROGRAMS / "supervision_files.py", "pascal-voc", out, tmp_path
    )
    assert len(verdict) > 2
    for name, found in verdict.items():
        tree = ElementTree.parse(out / "Annotations" / Path(name).with_suffix(".xml"))
        objects = np.asarray(cv2.imread(str(out / "SegmentationObject" / f"{Path(name).stem}.png")))
        written = tree.findall("object")
        assert found["names"] == [one.findtext("name") for one in written]
        assert objects.any() == bool(written)
        for one, box in zip(written, found["boxes"], strict=True):
            low, high = [
                [float(one.findtext(f"bndbox/{key}") or "nan") for key in keys]
                for keys in (("xmin", "ymin"), ("xmax", "ymax"))
            ]
            assert box == [low[0] - 1, low[1] - 1, *high]
