"""COCO's panoptic files: the colors of a PNG are the ids of segments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_files import CATEGORIES, codes, image, pixels
from PIL import Image

import maskforge as mf
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code
from maskforge.shapes import ImageState

IDS = np.zeros((4, 6), int)
IDS[1:3, 1:3] = 7
IDS[0, 4:] = 300
IDS[3] = 2 * 65536 + 1


def segment(id_: Any, category: int = 3, **keys: Any) -> dict[str, Any]:
    return {"id": id_, "category_id": category, "iscrowd": 0, "area": 4} | keys


SEGMENTS = [segment(7), segment(300, 7), segment(2 * 65536 + 1, 7, iscrowd=1)]


def write(folder: Path, segments: Any, ids: np.ndarray = IDS, place: str = "a.png") -> Path:
    colors = np.dstack([ids % 256, ids // 256 % 256, ids // 65536]).astype(np.uint8)
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colors).save(path)
    document = {
        "images": [image(name="a.jpg"), image(2, "b.jpg")],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": segments}],
        "categories": CATEGORIES,
    }
    (folder / "val.json").write_text(json.dumps(document))
    return folder / "val.json"


def read_first(path: Path) -> AnnotatedImage:
    first, second = mf.read(path)
    assert second.state is ImageState.UNVISITED
    return first


@pytest.mark.parametrize("place", ["a.png", "val/a.png"])
def test_colors_are_ids(tmp_path, place):
    found = read_first(write(tmp_path, SEGMENTS, place=place))
    expected = np.select([IDS == 7, IDS == 300, IDS > 65536], [1, 2, 255])
    assert (pixels(found) == expected).all()
    assert codes(found) == []
    assert [shape.labels for shape in found.shapes] == [("__ignore__",), ("caries",), ("pulp",)]
    assert found.shapes[0].extra["category"] == "pulp"
    assert found.extra["panoptic"] == {"image_id": 1, "file_name": "a.png"}
    assert mf.detect(tmp_path / "val.json").variant == "panoptic"


def test_segments_without_pixels_and_pixels_without_segment_are_told(tmp_path):
    records = [*SEGMENTS[:2], segment(8), segment(0), segment("7"), "x"]
    found = read_first(write(tmp_path, records))
    assert codes(found) == [
        Code.UNLISTED_PIXELS,
        Code.INVALID_BITMAP,
        Code.INVALID_RECORD,
        Code.INVALID_RECORD,
        Code.INVALID_RECORD,
    ]
    assert "6 pixels have 1 ids" in found.issues[0].message
    assert found.extra["segments_info"] == records[2:]


def test_a_png_that_cannot_be_used_costs_its_segments(tmp_path):
    for number, damage in enumerate((None, b"?", IDS[:3])):
        folder = tmp_path / str(number)
        path = write(folder, SEGMENTS, damage if isinstance(damage, np.ndarray) else IDS)
        if damage is None:
            (folder / "a.png").unlink()
        elif isinstance(damage, bytes):
            (folder / "a.png").write_bytes(damage)
        found = read_first(path)
        assert codes(found) == [Code.INVALID_BITMAP] * 3
        assert found.record_count == 3


def test_paths_that_lead_elsewhere_are_not_followed(tmp_path):
    path = write(tmp_path / "in", SEGMENTS)
    (tmp_path / "in" / "a.png").rename(tmp_path / "secret.png")
    text = path.read_text().replace('"file_name": "a.png"', '"file_name": "../secret.png"')
    path.write_text(text)
    assert codes(read_first(path)) == [Code.INVALID_BITMAP] * 3


def test_annotations_of_images_that_are_not_listed_are_refused(tmp_path):
    path = write(tmp_path, SEGMENTS)
    document = json.loads(path.read_text())
    document["annotations"] += [document["annotations"][0], {"image_id": 9, "segments_info": []}, 5]
    path.write_text(json.dumps(document))
    found = list(mf.read(path))
    assert [one.refusal and one.refusal.code for one in found] == [
        None,
        *[Code.INVALID_IMAGE_RECORD] * 3,
        None,
    ]


def test_panoptic_is_written_as_instances(tmp_path):
    path = write(tmp_path / "in", SEGMENTS)
    mf.export(path, tmp_path / "out", format="coco")
    (after,) = mf.read(tmp_path / "out")
    assert (pixels(after) == pixels(read_first(path))).all()
    document = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [one["id"] for one in document["annotations"]] == [7, 300, 2 * 65536 + 1]
    assert document["images"][0].keys() == {"id", "file_name", "width", "height"}
