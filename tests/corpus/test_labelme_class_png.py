"""Masks of LabelMe's own examples beside the class PNGs that LabelMe itself made of them.

LabelMe fills with Pillow and does not shift coordinates: it takes a vertex at (3, 3), the corner
between four pixels, for the center of pixel (3, 3), and it paints every pixel that the outline
touches. Its shapes therefore grow by half a pixel on each side and sit half a pixel too far to the
right and below. Both are asserted here: filling the raw coordinates with Pillow gives LabelMe's PNG
back (but for one pixel that the version of Pillow decides), and every pixel in which the exact mask
differs from it lies on an outline, never inside or outside of a shape.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image, ImageDraw

import maskforge as mf
from maskforge.masks.classes import MaskClass

EXAMPLES = "labelme/wkentaro__labelme/head/examples"
TASKS = ("instance_segmentation", "semantic_segmentation")
NAMES = ("2011_000003", "2011_000006", "2011_000025")
# The classes of Pascal VOC that occur, with the numbers in LabelMe's own label file.
VALUES = {"bottle": 5, "bus": 6, "car": 7, "chair": 9, "person": 15, "sofa": 18}
VOID = "__ignore__"


def own_mask(corpus: Path, task: str, name: str) -> np.ndarray:
    path = corpus / EXAMPLES / task / "data_dataset_voc" / "SegmentationClass" / f"{name}.png"
    return np.asarray(Image.open(path))


def document(corpus: Path, task: str, name: str) -> dict[str, Any]:
    path = corpus / EXAMPLES / task / "data_annotated" / f"{name}.json"
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def exact_mask(corpus: Path, task: str, name: str) -> np.ndarray:
    (image,) = mf.read(corpus / EXAMPLES / task / "data_annotated" / f"{name}.json")
    labels = sorted({label for shape in image.shapes for label in shape.labels} - {VOID})
    # LabelMe's instance example writes "person-1", "person-2" for instances of one class.
    groups = {class_: [one for one in labels if one.split("-")[0] == class_] for class_ in VALUES}
    classes = mf.ClassMap(
        tuple(
            MaskClass(VALUES[class_], class_, (0, 0, 0), tuple(members))
            for class_, members in groups.items()
        )
    )
    return mf.draw(image, classes).mask


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", NAMES)
def test_labelme_fills_raw_coordinates_with_pillow(corpus: Path, task: str, name: str) -> None:
    own = own_mask(corpus, task, name)
    canvas = Image.new("L", own.shape[::-1])
    pen = ImageDraw.Draw(canvas)
    for shape in document(corpus, task, name)["shapes"]:
        class_ = shape["label"].split("-")[0]
        value = 255 if class_ == VOID else VALUES[class_]
        pen.polygon([tuple(point) for point in shape["points"]], fill=value, outline=value)
    assert (np.asarray(canvas) != own).sum() <= 1


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", NAMES)
def test_every_difference_lies_on_an_outline(corpus: Path, task: str, name: str) -> None:
    own, exact = own_mask(corpus, task, name), exact_mask(corpus, task, name)
    rows, columns = np.nonzero(own != exact)
    outlines = shapely.union_all(
        [shapely.LinearRing(shape["points"]) for shape in document(corpus, task, name)["shapes"]]
    )
    centers = shapely.points(columns + 0.5, rows + 0.5)
    # Half a pixel of shift along both axes, and half a pixel's diagonal of painted outline.
    assert shapely.distance(centers, outlines).max() <= 2 * np.hypot(0.5, 0.5) + 1e-9
    assert 0 < len(rows) < 0.03 * own.size


@pytest.mark.parametrize("name", NAMES)
def test_labelme_makes_shapes_larger(corpus: Path, name: str) -> None:
    own = own_mask(corpus, TASKS[0], name)
    exact = exact_mask(corpus, TASKS[0], name)
    assert (own != 0).sum() > (exact != 0).sum()
