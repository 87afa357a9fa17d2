"""Datumaro finds the same pixels of classes and objects in what is written as masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import image, labelme, square
from judges.environments import PROGRAMS, in_environment

import maskforge as mf

SHAPES = (
    square("road", 0, 2, 8, 6),
    square("car", 1, 1, 4, 4),
    square("car", 5, 3, 8, 6),
    square("person", 2, 0, 3, 5),
)

CLASSES = mf.ClassMap(
    tuple(
        mf.MaskClass(id_, name, (id_, 0, 0), (name,))
        for id_, name in ((7, "road"), (24, "person"), (26, "car"))
    )
)


@pytest.fixture
def source(tmp_path) -> Path:
    labelme(tmp_path / "in" / "street_000000_000001.json", *SHAPES)
    image(tmp_path / "in" / "street_000000_000001.png")
    return tmp_path / "in"


def test_it_finds_the_same_pixels_in_pascal_voc(source, tmp_path):
    (annotated,) = mf.read(source)
    drawing = mf.draw(annotated, CLASSES, instances=True)
    mf.export(source, tmp_path / "out", format="pascal-voc", classes=CLASSES, image_files="copy")
    program, out = PROGRAMS / "datumaro_masks.py", tmp_path / "out"
    answer = in_environment("datumaro", program, out, "voc_segmentation")
    (found,) = answer["items"].values()
    names = np.array(answer["names"])[np.array(found["classes"])]
    names[names == answer["names"][0]] = "background"
    for id_ in CLASSES.ids:
        assert ((names == CLASSES.names[id_]) == (drawing.mask == id_)).all()
    objects = np.array(found["objects"])
    pairs = set(zip(objects.ravel().tolist(), drawing.instances.ravel().tolist(), strict=True))
    assert len(pairs) == len({one for one, _ in pairs}) == len({one for _, one in pairs}) == 5
