"""LabelMe and X-AnyLabeling files as a whole: recognition, versions, encodings, states, tags."""

from __future__ import annotations

import json

import numpy as np
import pytest
from labelme_files import TRIANGLE, codes, document, exterior, read_one, save_image, shape, write

from maskforge.formats.detection import detect
from maskforge.formats.reader import read
from maskforge.issues import Code
from maskforge.shapes import ImageState, Size

# Recognition


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(document(shape()), "`shapes` and `imagePath`", id="usual"),
        pytest.param(document(), "`shapes` and `imagePath`", id="empty"),
        pytest.param(
            {"shapes": [shape()], "imageHeight": 1}, "`shapes` and `imageHeight`", id="size only"
        ),
        pytest.param(
            {"shapes": [shape()], "version": "5.0"}, "`shapes` and `version`", id="version only"
        ),
    ],
)
def test_recognized_by_its_keys(tmp_path, content, reason):
    detection = detect(write(tmp_path, content))
    assert detection.format == "labelme"
    assert detection.variant == "labelme"
    assert reason in detection.reason
    assert not detection.auxiliary


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param([document(shape()), 3], "the root is not an object", id="list"),
        pytest.param(3, "the root is not an object", id="number"),
        pytest.param(
            {"images": [], "annotations": [], "categories": []}, "no `shapes` list", id="COCO"
        ),
        pytest.param(
            {"annotation": {"filename": "a.jpg", "object": [{"name": "tooth"}]}},
            "MIT CSAIL",
            id="LabelMe web tool",
        ),
        pytest.param(
            {"version": 0, "tags": [], "shapes": [{"label": "a", "points": [1.0, 2.0, 3.0, 4.0]}]},
            "none of `imagePath`",
            id="CVAT's internal export",
        ),
        pytest.param(
            {"version": 1, "shapes": []}, "none of `imagePath`", id="empty list of anything"
        ),
        pytest.param(
            {"imagePath": "a.png", "shapes": [{"kind": "box", "x": 1}]},
            "no entry of `shapes` has `label` or `points`",
            id="other shapes",
        ),
    ],
)
def test_not_recognized_for_a_reason(tmp_path, content, reason):
    reader = read(write(tmp_path, content), format="labelme")
    assert list(reader) == []
    (issue,) = reader.issues
    assert issue.message.startswith("not labelme: ")
    assert reason in issue.message
    assert issue.code is Code.UNKNOWN_FORMAT


# Versions, dialects, encodings


def test_version_2_without_shape_type_size_and_flags(tmp_path):
    save_image(tmp_path / "tooth.png", (64, 48))
    path = write(
        tmp_path,
        {
            "shapes": [
                {"label": "caries", "points": TRIANGLE, "line_color": None, "fill_color": [0] * 4}
            ],
            "lineColor": [0, 255, 0, 128],
            "fillColor": [255, 0, 0, 128],
            "imagePath": "tooth.png",
            "imageData": None,
        },
    )
    assert detect(path).variant == "labelme"
    image = read_one(path)
    assert image.image.size == Size(64, 48)
    assert image.image.file == tmp_path / "tooth.png"
    assert image.issues == ()
    (found,) = image.shapes
    assert found.kind == "polygon"
    assert found.extra == {"line_color": None, "fill_color": [0, 0, 0, 0]}


def test_x_anylabeling(tmp_path):
    box = [[10, 20], [30, 20], [30, 40], [10, 40]]
    path = write(
        tmp_path,
        {
            "version": "3.3.5",
            "flags": {"good": True},
            "checked": True,
            "shapes": [
                {
                    "label": "tooth",
                    "score": None,
                    "points": box,
                    "group_id": 3,
                    "description": "",
                    "difficult": False,
                    "shape_type": "rectangle",
                    "flags": {},
                    "attributes": {},
                    "kie_linking": [],
                }
            ],
            "imagePath": "tooth.png",
            "imageData": None,
            "imageHeight": 80,
            "imageWidth": 100,
            "tags": ["upper jaw", "good"],
        },
    )
    assert detect(path).variant == "x-anylabeling"
    image = read_one(path)
    assert image.tags == ("good", "upper jaw")
    (found,) = image.shapes
    np.testing.assert_array_equal(exterior(found), box)
    assert found.instance == "3"
    assert found.extra["score"] is None


def test_windows_code_page_is_read_and_noted(tmp_path):
    data = json.dumps(document(shape(label="Zähne")), ensure_ascii=False).encode("cp1252")
    reader = read(write(tmp_path, data), format="labelme")
    (image,) = list(reader)
    assert image.shapes[0].labels == ("Zähne",)
    assert [issue.code for issue in reader.issues] == [Code.NOT_UTF8]


def test_cut_off_file_is_refused_with_its_place(tmp_path):
    path = write(tmp_path, json.dumps(document(shape())).encode()[:-40])
    reader = read(path, format="labelme")
    assert list(reader) == []
    (issue,) = reader.issues
    assert issue.code is Code.UNREADABLE_FILE
    assert issue.origin.file == path
    assert "line 1, column" in issue.message


@pytest.mark.parametrize("shapes", [None, {}, "caries", 3])
def test_shapes_that_are_no_list_refuse_the_file(tmp_path, shapes):
    path = write(tmp_path, document(shape()) | {"shapes": shapes})
    reader = read(path, format="labelme")
    assert list(reader) == []
    (issue,) = reader.issues
    assert issue.code is Code.INVALID_FILE
    assert issue.origin.pointer == "$.shapes"


# State and tags


def test_no_shapes_means_seen_and_empty(tmp_path):
    image = read_one(write(tmp_path, document()))
    assert image.state is ImageState.EMPTY
    assert image.shapes == ()
    assert image.refusal is None
    assert image.record_count == 0


def test_flags_that_are_set_are_tags(tmp_path):
    flags = {"bitewing": True, "blurred": False, "überlagert": True}
    assert read_one(write(tmp_path, document(flags=flags))).tags == ("bitewing", "überlagert")


@pytest.mark.parametrize("flags", [None, {}])
def test_flags_may_be_missing(tmp_path, flags):
    image = read_one(write(tmp_path, document(flags=flags)))
    assert image.tags == ()
    assert codes(image) == []
