"""Real tasks of Label Studio, from the test data of its own converter, against plain counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

import maskforge as mf
from maskforge.formats.label_studio.brush import packed, unpacked
from maskforge.issues import Code
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Bitmap, Size


@pytest.fixture(scope="module")
def folder(corpus: Path) -> Path:
    return corpus / "label_studio" / "HumanSignal__label-studio-converter" / "tests" / "data"


def test_every_task_is_an_image_or_says_why_not(folder):
    kinds: Counter[str] = Counter()
    refused = []
    for image in mf.read(folder, format="label-studio"):
        kinds.update(shape.kind for shape in image.shapes)
        kinds.update(issue.code for issue in image.issues if issue.loses_record)
        if image.refusal is not None:
            refused.append((image.origin.file.name, image.refusal.code))
    assert kinds == {"rectanglelabels": 32, "polygonlabels": 2}
    assert sorted(refused) == [  # two texts, and a task of several pages
        ("csv_test2.json", Code.INVALID_IMAGE_RECORD),
        ("csv_test_history.json", Code.INVALID_IMAGE_RECORD),
        ("data_repeater.json", Code.INVALID_IMAGE_RECORD),
    ]


def test_of_two_annotations_the_latest_is_drawn(folder):
    path = folder / "test_export_yolo" / "data.json"
    tasks = json.loads(path.read_text())
    first, second = mf.read(path)
    assert len(tasks[0]["annotations"]) == 2
    assert Code.SEVERAL_ANNOTATIONS in [one.code for one in first.issues]
    assert Code.SEVERAL_ANNOTATIONS not in [one.code for one in second.issues]
    latest = max(tasks[0]["annotations"], key=lambda one: one["updated_at"])
    assert len(first.shapes) == len(latest["result"])


def test_turned_boxes_are_turned_about_their_corner(folder):
    """Worked out with complex numbers: one step along the box, then one across it."""
    path = folder / "test_export_yolo" / "data_obb.json"
    records = [
        one for task in json.loads(path.read_text()) for one in task["annotations"][0]["result"]
    ]
    shapes = [shape for image in mf.read(path) for shape in image.shapes]
    for record, shape in zip(records, shapes, strict=True):
        value, across = record["value"], record["original_width"] / 100
        down = record["original_height"] / 100
        corner = complex(value["x"] * across, value["y"] * down)
        along = value["width"] * across * np.exp(1j * np.radians(value["rotation"]))
        aside = value["height"] * down * np.exp(1j * np.radians(value["rotation"] + 90))
        expected = np.array([corner, corner + along, corner + along + aside, corner + aside])
        found = shape.geometry.parts[0].exterior @ (1, 1j)
        np.testing.assert_allclose(found, expected, atol=1e-9)
    assert len(shapes) == 25


def test_a_brushed_image_comes_back(folder):
    gray = cv2.imread(str(folder / "test_brush" / "test.png"), cv2.IMREAD_GRAYSCALE)
    pixels = gray > 128
    size = Size(pixels.shape[1], pixels.shape[0])
    found = unpacked(
        bytes(packed(Bitmap(0, 0, pixels), size)), size, Allowance(Limit.BITMAP_PIXELS)
    )
    assert found is not None
    assert (mf.rasterize([found], size) == pixels).all()
