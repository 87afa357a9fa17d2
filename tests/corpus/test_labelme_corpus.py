"""Real LabelMe files of public projects: each is read whole, or refused for the right reason."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maskforge.formats.detection import detect
from maskforge.formats.reader import read
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code
from maskforge.shapes import Area, Bitmap, ImageState, Size


@pytest.fixture(scope="module")
def documents(corpus: Path) -> dict[Path, Any]:
    """Every JSON file of the folder as the standard library decodes it."""
    return {
        path: json.loads(path.read_bytes()) for path in sorted((corpus / "labelme").rglob("*.json"))
    }


@pytest.fixture(scope="module")
def annotations(documents: dict[Path, Any]) -> dict[Path, Any]:
    return {path: root for path, root in documents.items() if "shapes" in root}


@pytest.fixture(scope="module")
def images(annotations: dict[Path, Any]) -> dict[Path, AnnotatedImage]:
    """What is read of each file on its own, so that no other folder lends it an image."""
    found = {}
    for path in annotations:
        reader = read(path, format="labelme")
        (found[path],) = list(reader)
        assert reader.issues == []
    return found


def expected_size(path: Path, root: dict[str, Any]) -> Size | None:
    """From the image beside, the keys, or the embedded image, whichever there is."""
    beside = path.parent / root["imagePath"]
    if beside.suffix != ".json" and beside.is_file():
        with Image.open(beside) as image:
            return Size(*image.size)
    if root.get("imageHeight"):
        return Size(root["imageWidth"], root["imageHeight"])
    if root["imageData"]:
        with Image.open(io.BytesIO(base64.b64decode(root["imageData"]))) as image:
            return Size(*image.size)
    return None


def test_folder_holds_what_was_counted(documents, annotations):
    assert len(documents) == 75
    assert len(annotations) == 56
    kinds = Counter(
        record.get("shape_type", "absent")
        for root in annotations.values()
        for record in root["shapes"]
    )
    assert kinds == {
        "polygon": 227,
        "absent": 59,
        "rectangle": 22,
        "circle": 2,
        "line": 2,
        "linestrip": 2,
        "point": 2,
        "mask": 1,
    }


def test_every_record_becomes_a_shape_of_its_kind(annotations, images):
    for path, root in annotations.items():
        image = images[path]
        kinds = [record.get("shape_type", "polygon") for record in root["shapes"]]
        assert [shape.kind for shape in image.shapes] == kinds, path
        labels = [(record["label"],) for record in root["shapes"]]
        assert [shape.labels for shape in image.shapes] == labels, path
        assert image.record_count == len(root["shapes"])
        assert image.state is (ImageState.ANNOTATED if root["shapes"] else ImageState.EMPTY)
    assert sum(image.state is ImageState.EMPTY for image in images.values()) == 4


def test_polygons_keep_every_vertex(annotations, images):
    for path, root in annotations.items():
        for record, shape in zip(root["shapes"], images[path].shapes, strict=True):
            if shape.kind == "polygon":
                assert isinstance(shape.geometry, Area)
                (part,) = shape.geometry.parts
                np.testing.assert_array_equal(part.exterior, record["points"], str(path))


def test_rectangles_have_the_extent_of_their_corners(annotations, images):
    for path, root in annotations.items():
        for record, shape in zip(root["shapes"], images[path].shapes, strict=True):
            if shape.kind == "rectangle":
                assert isinstance(shape.geometry, Area)
                (part,) = shape.geometry.parts
                corners = np.array(record["points"])
                np.testing.assert_array_equal(part.exterior.min(axis=0), corners.min(axis=0))
                np.testing.assert_array_equal(part.exterior.max(axis=0), corners.max(axis=0))


def test_mask_is_its_png_at_its_place(annotations, images):
    ((record, shape),) = [
        (record, shape)
        for path, root in annotations.items()
        for record, shape in zip(root["shapes"], images[path].shapes, strict=True)
        if shape.kind == "mask"
    ]
    assert isinstance(shape.geometry, Bitmap)
    with Image.open(io.BytesIO(base64.b64decode(record["mask"]))) as image:
        np.testing.assert_array_equal(shape.geometry.pixels, np.asarray(image) > 0)
    (left, top), (right, bottom) = record["points"]
    assert left != round(left)  # moved by a part of a pixel
    assert (shape.geometry.column, shape.geometry.row) == (417, 305) == (round(left), round(top))
    assert shape.geometry.pixels.shape == (round(bottom - top + 1), round(right - left + 1))


def test_groups_are_instances(annotations, images):
    for path, root in annotations.items():
        groups = [record.get("group_id") for record in root["shapes"]]
        expected = [None if group is None else str(group) for group in groups]
        assert [shape.instance for shape in images[path].shapes] == expected


def test_sizes(annotations, images):
    sizes = {path: expected_size(path, root) for path, root in annotations.items()}
    assert {path: image.image.size for path, image in images.items()} == sizes


def test_files_without_size_and_image_are_refused_for_just_that(annotations, images):
    refused = [path for path, image in images.items() if image.refusal is not None]
    assert refused == [path for path, root in annotations.items() if not expected_size(path, root)]
    assert len(refused) == 17
    for path in refused:
        codes = [issue.code for issue in images[path].issues]
        assert codes == [Code.IMAGE_MISSING, Code.SIZE_UNKNOWN]
    others = {issue.code for path in set(images) - set(refused) for issue in images[path].issues}
    assert others == {Code.IMAGE_MISSING}


def test_flags_of_the_image_are_tags(annotations, images):
    for path, root in annotations.items():
        flags = root.get("flags") or {}
        assert images[path].tags == tuple(name for name, is_set in flags.items() if is_set)
    assert sorted({tag for image in images.values() for tag in image.tags}) == ["cat", "dog"]


def test_coco_files_are_not_those_of_labelme(documents, annotations):
    others = set(documents) - set(annotations)
    assert len(others) == 19
    for path in others:
        assert path.name.startswith("coco_")
        reader = read(path, format="labelme")
        assert list(reader) == []
        assert [issue.message for issue in reader.issues] == [
            "not labelme: no `shapes` list at the root"
        ]
    coco = [path for path in others if list(read(path, format="coco"))]
    assert len(coco) == 14  # three have no images, and two results of detectors are bare lists


def test_all_others_are_recognized(annotations):
    assert {detect(path).format for path in annotations} == {"labelme"}


def test_files_of_other_tools_are_not_taken_for_labelme(corpus):
    paths = [
        path
        for folder in ("vott", "superannotate")
        for path in sorted((corpus / folder).rglob("*.json"))
    ]
    assert len(paths) > 100
    reader = read(paths, format="labelme")
    assert list(reader) == []
    assert {issue.code for issue in reader.issues} == {Code.UNKNOWN_FORMAT}
    assert len(reader.issues) == len(paths)
