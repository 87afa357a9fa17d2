"""The entries of a LabelMe file: how each kind is drawn, and what is refused for which reason."""

from __future__ import annotations

import math

import numpy as np
import pytest
from labelme_files import TRIANGLE, document, exterior, read_one, read_shape, shape, write

from maskforge.issues import Code
from maskforge.shapes import ImageState, PointSet, Polyline


@pytest.mark.parametrize(
    ("record", "kind", "expected"),
    [
        pytest.param(shape(), "polygon", TRIANGLE, id="no shape_type (before 3.6.12)"),
        pytest.param(shape(shape_type=None), "polygon", TRIANGLE, id="shape_type null"),
        pytest.param(shape(shape_type="polygon"), "polygon", TRIANGLE, id="polygon"),
        pytest.param(shape([*TRIANGLE, TRIANGLE[0]]), "polygon", TRIANGLE, id="closed polygon"),
        pytest.param(
            shape([[-3.5, -1], [120, 5], [4, 300]]),
            "polygon",
            [[-3.5, -1], [120, 5], [4, 300]],
            id="outside the image",
        ),
        pytest.param(
            shape([[4, 5], [9, 5], [12, 9], [3, 9]], shape_type="oriented_rectangle"),
            "oriented_rectangle",
            [[4, 5], [9, 5], [12, 9], [3, 9]],
            id="oriented_rectangle",
        ),
        pytest.param(
            shape([[6, 5], [9, 8], [6, 11], [3, 8]], shape_type="rotation", direction=0.785),
            "rotation",
            [[6, 5], [9, 8], [6, 11], [3, 8]],
            id="rotation (X-AnyLabeling)",
        ),
        pytest.param(
            shape([[6, 5], [30, 8], [6, 11], [3, 8]], shape_type="quadrilateral"),
            "quadrilateral",
            [[6, 5], [30, 8], [6, 11], [3, 8]],
            id="quadrilateral (X-AnyLabeling)",
        ),
    ],
)
def test_outlines_are_kept_as_they_are(tmp_path, record, kind, expected):
    found = read_shape(tmp_path, record)
    assert found.kind == kind
    assert found.converted == ""
    np.testing.assert_array_equal(exterior(found), expected)


@pytest.mark.parametrize("kind", ["rectangle", "rotation"])
@pytest.mark.parametrize(
    "points",
    [
        pytest.param([[10.5, 20], [30, 44.25]], id="top left, bottom right"),
        pytest.param([[30, 44.25], [10.5, 20]], id="bottom right, top left"),
        pytest.param([[30, 20], [10.5, 44.25]], id="top right, bottom left"),
        pytest.param([[10.5, 44.25], [30, 20]], id="bottom left, top right"),
        pytest.param([[10.5, 20], [30, 20], [30, 44.25], [10.5, 44.25]], id="four in turn"),
        pytest.param([[30, 20], [10.5, 20], [10.5, 44.25], [30, 44.25]], id="four the other way"),
        pytest.param([[10.5, 20], [10.5, 44.25], [30, 20], [30, 44.25]], id="four in Z order"),
        pytest.param(
            [[10.5, 20], [30, 20], [30, 44.25], [10.5, 44.25], [10.5, 20]], id="four and closed"
        ),
    ],
)
def test_rectangle_in_any_order_of_corners(tmp_path, points, kind):
    found = read_shape(tmp_path, shape(points, shape_type=kind))
    ring = exterior(found)
    assert {tuple(corner) for corner in ring.tolist()} == {
        (10.5, 20),
        (30, 20),
        (30, 44.25),
        (10.5, 44.25),
    }
    # Each side is parallel to an axis, so the outline does not cross itself.
    steps = np.abs(np.roll(ring, -1, axis=0) - ring)
    assert ((steps == 0).sum(axis=1) == 1).all()
    assert found.converted == ""


@pytest.mark.parametrize(
    "corners",
    [
        pytest.param([[6, 5], [9, 8], [6, 11], [3, 8]], id="tilted"),
        pytest.param([[0, 0], [10, 0], [10, 5], [10, 5]], id="one corner twice"),
    ],
)
def test_four_corners_of_no_upright_rectangle_stay_in_turn(tmp_path, corners):
    ring = exterior(read_shape(tmp_path, shape(corners, shape_type="rectangle")))
    np.testing.assert_array_equal(ring, corners)


@pytest.mark.parametrize(
    ("center", "rim", "radius"),
    [
        pytest.param((50, 40), (53, 44), 5, id="inside"),
        pytest.param((2, 3), (2, 23), 20, id="partly outside the image"),
        pytest.param((-40, -40), (-40, -39), 1, id="wholly outside the image"),
    ],
)
def test_circle_is_converted_and_not_clamped(tmp_path, center, rim, radius):
    found = read_shape(tmp_path, shape([center, rim], shape_type="circle"))
    assert (found.kind, found.converted) == ("circle", "circle")
    ring = exterior(found)
    np.testing.assert_allclose(np.hypot(*(ring - center).T), radius, rtol=1e-12)
    x, y = ring.T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    assert area == pytest.approx(math.pi * radius**2, rel=0.002)


@pytest.mark.parametrize("kind", ["line", "linestrip"])
def test_lines_have_no_area_of_their_own(tmp_path, kind):
    found = read_shape(tmp_path, shape([[1, 2], [30, 40.5]], shape_type=kind))
    assert isinstance(found.geometry, Polyline)
    np.testing.assert_array_equal(found.geometry.points, [[1, 2], [30, 40.5]])
    assert found.converted == ""


def test_point_has_no_area_of_its_own(tmp_path):
    found = read_shape(tmp_path, shape([[7.5, 8]], shape_type="point"))
    assert isinstance(found.geometry, PointSet)
    np.testing.assert_array_equal(found.geometry.points, [[7.5, 8]])


def test_cuboid_covers_the_outline_of_front_and_rear_face(tmp_path):
    front = [[10, 20], [30, 20], [30, 50], [10, 50]]
    rear = [[x + 8, y - 6] for x, y in front]
    found = read_shape(tmp_path, shape([*front, *rear], shape_type="cuboid"))
    assert found.converted == "cuboid"
    # Worked out on paper: the two corners that both faces hide lie inside.
    assert {tuple(point) for point in exterior(found).tolist()} == {
        (10, 20),
        (18, 14),
        (38, 14),
        (38, 44),
        (30, 50),
        (10, 50),
    }


# The record, the code, the place below the shape, words of the message.
REFUSED = {
    "polygon of two points": (shape(TRIANGLE[:2]), Code.TOO_FEW_POINTS, ".points", "at least 3"),
    "closed polygon of two points": (
        shape([[1, 1], [5, 5], [1, 1]]),
        Code.TOO_FEW_POINTS,
        ".points",
        "2 different points",
    ),
    "no points": (shape([]), Code.INVALID_COORDINATES, ".points", "no points"),
    "line of one point": (
        shape([[1, 1]], shape_type="linestrip"),
        Code.TOO_FEW_POINTS,
        ".points",
        "1 points make no line, expected at least 2",
    ),
    "flat cuboid": (
        shape([[i, 0] for i in range(8)], shape_type="cuboid"),
        Code.TOO_FEW_POINTS,
        ".points",
        "no area",
    ),
    "prompt points": (shape(TRIANGLE, shape_type="points"), Code.NOT_DRAWABLE, "", "prompt"),
    "unknown kind": (shape(shape_type="ellipse"), Code.UNKNOWN_KIND, ".shape_type", "'ellipse'"),
    "kind is a number": (shape(shape_type=3), Code.INVALID_RECORD, ".shape_type", "found 3"),
    "rectangle of three points": (
        shape([[1, 1], [2, 2], [3, 3]], shape_type="rectangle"),
        Code.INVALID_RECORD,
        ".points",
        "4 corners, found 3",
    ),
    "oriented rectangle of two points": (
        shape([[1, 1], [2, 2]], shape_type="oriented_rectangle"),
        Code.INVALID_RECORD,
        ".points",
        "4 corners, found 2",
    ),
    "circle of three points": (
        shape(TRIANGLE, shape_type="circle"),
        Code.INVALID_RECORD,
        ".points",
        "the center and a point on the rim",
    ),
    "three points as one": (
        shape(TRIANGLE, shape_type="point"),
        Code.INVALID_RECORD,
        ".points",
        "1 point",
    ),
    "cuboid of three points": (
        shape(TRIANGLE, shape_type="cuboid"),
        Code.INVALID_RECORD,
        ".points",
        "8 corners",
    ),
    "NaN token": (
        shape([[1, 2], [float("nan"), 3], [4, 5]]),
        Code.INVALID_COORDINATES,
        ".points",
        "x of point 1 is nan",
    ),
    "NaN corner": (
        shape([[5, 6], [float("nan"), 2]], shape_type="rectangle"),
        Code.INVALID_COORDINATES,
        ".points",
        "x of point 1 is nan",
    ),
    "infinite rim": (
        shape([[1, 2], [3, float("-inf")]], shape_type="circle"),
        Code.INVALID_COORDINATES,
        ".points",
        "y of point 1 is -inf",
    ),
    "huge number": (
        shape([[1, 2], [3, 1e10], [4, 5]]),
        Code.INVALID_COORDINATES,
        ".points",
        "2^31",
    ),
    "number that no float holds": (
        shape([[1, 2], [3, 10**400], [4, 5]]),
        Code.INVALID_COORDINATES,
        ".points[1][1]",
        "out of range",
    ),
    "null coordinate": (
        shape([[1, 2], [3, None], [4, 5]]),
        Code.INVALID_COORDINATES,
        ".points[1][1]",
        "found None",
    ),
    "half a point": (
        shape([[1, 2], [3], [4, 5]]),
        Code.INVALID_COORDINATES,
        ".points[1]",
        "length 2",
    ),
    "text coordinates": (
        shape([[1, 2], ["3", "4,5"], [4, 5]]),
        Code.INVALID_COORDINATES,
        ".points[1][0]",
        "'3'",
    ),
    "odd flat list": (
        shape([1, 2, 3, 4, 5, 6, 7]),
        Code.INVALID_COORDINATES,
        ".points[0]",
        "found 1",
    ),
    "two corners, or one and a size": (
        shape([1, 2, 3, 4], shape_type="rectangle"),
        Code.INVALID_COORDINATES,
        ".points[0]",
        "found 1",
    ),
    "null points": (shape(None), Code.INVALID_COORDINATES, ".points", "found None"),
    "no points key": ({"label": "caries"}, Code.INVALID_RECORD, "", "no `points`"),
    "label is a list": (shape(label=["caries"]), Code.INVALID_RECORD, ".label", "['caries']"),
    "label is a truth value": (shape(label=True), Code.INVALID_RECORD, ".label", "True"),
    "group is a list": (shape(group_id=[1]), Code.INVALID_RECORD, ".group_id", "[1]"),
    "group is a truth value": (shape(group_id=True), Code.INVALID_RECORD, ".group_id", "True"),
    "text for a shape": ("caries", Code.INVALID_RECORD, "", "'caries'"),
    "null for a shape": (None, Code.INVALID_RECORD, "", "None"),
}


@pytest.mark.parametrize(("record", "code", "place", "words"), REFUSED.values(), ids=REFUSED)
def test_a_shape_that_cannot_be_drawn_is_named_and_the_others_stay(
    tmp_path, record, code, place, words
):
    path = write(tmp_path, document(shape(label="first"), record, shape(label="last")))
    image = read_one(path)
    assert [found.labels for found in image.shapes] == [("first",), ("last",)]
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert issue.code is code
    assert issue.origin.file == path
    assert issue.origin.pointer == f"$.shapes[1]{place}"
    assert words in issue.message
    assert image.record_count == 3
    assert image.state is ImageState.ANNOTATED


def test_shapes_stay_in_drawing_order_with_their_places(tmp_path):
    labels = ["tooth", "_background_", "caries", "__ignore__", "むし歯", "caries-2"]
    image = read_one(write(tmp_path, document(*(shape(label=label) for label in labels))))
    assert [found.labels for found in image.shapes] == [(label,) for label in labels]
    assert [found.origin.pointer for found in image.shapes] == [
        f"$.shapes[{index}]" for index in range(len(labels))
    ]


@pytest.mark.parametrize(
    ("label", "expected"),
    [("caries ", "caries "), (3, "3"), (0, "0"), (2.5, "2.5"), (10**400, str(10**400))],
)
def test_label_is_kept_as_it_is_written(tmp_path, label, expected):
    found = read_shape(tmp_path, shape(label=label))
    assert found.labels == (expected,)
    assert found.label_issue is None


@pytest.mark.parametrize("label", [None, "", "  ", float("nan")])
def test_shape_without_label_is_kept_and_says_so(tmp_path, label):
    found = read_shape(tmp_path, shape(label=label))
    assert found.labels == ()
    assert found.label_issue is not None
    assert found.label_issue.code is Code.NO_LABEL
    assert found.label_issue.origin.pointer == "$.shapes[0].label"


def test_shape_without_the_key_label_is_kept_and_says_so(tmp_path):
    found = read_shape(tmp_path, {"points": TRIANGLE})
    assert found.labels == ()
    assert found.label_issue is not None


@pytest.mark.parametrize(
    ("group", "instance"), [(None, None), (0, "0"), (7, "7"), (7.0, "7"), ("a", "a"), ("", None)]
)
def test_group_is_the_instance(tmp_path, group, instance):
    assert read_shape(tmp_path, shape(group_id=group)).instance == instance


def test_other_keys_of_a_shape_are_kept(tmp_path):
    others = {
        "flags": {"deep": True},
        "description": "distal",
        "difficult": True,
        "score": 0.75,
        "attributes": {"grade": "D2"},
        "kie_linking": [],
        "visible": False,
        "my own key": [1, {"a": None}],
    }
    found = read_shape(tmp_path, shape(shape_type="polygon", group_id=1, **others))
    assert found.extra == others
