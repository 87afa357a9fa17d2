"""Real files of Pascal VOC, beside the masks as Pillow reads them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import maskforge as mf
from maskforge.formats.pascal_voc.names import CLASSES

VOC = "superannotateai__superannotate-python-sdk/VOC/input/fromPascalVOCToSuperAnnotate/VOC2012"


@pytest.fixture
def voc(corpus) -> Path:
    return corpus / "pascal_voc" / VOC


def class_map() -> mf.ClassMap:
    return mf.ClassMap(
        tuple(mf.MaskClass(i, name, (i, 0, 0), (name,)) for i, name in enumerate(CLASSES, 1))
    )


@pytest.mark.parametrize("format_", ["auto", "pascal-voc"])
def test_masks_of_the_challenge_come_back_bit_for_bit(voc, format_):
    reader = mf.read(voc, format=format_)
    images = list(reader)
    assert not reader.issues
    assert len(images) == 5
    for image in images:
        name = f"{Path(image.image.name).stem}.png"
        drawing = mf.draw(image, class_map(), instances=True)
        assert (drawing.mask == np.asarray(Image.open(voc / "SegmentationClass" / name))).all()
        objects = np.asarray(Image.open(voc / "SegmentationObject" / name)).copy()
        objects[objects == 255] = 0
        assert (drawing.instances == objects).all()
        assert image.image.file == voc / "JPEGImages" / image.image.name
        assert not image.issues


def test_every_object_has_the_pixels_of_its_box(voc):
    """People drew both by hand: the tip of a wing may be a rim of void."""
    for image in mf.read(voc):
        elements = ElementTree.parse(image.origin.file).getroot().findall("object")
        own = [shape for shape in image.shapes if shape.origin.file == image.origin.file]
        for shape, element in zip(own, elements, strict=True):
            sides = {one.tag: int(float(one.text)) for one in element.find("bndbox")}
            box = np.zeros((image.image.size.height, image.image.size.width), bool)
            box[sides["ymin"] - 1 : sides["ymax"], sides["xmin"] - 1 : sides["xmax"]] = True
            pixels = mf.rasterize([shape.geometry], image.image.size).astype(bool)
            assert (pixels & box).sum() > 0.98 * pixels.sum()


def test_boxes_without_masks(corpus):
    folder = corpus / "pascal_voc" / "v7labs__darwin-py"
    images = list(mf.read(folder))
    assert len(images) == len(list(folder.rglob("*.xml")))
    for image in images:
        root = ElementTree.parse(image.origin.file).getroot()
        for shape, one in zip(image.shapes, root.findall("object"), strict=True):
            sides = {side.tag: float(side.text) for side in one.find("bndbox")}
            (part,) = shape.geometry.parts
            low, high = part.exterior.min(axis=0), part.exterior.max(axis=0)
            assert low.tolist() == [sides["xmin"] - 1, sides["ymin"] - 1]
            assert high.tolist() == [sides["xmax"], sides["ymax"]]
            assert shape.labels == (one.find("name").text,)
