"""The scripts of Cityscapes draw the same, and have the same table of labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from judges.environments import PROGRAMS, in_environment
from PIL import Image

import maskforge as mf
from maskforge.formats.cityscapes.labels import LABELS

OBJECTS = (
    ("sky", [[0, 0], [40, 0], [40, 12], [0, 9]]),
    ("road", [[0, 9], [40, 12], [40, 30], [0, 30]]),
    ("building", [[3, 2], [17, 1], [18, 14], [2, 12]]),
    ("polegroup", [[20, 3], [22, 3], [22, 15], [20, 15]]),
    ("cargroup", [[24, 14], [33, 13], [33, 18], [24, 19]]),
    ("car", [[5, 15], [15, 14], [16, 22], [4, 23]]),
    ("license plate", [[7, 19], [10, 19], [10, 20], [7, 20]]),
    ("car", [[18, 18], [26, 20], [26, 27], [19, 27]]),
    ("person", [[30, 15], [33, 20], [31, 28], [28, 21]]),
    ("out of roi", [[0, 27], [40, 27], [40, 30], [0, 30]]),
)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cityscapes")
    path = folder / "a_1_2_gtFine_polygons.json"
    objects = [{"label": label, "polygon": polygon} for label, polygon in OBJECTS]
    deleted = {"label": "bus", "polygon": OBJECTS[5][1], "deleted": 1}
    document = {"imgHeight": 30, "imgWidth": 40, "objects": [*objects, deleted]}
    path.write_text(json.dumps(document))
    return path, in_environment("cityscapes", PROGRAMS / "cityscapes_files.py", path)


def test_the_table_of_labels_is_the_same(judged):
    _, answer = judged
    mine = [
        [one.name, one.id, one.train_id, one.category, list(one.color.to_bytes(3)), one.has_objects]
        for one in LABELS
    ]
    assert mine == answer["labels"]


@pytest.mark.parametrize(
    ("kind", "classes"), [("labelIds", "cityscapes-labels"), ("labelTrainIds", "cityscapes-train")]
)
def test_the_rasterizer_pillow_draws_the_same_label_image(judged, kind, classes):
    """The scripts move vertices to centers of pixels and fill outlines, as Pillow does."""
    path, answer = judged
    (image,) = mf.read(path)
    mask = mf.draw(image, mf.load_class_map(classes), rasterizer="pillow").mask.astype(int)
    expected = np.array(answer[kind])
    if kind == "labelTrainIds":  # counted from 1; where nothing is drawn is no class
        assert not (mask == 0).any()
        expected = np.where(expected == 255, 255, expected + 1)
    assert (mask == expected).all()


def test_objects_are_the_same(judged, tmp_path):
    """But for the group, whose cars nobody told apart; a polygon of it is an object."""
    path, answer = judged
    classes = mf.load_class_map("cityscapes-labels")
    mf.export(path, tmp_path, format="cityscapes", classes=classes)
    (written,) = Path(tmp_path).rglob("*_instanceIds.png")
    mine, theirs = np.asarray(Image.open(written)).astype(int), np.array(answer["instanceIds"])
    (image,) = mf.read(path)
    same = mf.draw(image, classes).mask == np.array(answer["labelIds"])  # inside their outlines
    assert same.mean() > 0.85
    is_object = same & (mine >= 1000)
    assert (is_object == (same & ((theirs >= 1000) | (theirs == 26)))).all()
    assert (mine == theirs)[same & ~is_object].all()
    pairs = set(zip(mine[is_object].tolist(), theirs[is_object].tolist(), strict=True))
    assert len(pairs) == len({one for one, _ in pairs}) == len({one for _, one in pairs}) == 4
